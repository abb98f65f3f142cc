"""A section of a view: one question, asked, waited for, drawn and explained as everywhere else.

A section draws in one order: the answer as a sentence, the picture that carries it, the evidence,
and how the answer was made. What a person takes along stands in the footer of the view.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from components import exports, footer, runs, sharing
from components.draw.drawing import draw
from components.footer import Entry
from components.notices import escape_markdown, show_problems
from components.runs import Outcome, Pending
from components.share import Files, Offer
from components.sidebar.ground import ground_of
from engine.commands.as_code import as_python, as_shell
from engine.core import run
from engine.core.charts.drawing import Draw, Drawing, Exhibit, Views, Words, exhibit
from engine.core.errors import BlindspotError
from engine.core.method import Method, case_kind
from engine.core.run import Answer
from engine.vision.lab import keep_when_done


@dataclass(frozen=True)
class Section:
    """One question of a view.

    Args:
        key: names its slot, its widgets and its part of the link.
        method: what is asked.
        case: what it is asked about.
        title: above it.
        sentence: the answer in at most two lines, with the figure that carries it; what the
            method itself finds if not given.
        picture: draws what makes the point, large, below the sentence; the method's main drawing
            if not given.
        evidence: what the answer rests on, in this order; the method's drawings if not given.
        columns: how many of it stand side by side in a wide window.
        below: where the evidence and what follows it are drawn, such as below the controls; right
            below the picture if not given.
        provenance: where the line stands that says how the answer was made; last if not given.
        detail: draws what else belongs to it, below the evidence.
        button: on what starts it; "" where it starts by itself.
        first: what it rests on, with the slot of each: asked before it, so that its progress is
            seen; not where there is a button.
        waiting: draws what stands there until the answer does, such as a picture that needs none.
        growing: draws what is there of an answer that is still computed; the evidence if not given.
        before: what will be computed, said as long as it was not started.
        known: arguments that the case does not know about itself, such as where its image is from.
        files: what else is offered under Share.
        notes: what else was found out about the answer, such as trials; for the report.
        script: the question in Python, where no command of the shell can name its case.
        explained: whether "What am I looking at?" tells of it.
        keeps: whether a model that it makes is kept as soon as it is there, on whichever page.
    """

    key: str
    method: Method[Any]
    case: Any
    title: str = ""
    sentence: Words | None = None
    picture: Draw | None = None
    evidence: Sequence[Drawing] | None = None
    columns: int = 2
    below: AbstractContextManager[Any] | None = None
    provenance: AbstractContextManager[Any] | None = None
    detail: Callable[[Answer], object] | None = None
    button: str = ""
    first: Sequence[tuple[Method[Any], Any, str]] = ()
    before: str = ""
    waiting: Callable[[], None] | None = None
    growing: Draw | None = None
    known: Mapping[str, Any] = field(default_factory=dict)
    files: Callable[[Views], Files] | None = None
    notes: Sequence[str] = ()
    script: Callable[[], str] | None = None
    explained: bool = True
    keeps: bool = False

    @property
    def slot(self) -> str:
        """Where its answer is waited for."""
        return f"{self.key}.{self.method.name}"

    @property
    def drawings(self) -> Sequence[Drawing]:
        return self.method.drawings if self.evidence is None else self.evidence

    def draw_picture(self, result: Views, when: str = "") -> None:
        main = self.method.main_drawing
        if self.picture:
            self.picture(result)
        elif main and main.view in result:
            draw(main, result, f"{self.slot}.{main.view}{when}")

    def show(self) -> Answer | None:
        """Ask its question and draw what is known of it: the answer once it is whole."""
        if self.title:
            st.markdown(f"**{escape_markdown(self.title)}**")
        if reason := self.method.unmet(self.case):
            st.caption(escape_markdown(f"Not available: {reason}"))
            return None
        outcome, above = None, st.container()
        with show_problems():
            outcome = ask(self)
        if isinstance(outcome, Answer):
            show_answer(self, outcome)
            return outcome
        if self.keeps and isinstance(outcome, Pending):
            keep_of(self, outcome)
        if self.waiting:
            with above:
                self.waiting()
        if outcome is not None:
            runs.watch_growing(outcome, self.growing or (lambda partial: growing(self, partial)))
        elif self.before:
            st.caption(escape_markdown(self.before))
        show_footer(self)
        return None


def keep_of(section: Section, outcome: Pending) -> None:
    """Keep the model as that of whoever pressed the button, if they may have it, once it is there.

    Somebody else who sees it come, with the same question, is not made an owner.
    """
    model = getattr(section.case, "model", None)
    if run.digest(section.method, section.case) not in runs.by_button():
        return
    if model is None or sharing.may_copy(model.fingerprint):
        job: Any = outcome.job
        keep_when_done(job, sharing.keeper(), runs.visit().visitor)


def ask(section: Section) -> Outcome | None:
    """The answer, how far it is, or None while its button was not pressed."""
    if section.button:
        return runs.ask_when_told(section.method, section.case, section.slot, section.button)
    if section.first and run.kept_answer(section.method, section.case) is None:
        for method, case, slot in section.first:
            outcome = runs.ask(method, case, slot)
            if not isinstance(outcome, Answer):
                return outcome
    return runs.ask(section.method, section.case, section.slot)


def show_answer(section: Section, answer: Answer) -> None:
    if header_text := sentence(section, answer):
        st.header(escape_markdown(header_text))
    section.draw_picture(answer)
    with section.below or nullcontext():
        draw_evidence(section, answer)
        if section.detail:
            section.detail(answer)
        with section.provenance or nullcontext():
            st.caption(escape_markdown(exports.provenance(answer)))
        files = section.files(answer) if section.files else {}
        show_footer(section, view_offer(section, answer, files))


def sentence(section: Section, answer: Views) -> str:
    """The answer in words: the view's own, or what the method finds; "" where neither has any."""
    if section.sentence:
        return section.sentence(answer)
    return section.method.finding(section.case, answer)


def view_offer(section: Section, answer: Answer, files: Files) -> Offer:
    """What can be taken along, with what a report says and draws of it."""

    def exhibits() -> list[Exhibit]:
        return [exhibit(drawing, answer) for drawing in section.drawings if drawing.view in answer]

    return Offer(
        answer,
        section.slot,
        files,
        calls(section),
        sentence(section, answer),
        section.notes,
        exhibits,
        lambda: ground_of(section.case),
        f"{section.key}.viewer",
    )


def show_footer(section: Section, offer: Offer | None = None) -> None:
    """What stands at the end of the view: its answer to take along, what it is, and the source."""
    explained = type(section.method) if section.explained else None
    footer.add_entry(Entry(section.title or section.method.title, explained, offer))


def calls(section: Section) -> tuple[str, ...]:
    """The same question in Python and, where the case can be named there, in the shell."""
    script_calls = (section.script(),) if section.script else ()
    kind = case_kind(type(section.method))
    specs = kind.specs()
    if type(section.case) is not kind or not specs:
        return script_calls
    known = {name: setting for name, setting in section.known.items() if name in specs}
    try:
        arguments = section.case.to_arguments(**known)
    except BlindspotError:  # a model or an image that only this session has
        return script_calls
    return as_python(section.method, arguments), as_shell(section.method, arguments)


def growing(section: Section, partial: Views) -> None:
    if not section.picture:
        section.draw_picture(partial, ".growing")
    draw_evidence(section, partial, ".growing")


def draw_evidence(section: Section, result: Views, when: str = "") -> None:
    side_by_side(section.drawings, result, section.slot, section.columns, when)


def side_by_side(
    drawings: Sequence[Drawing], result: Views, key: str, columns: int, when: str = ""
) -> None:
    """The drawings whose view the result has, so many beside each other; wide ones alone."""
    present = [drawing for drawing in drawings if drawing.view in result]
    across = max(min(columns, len(present)), 1)
    for row in in_rows(present, across):
        places = st.columns(1 if row[0][1].wide else across, gap="large")
        for place, (at, drawing) in zip(places, row, strict=False):
            with place:
                draw(drawing, result, f"{key}.{drawing.view}.{at}{when}")


def in_rows(drawings: Sequence[Drawing], across: int) -> list[list[tuple[int, Drawing]]]:
    """The drawings with their places, in rows of so many; a wide one has a row of its own."""
    rows: list[list[tuple[int, Drawing]]] = []
    for at, drawing in enumerate(drawings):
        full = not rows or len(rows[-1]) == across or rows[-1][0][1].wide
        if full or drawing.wide:
            rows.append([])
        rows[-1].append((at, drawing))
    return rows
