"""The section "Keep it": masks as a file, the pruned model as a model, and training it again."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import streamlit as st

from components import runs
from components.charts import curves
from components.forms import refuse_links, widget
from components.lab import follow
from components.notices import plain, spoken
from components.prune.asked import KEY, Asked
from components.runs import Pending, Problem
from components.taking import kept, offer
from components.views import DATA_AND_MODELS, FAMILIAR, HEATMAPS, LEVEL_SETS, PRUNE
from components.widgets.downloads import download
from engine.lab import keep_when_done
from engine.result import Checkpoint
from engine.run import Answer
from engine.sparsity import Masks, Retrain, keep, masks_file, rounds_of
from engine.sparsity.prune import unlearnable

TAKEN = (HEATMAPS, LEVEL_SETS, FAMILIAR, DATA_AND_MODELS, PRUNE)
LABEL = "Keep it as a model"


def show(asked: Asked, masks: Masks) -> None:
    """Three ways to take along what was made."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**The pruned model**")
        st.caption(
            "A copy below its parent; the original stays. It can be chosen on every page, and "
            "carries its masks."
        )
        as_model(asked)
        st.markdown("**Rounds**")
        st.caption(rounds(asked))
        st.markdown("**The masks**")
        masks_button(asked, masks)
    with right:
        st.markdown("**Trained again, with its zeros held**")
        train_again(asked)


def rounds(asked: Asked) -> str:
    """Which round this is, how the next one is made, and what is not done between them."""
    return (
        f"This is round {rounds_of(asked.case.model) + 1}. For the next one keep the pruned model, "
        "trained again or not, and take it to Prune: what was cut stays cut, and the share counts "
        "against all weights. Between rounds weights keep the values they have; they are not "
        "rewound to an earlier step of their training."
    )


def masks_button(asked: Asked, masks: Masks) -> None:
    """One bit a weight, with how they were made."""
    about = {"model": asked.case.model.name, "fingerprint": asked.case.model.fingerprint,
             **asked.method.settings()}  # fmt: skip
    stem = re.sub(r"\W+", "-", asked.case.model.name).strip("-")
    download(
        "Download the masks", lambda: masks_file(masks, about), f"blindspot-masks-{stem}.npz",
        f"{KEY}.download", icon=":material/download:",
        help="An .npz file: for each weight its mask, one bit a weight (np.unpackbits), and what "
        "was cut by which rule. It can be held beside others under “Two criteria”.",
    )  # fmt: skip


def as_model(asked: Asked) -> None:
    """Zeros, or really smaller; then on to another page."""
    spec: Any = type(asked.method).__dataclass_fields__["smaller"]
    smaller = widget(spec, f"{KEY}.smaller", None)
    slot = f"{KEY}.Prune"
    outcome = runs.ask_when_told(replace(asked.method, smaller=smaller), asked.case, slot, LABEL)
    finish(outcome, slot)


def train_again(asked: Asked) -> None:
    """Retraining as a job, with its curves."""
    if reason := unlearnable(asked.case):
        st.caption(plain(f"{Retrain.title}: {reason}"))
        return
    refuse_links(Retrain, f"{KEY}.Retrain")
    specs = {spec.name: spec for spec in fields(Retrain)}
    given = {
        name: widget(specs[name], f"{KEY}.Retrain.{name}", None) for name in ("epochs", "rate")
    }
    method = asked.with_rule(Retrain, **given)
    slot = f"{KEY}.Retrain"
    outcome = runs.ask_when_told(method, asked.case, slot, "Train it again")
    if outcome is None:
        st.caption(
            "It goes on when you leave the page, and can be stopped at any time. The zeros stay "
            "zeros in every step."
        )
    if isinstance(outcome, Pending):
        keep_when_done(outcome.job)  # type: ignore[arg-type]
    finish(outcome, slot)
    if isinstance(outcome, Answer):
        curves.training(outcome["log"], slot)
        curves.numbers(outcome["log"])


def finish(outcome: Any, slot: str) -> None:
    """How far it is, what it had when it was stopped, or the model."""
    if outcome is None:
        return
    if isinstance(outcome, Answer):
        figures(outcome)
        with spoken():
            made(outcome, slot)
        return
    runs.watch([outcome], live=lambda partial: follow.live(partial, slot))
    if isinstance(outcome, Pending):
        awaited().add(outcome.job.name)
    if isinstance(outcome, Problem) and outcome.partial is not None:
        st.caption("What it had learned by then:")
        follow.live(outcome.partial, slot)


def awaited() -> set[str]:
    """What this session waits for, to be kept when it is there."""
    names: set[str] = st.session_state.setdefault(f"{KEY}.awaited", set())
    return names


def figures(found: Answer) -> None:
    """Accuracy before and after."""
    table = found["figures"]
    said = [
        f"{label}: **{100 * float(value):.1f} %**"
        for label, value in zip(table.labels, table.values, strict=True)
    ]
    st.markdown("  \n".join(said))


def made(found: Answer, slot: str) -> None:
    """Keep the model, once asked for, and offer to take it along."""
    digest = str(found.record["digest"])
    view = found.get("model")
    there = None if not isinstance(view, Checkpoint) else kept(view)
    wanted = digest in awaited()
    awaited().discard(digest)
    if there is None:
        if wanted or st.button(LABEL, key=f"{slot}.keep", type="primary"):
            keep(found)
            st.rerun()  # so that the sidebar offers it at once
        return
    offer(there, TAKEN, slot)
