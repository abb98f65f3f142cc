"""Draw a method's settings as widgets and give the method back."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import Field, fields
from typing import Any, Literal, Protocol, TypeVar

import streamlit as st

from components import own_words
from components.links import Allowed, refuse
from components.notices import escape_markdown
from components.picks import TRUTH, pick, pick_some
from engine.core.method import Choice, Control, Method, Slider, Switch


class Offering(Protocol):
    """A case that knows what a setting may be, such as its model's layers."""

    def options(self, source: str, /) -> Sequence[str]:
        """The words that can be chosen."""


MethodT = TypeVar("MethodT", bound=Method[Any])
Persist = Literal["page", "session"]

WIDE = 500  # steps from end to end above which a whole number is typed rather than slid to


def method_form(kind: type[MethodT], key: str, case: Offering) -> MethodT:
    """One widget per setting, each in the address bar, so that a link reopens the view."""
    return kind(**{spec.name: widget(spec, f"{key}.{spec.name}", case) for spec in fields(kind)})


def settings(kind: type[Any], key: str, names: Collection[str] | None = None) -> dict[str, Any]:
    """The values of settings that ask for no case, by name; kept while other pages are open."""
    return {
        spec.name: widget(spec, f"{key}.{spec.name}", None, "session")
        for spec in fields(kind)
        if names is None or spec.name in names
    }


def folded_settings(
    kind: type[Any], key: str, names: Collection[str], label: str
) -> dict[str, Any]:
    """As `settings`, behind a button that opens them; what a link cannot ask for is said above."""
    refuse_links(kind, key)
    with st.popover(label):
        return settings(kind, key, names)


def widget(
    spec: Field[Any],
    key: str,
    case: Offering | None = None,
    persist: Persist | None = None,
    first: Any = None,
    **more: Any,
) -> Any:
    """The widget that a setting's control asks for; gives the setting's value.

    Args:
        spec: the setting as declared.
        key: of the widget, and its name in a link.
        case: knows what else can be chosen.
        persist: how long Streamlit keeps it.
        first: what it begins with, where that is not the default.
        more: of the widget.
    """
    label, control = spec.metadata["label"], spec.metadata["control"]
    start: Any = spec.default if first is None else first
    for name, allowed, rule in linked_words(control, key, start, case):
        refuse(name, allowed, label, rule, late=True)
    more |= {
        "help": spec.metadata["help"],
        "key": key,
        "bind": "query-params",
        "persist_state": persist,
    }
    match control:
        case Slider(off=off) if off:
            return optional_slider(control, start, label, **more)
        case Slider():
            return slider(control, start, label, **more)
        case Choice(off=off) as control:
            words = choice_options(control, case)
            return choice(words, off, start, label, **more | {"bind": own_words.bind(words)})
        case Switch():
            return st.toggle(label, start, **more)


def choice_options(control: Choice, case: Offering | None) -> Sequence[str]:
    return control.options or (case.options(control.source) if case else ())


def slider(control: Slider, start: float, label: str, **more: Any) -> float:
    """A slider with its unit; over decades it stops at 1, 2, 5. A wide range is typed."""
    label_with_unit = f"{label} ({control.unit})" if control.unit else label
    ends = control.low, control.high
    if control.whole and not control.log and ends[1] - ends[0] > WIDE * control.step:
        return st.number_input(label_with_unit, *ends, start, control.step, **more)
    if control.log:
        return st.select_slider(
            label_with_unit, marks(control, start), start, format_func=short, **more
        )
    return st.slider(label_with_unit, *ends, start, control.step, **more)


def marks(control: Slider, start: float | None) -> list[float]:
    """Where a slider over decades stops: its marks and its usual value."""
    return sorted({*control.marks(), slider_start(control, start)})


def slider_start(control: Slider, start: float | None) -> float:
    """Where a slider stands at first, also one that was off."""
    return start or control.start or control.low


def optional_slider(
    control: Slider, start: float | None, label: str, *, key: str, help: str, **more: Any
) -> float | None:
    on = st.toggle(
        f"{label}: {control.off} or a number", start is not None, key=f"{key}.on", **more
    )
    return (
        slider(control, slider_start(control, start), label, key=key, help=help, **more)
        if on
        else None
    )


def choice(
    words: Sequence[str], off: str, start: str | None, label: str, **more: Any
) -> str | None:
    options = [off, *words] if off else list(words)
    picked = st.selectbox(label, options, options.index(off if start is None else start), **more)
    return None if off and picked == off else picked


def short(number: float) -> str:
    return f"{number:g}"


def refuse_links(kind: type[Any], key: str, case: Offering | None = None, title: str = "") -> None:
    """Say which values of a link the form cannot take; called before the form is drawn."""
    for spec in fields(kind):
        control: Control = spec.metadata["control"]
        label = f"{title or kind.title} ▸ {spec.metadata['label']}"
        for name, allowed, rule in linked_words(control, f"{key}.{spec.name}", spec.default, case):
            refuse(name, allowed, label, rule)


def linked_words(
    control: Control, key: str, start: Any, case: Offering | None
) -> Iterator[tuple[str, Allowed, str]]:
    """What a link can ask of a control: name in the link, words that can be had, and the rule."""
    yield key, word_check(control, start, case), control.words()
    if isinstance(control, Slider) and control.off:
        yield f"{key}.on", TRUTH, " or ".join(TRUTH)


def word_check(control: Control, start: Any, case: Offering | None) -> Callable[[str], bool]:
    """Whether a word from a link names a value that the control's widget can show."""
    match control:
        case Slider() if control.log:
            return {short(mark) for mark in marks(control, start)}.__contains__
        case Slider():
            return lambda word: within(control, word)
        case Choice(off=off):
            return {*choice_options(control, case), *([off] if off else [])}.__contains__
        case Switch():
            return TRUTH.__contains__


def within(control: Slider, word: str) -> bool:
    """Whether the word is a number that the slider reaches; Streamlit cuts off fractions."""
    try:
        return control.allows(int(float(word)) if control.whole else float(word))
    except (ValueError, OverflowError):
        return False


def pick_methods(
    label: str,
    kinds: Sequence[type[Method[Any]]],
    case: Any,
    key: str,
    *,
    first: Collection[type[Method[Any]]],
    most: int,
    name: str,
    rule: str,
    unfit: str,
    **more: Any,
) -> list[type[Method[Any]]]:
    """Up to `most` methods; those that do not fit the case are gray, with the reason.

    See `picks.pick`; `unfit` stands before the reasons.
    """
    titles = {kind.title: kind for kind in kinds if not kind.unmet(case)}
    begin = [title for title, kind in titles.items() if kind in first]
    chosen = pick_some(label, list(titles), key, begin, name=name, rule=rule, **more)
    if gray := [kind for kind in kinds if kind.title not in titles]:
        reasons = "; ".join(sorted({kind.unmet(case).rstrip(".") for kind in gray}))
        st.pills(
            f"{unfit}: {reasons}", [kind.title for kind in gray], disabled=True, key=f"{key}.unfit"
        )
    if len(chosen) > most:
        st.info(f"The first {most} are shown; take one away to see another.")
    return [titles[title] for title in chosen[:most]]


def pick_method(
    label: str,
    kinds: Sequence[type[MethodT]],
    case: Any,
    key: str,
    slot: str,
    *,
    first: type[MethodT],
    offering: Offering,
) -> MethodT:
    """One method with its settings; those that do not fit the case are named with the reason.

    Args:
        label: of the choice.
        kinds: what can be chosen.
        case: what the method has to fit.
        key: of the choice, in the link.
        slot: the settings are named after it and the method.
        first: what is chosen first, where it fits.
        offering: knows what else a setting may be.
    """
    fitting = {kind.title: kind for kind in kinds if not kind.unmet(case)}
    begin = first.title if first.title in fitting else next(iter(fitting))
    choice_column, settings_column = st.columns([6, 1], vertical_alignment="bottom")
    with choice_column:
        kind = fitting[pick(label, list(fitting), key, "pills", first=begin)]
    refuse_links(kind, f"{slot}.{kind.name}", offering)
    with settings_column.popover("Settings"):
        method = method_form(kind, f"{slot}.{kind.name}", offering)
        if not fields(kind):
            st.caption("It has none.")
    for method_kind in kinds:
        if reason := method_kind.unmet(case):
            st.caption(escape_markdown(f"{method_kind.title}: {reason}"))
    return method
