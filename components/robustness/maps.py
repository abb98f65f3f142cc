"""Which heat map followed the attack, and beside it whether that map can be trusted."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from components import runs
from components.draw.drawing import draw
from components.draw.maps import draw_maps
from components.notices import escape_markdown
from components.picks import pick, pick_some
from components.robustness import drawings
from components.robustness.form import KEY, AttackQuestion, is_small
from components.section import Section
from components.sidebar.subject import Subject
from components.trust import verdict
from components.trust.trials import WITHHELD
from components.views import HEATMAPS
from components.widgets.viewer import Panel
from engine.attribution.robustness.followed import (
    FOLLOWS,
    KINDS,
    MAPS,
    NEW,
    SAME,
    MapsFollow,
    answer_changed,
)
from engine.attribution.robustness.scored import attacked_pixels
from engine.core.charts.drawing import Views
from engine.core.result import Table
from engine.core.run import Answer
from engine.evaluation.trust import Check, Order, OtherClass, TrustCase
from engine.evaluation.trust.verdict import GOOD
from engine.vision.case import ImageCase, PairCase
from engine.vision.data.example import Mask

BOUND, ORDER = "the attack above", "your order"
CARRY = "carry the score"
TRIALS: tuple[tuple[Check, str, str], ...] = (  # with a button, and what a map does that passes
    (Order(), "Put the maps on trial", CARRY),
    (OtherClass(), "Try with another class", "are about this class"),
)
WORDS = {
    "before": "before: the old class",
    "after": "after: the old class",
    "now": "after: what it says now",
}


def followed(
    question: AttackQuestion, chosen_subject: Subject, attacks: Mapping[str, Answer | None]
) -> None:
    st.subheader("Which heat map followed?")
    chosen = pick("After", list(attacks), f"{KEY}.after", "segments")
    if (attack := attacks[chosen]) is None:
        st.info(f"There is no image of {chosen} to compare: run that attack first.")
        return
    case: Any = PairCase(question.case, (attacked_pixels(attack),))
    answer, controls = st.container(), st.container()
    with controls, st.popover("Which heat maps"):
        titles = choose_maps(question)
    usual = {kind.title for kind in MAPS if not kind.unmet(question.case)}
    with answer:
        result = (
            usual_maps(chosen_subject, case, chosen)
            if set(titles) == usual
            else selected_maps(chosen_subject, case, titles)
        )
    if result is not None:
        show_trust(question.case, chosen_subject, result)


def choose_maps(question: AttackQuestion) -> list[str]:
    offered = [title for title, kind in KINDS.items() if not kind.unmet(question.case)]
    usual = [kind.title for kind in MAPS if kind.title in offered]
    key, before = f"{KEY}.compared", f"{KEY}.usual"
    if key in st.session_state:
        selected: list[str] = st.session_state[key]
        chosen = chosen_of(selected, offered, usual, st.session_state.get(before))
        if chosen != selected:  # what is written here wins over a link
            st.session_state[key] = chosen
    st.session_state[before] = usual
    return pick_some("Heat maps that are compared", offered, key, usual)


def chosen_of(
    selected: list[str], offered: Sequence[str], usual: list[str], before: list[str] | None
) -> list[str]:
    """What is chosen of the maps that this model offers.

    Args:
        selected: what was chosen.
        offered: what can be chosen now.
        usual: what is chosen by itself now.
        before: what was chosen by itself the last time, perhaps with another model.
    """
    if before is not None and set(selected) == set(before):  # nobody chose
        return usual
    still_offered = [title for title in selected if title in offered]
    return usual if selected and not still_offered else still_offered


def usual_maps(chosen_subject: Subject, case: Any, changed: str) -> Views | None:
    return Section(
        f"{KEY}.maps",
        MapsFollow(),
        case,
        picture=lambda maps: show_three_maps(chosen_subject, maps),
        evidence=(drawings.FOLLOWED,),
        button="" if is_small(case.source) else "Compare the maps",
        before=f"Eight heat maps of the image before and after {changed}.",
        known={},
    ).show()


def selected_maps(chosen_subject: Subject, case: Any, titles: Sequence[str]) -> Views | None:
    if not titles:
        st.info("Choose at least one heat map under “Which heat maps”.")
        return None
    questions: dict[str, Any] = {title: (MapsFollow(map=title), case) for title in titles}
    slot = f"{KEY}.maps"
    outcomes = (
        {
            title: runs.ask(method, pair_case, f"{slot}.{title}")
            for title, (method, pair_case) in questions.items()
        }
        if is_small(case.source)
        else runs.ask_each_when_told(questions, slot, "Compare the maps", named=False)
    )
    answers = [outcome for outcome in outcomes.values() if isinstance(outcome, Answer)]
    if answers:
        result = merge_answers(answers)
        st.header(escape_markdown(MapsFollow().finding(case, result)))
        show_three_maps(chosen_subject, result)
        draw(drawings.FOLLOWED, result, f"{KEY}.maps.followed")
    runs.watch([outcome for outcome in outcomes.values() if not isinstance(outcome, Answer)])
    return merge_answers(answers) if len(answers) == len(titles) else None


def merge_answers(answers: Sequence[Views]) -> dict[str, Any]:
    tables = [answer["followed"] for answer in answers]
    values = np.concatenate([table.values for table in tables])
    rows = [row for table in tables for row in table.rows]
    maps = {name: view for answer in answers for name, view in answer.items() if name != "followed"}
    return {"followed": Table.grid(values, rows, (SAME, NEW), ("Spearman",) * 2), **maps}


def show_three_maps(chosen_subject: Subject, result: Views) -> None:
    title = pick("Heat map", list(result["followed"].rows), f"{KEY}.map", "pills")
    panels = [Panel(words, result[f"{title} {moment}"]) for moment, words in WORDS.items()]
    draw_maps(panels, chosen_subject, f"{KEY}.viewer")


def show_trust(attacked: ImageCase, chosen_subject: Subject, result: Views) -> None:
    if chosen_subject.in_distribution.foreign:
        st.markdown(f"**Can they be trusted?** {WITHHELD}")
        return
    st.markdown("**Can they be trusted?**")
    for trial in TRIALS:
        run_trial(attacked, chosen_subject.mask, result, *trial)
    st.page_link(
        HEATMAPS.path,
        label="Other trials of these maps stand on Heatmaps",
        icon=HEATMAPS.icon,
        query_params={"heatmaps.methods": list(result["followed"].rows), "trust.on": "true"},
    )


def run_trial(
    attacked: ImageCase, mask: Mask | None, result: Views, check: Check, button: str, passing: str
) -> None:
    table = result["followed"]
    st.markdown(escape_markdown(check.title))
    cases = {title: TrustCase(attacked, KINDS[title](), mask) for title in table.rows}
    outcomes = runs.ask_all_when_told(check, cases, f"{KEY}.{check.name}", button, named=False)
    runs.watch([outcome for outcome in outcomes.values() if not isinstance(outcome, Answer)])
    views = {
        title: outcome["check"]
        for title, outcome in outcomes.items()
        if isinstance(outcome, Answer)
    }
    if views:
        st.markdown("\n".join(trial_lines(check, table, views)))
    if len(views) == len(table):
        st.markdown(f"**{pass_counts(result, views, passing)}**")


def trial_lines(check: Check, table: Table, views: Mapping[str, Table]) -> list[str]:
    sentences = []
    for title, view in views.items():
        mark, word = verdict.sign(check, view)
        alike = table.cell(title, NEW)
        likeness_text = f"{alike:.2f}" if np.isfinite(alike) else "flat"
        sentences.append(
            f"- {mark} **{escape_markdown(title)}** ({likeness_text}) {word}. "
            f"{escape_markdown(view.notes[0])}"
        )
    return sentences


def pass_counts(result: Views, views: Mapping[str, Table], passing: str = CARRY) -> str:
    """How many of the maps that moved with the answer pass a trial, and of the others."""
    table = result["followed"]
    good = np.array([verdict.verdict_value(views[title]) == GOOD for title in table.rows])
    if not answer_changed(result):
        return f"The answer did not change: of {len(good)} maps {good.sum()} {passing}."
    alike = np.array(table[NEW])
    moved, stayed, flat = alike < FOLLOWS, alike >= FOLLOWS, int(np.isnan(alike).sum())
    pass_it = f"of which {(moved & good).sum()} {passing} before the attack"
    others = f"{stayed.sum()}, of which {(stayed & good).sum()} {passing}"
    rest = f"; flat, so that nothing can be compared: {flat}" if flat else ""
    return f"Moved with the answer: {moved.sum()} maps, {pass_it}; did not: {others}{rest}."
