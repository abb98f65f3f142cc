"""The section "Keep it": masks as a file, the pruned model as a model, and training it again."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import streamlit as st

from components import forms, runs, section
from components.draw.checkpoint import KEEP, TAKEN, draw_checkpoint
from components.draw.drawing import Drawing, Views
from components.prune.asked import KEY, Asked
from components.section import Section
from components.views import PRUNE
from components.widgets.downloads import download
from engine.result import Scores
from engine.sparsity import Masks, Prune, Retrain, masks_file, rounds_of
from engine.sparsity.masks.pruning import Pruning


def show(asked: Asked, masks: Masks) -> None:
    """Three ways to take along what was made."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**The pruned model**")
        st.caption(
            "A copy below its parent; the original stays. It can be chosen on every page, and "
            "carries its masks."
        )
        smaller = forms.settings(Prune, KEY, {"smaller"})
        section.show(made(asked, replace(asked.method, **smaller), KEEP))
        st.markdown("**Rounds**")
        st.caption(
            f"This is round {rounds_of(asked.case.model) + 1}. For the next one keep the pruned "
            "model, trained again or not, and take it to Prune: what was cut stays cut, and the "
            "share counts against all weights. Between rounds weights keep the values they have; "
            "they are not rewound to an earlier step of their training."
        )
        st.markdown("**The masks**")
        masks_button(asked, masks)
    with right:
        unmet = bool(Retrain.unmet(asked.case))
        if not unmet:
            forms.refuse_links(Retrain, f"{KEY}.Retrain")
        given = {} if unmet else forms.settings(Retrain, f"{KEY}.Retrain", {"epochs", "rate"})
        section.show(made(asked, asked.with_rule(Retrain, **given), "Train it again"))


def made(asked: Asked, method: Pruning, button: str) -> Section:
    """A model that is made, and kept once it is there."""
    training = isinstance(method, Retrain)
    return Section(
        KEY, method, asked.case, columns=1, button=button, explained=training, keeps=training,
        title="Trained again, with its zeros held" if training else "",
        before="It goes on when you leave the page, and can be stopped at any time. The zeros "
        "stay zeros in every step." if training else "",
        picture=figures,
        evidence=(
            Drawing("model", by=lambda found: kept(found, f"{KEY}.{method.name}")),
            Drawing("log"),
        ),
    )  # fmt: skip


def figures(found: Views) -> None:
    """Accuracy before and after."""
    scores: Scores = found["figures"]
    rows = zip(scores.labels, scores.values, strict=True)
    st.markdown("  \n".join(f"{label}: **{100 * float(value):.1f} %**" for label, value in rows))
    if "model" not in found:
        st.caption("This model cannot be kept: its network cannot be built again.")


def kept(found: Any, slot: str) -> None:
    """The model, kept at once where it was made in order to be kept."""
    views, wanted = (*TAKEN, PRUNE), runs.pressed_for(found)
    draw_checkpoint(found["model"], slot, views, at_once=wanted)


def masks_button(asked: Asked, masks: Masks) -> None:
    """One bit a weight, with how they were made."""
    model = asked.case.model
    about = {"model": model.name, "fingerprint": model.fingerprint, **asked.method.settings()}
    stem = re.sub(r"\W+", "-", model.name).strip("-")
    download(
        "Download the masks", lambda: masks_file(masks, about), f"blindspot-masks-{stem}.npz",
        f"{KEY}.download", icon=":material/download:",
        help="An .npz file: for each weight its mask, one bit a weight (np.unpackbits), and what "
        "was cut by which rule. It can be held beside others under “Two criteria”.",
    )  # fmt: skip
