"""The arguments of a case as widgets: label, help, bounds, link and refusal are as declared."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from components import forms
from components.links import refuse
from components.picks import Kind, pick, pick_some, search_box, type_text
from engine.core.controls import Declared, Many
from engine.core.method import Case, Option, Slider, Switch

LISTED_WORDS = 6  # words that are listed where a link asks for another one


def several(value: Any) -> tuple[Any, ...]:
    """The values of an argument, of which most have one."""
    return value if isinstance(value, tuple) else (value,)


@dataclass(frozen=True)
class CaseForm:
    """Widgets for the arguments of a case, each where `ask` is called.

    Args:
        kind: declares them.
        key: of the view; an argument has its name behind it, in the link too.
        beside: what the options depend on and the form does not ask, such as the model.
        kept: whether what was chosen stays while other pages are open.
        given: what was chosen, by name.
    """

    kind: type[Declared] | type[Case]
    key: str = ""
    beside: dict[str, Any] = field(default_factory=dict)
    kept: bool = False
    given: dict[str, Any] = field(default_factory=dict)

    def ask(self, name: str, kind: Kind | Literal["search"] = "list", **more: Any) -> Any:
        """The value of an argument that was not asked before.

        Args:
            name: of the argument.
            kind: of widget, where words are offered.
            more: see `words`; of a number, a switch or a text: `first`, and what else its widget
                takes.
        """
        spec = self.kind.specs()[name]
        control = spec.metadata["control"]
        if isinstance(control, Slider | Switch):
            value = self.number(name, **more)
        elif control.options is None:
            value = self.text(name, **more)
        else:
            value = self.words(name, kind, **more)
        self.given[name] = value
        return value

    def number(self, name: str, first: Any = None, **more: Any) -> Any:
        spec, key = self.kind.specs()[name], self.key_of(name)
        control, start = spec.metadata["control"], spec.default if first is None else first
        for link_name, allowed, rule in forms.linked_words(control, key, start, None):
            refuse(link_name, allowed, spec.metadata["label"], rule)
        return forms.widget(spec, key, None, self.persist, start, **more)

    def text(self, name: str, first: str | None = None, **more: Any) -> Any:
        spec = self.kind.specs()[name]
        begin = str(spec.default if first is None else first)
        return type_text(
            spec.metadata["label"],
            begin,
            self.key_of(name),
            help=spec.metadata["help"],
            kept=self.kept,
            **more,
        )

    def words(
        self,
        name: str,
        kind: Kind | Literal["search"],
        *,
        first: Any = None,
        rule: str = "",
        only: Callable[[Option], bool] = bool,
        own: Mapping[str, Any] | None = None,
        off: bool = False,
        single: bool = False,
        label: str = "",
        **more: Any,
    ) -> Any:
        """One of the words that are offered, or several; gives what they name.

        Args:
            name: of the argument.
            kind: of widget; a list that is searched begins with none.
            first: what it begins with; the default, or the first word where that is not offered.
            rule: what a link is told that it must be.
            only: which of the options are offered.
            own: what only this session has, by title: no command can name it.
            off: whether to choose nothing stands last.
            single: whether only one is chosen where several could be.
            label: where the declared one does not say it, such as how many are asked for.
            more: of the widget.
        """
        spec = self.kind.specs()[name]
        control, label = spec.metadata["control"], label or spec.metadata["label"]
        options = [
            option for option in self.kind.offered(name, self.beside | self.given) if only(option)
        ]
        value_by_title: dict[str, Any] = {
            option.title: option.name for option in options if not option.reason
        }
        value_by_title |= own or {}
        if off:
            value_by_title[control.off] = None
        missing = [f"{option.title}: {option.reason}." for option in options if option.reason]
        more["help"] = " ".join([spec.metadata["help"], *missing])
        more["name"] = re.split(r",| \(", label)[0]
        start: Any = spec.default if first is None else first
        if isinstance(control, Many) and not single:
            first_titles = [title for title in value_by_title if value_by_title[title] in start]
            first_titles.sort(key=lambda title: start.index(value_by_title[title]))
            more |= {"rule": rule, "kept": self.kept}
            picked = pick_some(label, list(value_by_title), self.key_of(name), first_titles, **more)
            return tuple(value_by_title[title] for title in picked)
        rule = rule or ("" if len(value_by_title) <= LISTED_WORDS else "one that is offered here")
        if kind == "search":
            chosen = search_box(
                label, list(value_by_title), self.key_of(name), rule=rule, kept=self.kept, **more
            )
            return None if chosen is None else value_by_title[chosen]
        first_title = next(
            (title for title in value_by_title if value_by_title[title] in several(start or "")),
            None,
        )
        chosen = pick(
            label,
            list(value_by_title),
            self.key_of(name),
            kind,
            first=first_title,
            rule=rule,
            kept=self.kept,
            **more,
        )
        return (value_by_title[chosen],) if single else value_by_title[chosen]

    def known(self, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The arguments by which the case is asked again; none where one of them has no name.

        Args:
            more: arguments that the form does not ask for, such as the picture of the sidebar.
        """
        parts = [given_part for value in self.given.values() for given_part in several(value)]
        all_named = all(isinstance(part, str | int | float | None) for part in parts)
        return {**(more or {}), **self.given} if all_named else {}

    def key_of(self, name: str) -> str:
        """The key of an argument's widget, and its name in a link."""
        return f"{self.key}.{name}" if self.key else name

    @property
    def persist(self) -> forms.Persist | None:
        return "session" if self.kept else None
