"""How a training goes, and the model that comes of it."""

from __future__ import annotations

import streamlit as st

from components import runs
from components.charts import curves
from components.notices import plain, spoken
from components.runs import Outcome, Pending, Problem
from components.taking import take
from components.views import HEATMAPS
from engine.lab import keep, keep_when_done
from engine.models import checkpoints
from engine.models.card import ModelCard
from engine.models.checkpoints import Stored
from engine.result import Result, TrainLog
from engine.run import Answer

SLOT = "lab.training"
SHORT = {
    "train accuracy": "Train", "validation accuracy": "Validation", "test accuracy": "Test",
    "balanced test accuracy": "Test by class",
}  # fmt: skip


def follow(outcome: Outcome, slot: str) -> None:
    """Progress with live curves, or the finished model."""
    runs.watch([outcome], live=lambda partial: live(partial, slot))
    match outcome:
        case Pending(job=job):
            keep_when_done(job)  # type: ignore[arg-type]
            awaited().add(job.name)
        case Problem(partial=partial) if partial is not None:
            st.caption("What it had learned by then:")
            live(partial, slot)
        case Answer():
            finished(outcome, slot)
        case _:
            pass


def awaited() -> set[str]:
    """The trainings that this session waits for."""
    names: set[str] = st.session_state.setdefault("lab.awaited", set())
    return names


def live(partial: Result, slot: str) -> None:
    """The curves so far."""
    log = partial.get("log")
    if isinstance(log, TrainLog):
        curves.training(log, f"{slot}.live")


def finished(answer: Answer, slot: str) -> None:
    """Figures, the model, and its curves."""
    figures = answer["figures"]
    columns = st.columns(len(figures.labels))
    for column, label, value in zip(columns, figures.labels, figures.values, strict=True):
        short = SHORT.get(label, "Test, attacked")
        column.metric(short, f"{value:.1%}".replace("%", " %"), help=f"Right answers: {label}.")
    with spoken():
        model = kept(answer, slot)
        if model is not None:
            st.success(
                f"Kept as a model: {plain(model.card.trail)}, {model.nbytes / 1000:,.0f} kB. "
                "It can be chosen in the sidebar on every page.",
                icon=":material/inventory_2:",
            )
            take(model.name, HEATMAPS, slot, kind="primary")
    curves.training(answer["log"], slot)
    curves.numbers(answer["log"])


def kept(answer: Answer, slot: str) -> Stored | None:
    """The answer's model; one that was deleted is not brought back unasked."""
    digest = str(answer.record["digest"])
    card = ModelCard.from_json(answer["model"].card)
    name = checkpoints.named(card.fingerprint, card.labels)
    if digest in awaited():
        awaited().discard(digest)
        keep(answer)
        st.rerun()  # so that the sidebar offers it at once
    if any(one.name == name for one in checkpoints.listed()):
        return checkpoints.stored(name)
    st.info("This training was done before; its model is not among the models.")
    if st.button("Keep the model", key=f"{slot}.keep"):
        keep(answer)
        st.rerun()
    return None
