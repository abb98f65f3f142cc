"""Poison it yourself: the votes move with each poison, and the certificate holds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import streamlit as st

from components import forms, section
from components.certificates.form import KEY, POISON, CertificateQuestion, class_name
from components.section import Section
from engine.core.charts.bar_groups import BarGroups
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.result import Table
from engine.unlearning import PoisonVotes
from engine.unlearning.certificates.bounds import FA_ROE, ROE
from engine.unlearning.certificates.poisoning import ADD


def show(question: CertificateQuestion) -> None:
    """How many poisons, of which kind; what they do."""
    answer, controls = st.container(), st.container()
    with controls:
        forms.refuse_links(PoisonVotes, POISON)
        left, right = st.columns([1, 3], gap="medium", vertical_alignment="bottom")
        with left:
            settings = forms.settings(PoisonVotes, POISON, ("way",))
        with right:
            settings |= forms.settings(PoisonVotes, POISON, ("count",))
    method = replace(question.method, **settings)
    done = "added" if method.way == ADD else "relabeled"
    with answer:
        section.show(
            Section(
                KEY,
                method,
                question.case,
                "Poison it yourself",
                known=question.known,
                evidence=(
                    votes(question),
                    after(question),
                    Drawing("poisons", "The poisons", wide=True),
                ),
                button="Poison the training images",
                before=f"Up to {method.count} images are {done}, the worst ones for this image "
                "first; each network that they reach is retrained and votes again.",
            )
        )


def outcome_count(result: Views, name: str) -> int:
    """A number of what came out."""
    return int(result["outcome"][name][0])


def votes(question: CertificateQuestion) -> Drawing:
    """The first round, poison by poison, beside the worst case."""

    def chart(result: Views) -> Lines:
        says, rival = (
            class_name(question, outcome_count(result, role)) for role in ("answer", "rival")
        )
        return Lines(
            x="poisons",
            series={
                "answer": f"votes for {says}",
                "rival": f"votes for {rival}",
                "worst answer": f"{says}, worst case",
                "worst rival": f"{rival}, worst case",
            },
            title="first votes",
            x_title="poisoned training images",
            now=outcome_count(result, "certificate"),
            now_name="certified",
        )

    return Drawing("steps", "The votes, poison by poison", chart, certified_limits)


def certified_limits(result: Views) -> str:
    """From how many poisons on the answer is another one, in truth and in the worst case."""
    says = outcome_count(result, "answer")

    def first_change(column: str) -> str:
        changed = result["steps"][column] != says
        return f"changes at {int(changed.argmax())}" if changed.any() else "does not change"

    return (
        f"Certified up to {outcome_count(result, 'certificate')}. With the networks as "
        "retrained, the "
        f"answer {first_change('says')}; in the worst case, it {first_change('worst says')}."
    )


def after(question: CertificateQuestion) -> Drawing:
    """What the networks say at the end: first votes or, where there is one, the run-off."""
    series = {f"first votes, {when}": when for when in ("before", "after")}
    return Drawing(
        "ballots",
        "First votes before and after",
        BarGroups(series=series, title="networks"),
        partial(run_off, question),
        part=lambda table: Table.of({name: (table[name], "") for name in series}, table.rows),
    )


def run_off(question: CertificateQuestion, result: Views) -> str:
    """How the answer and its rival compare after the poisons."""
    steps, rival = result["steps"], class_name(question, outcome_count(result, "rival"))
    says = class_name(question, outcome_count(result, "answer"))
    first, last = (100 * steps["above"][at] for at in (0, -1))
    words = f"{says} is above {rival} on {first:.0f} % of the ballots before, {last:.0f} % after"
    decides = ", which decides the run-off" if question.method.scheme in {ROE, FA_ROE} else ""
    return f"{words}{decides}."
