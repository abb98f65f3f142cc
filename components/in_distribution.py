"""The in-distribution check: one line on every view that asks a model about an image."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import streamlit as st

from components import runs
from components.ending import end
from components.notices import plain
from components.sidebar.subject import Subject
from engine.anomaly.protocol.pixel_bank import BankCase, PixelBanks, at_hand
from engine.anomaly.sources import learned
from engine.run import Answer

SLOT = "in_distribution.bank"
PATIENCE = 2.0  # seconds for which the page waits
FOREIGN = "⚠ **Not this model's kind of image.**"


def compare(subject: Subject) -> None:
    """Have ready what the image is compared with; where that takes long, the page ends here."""
    name = learned(subject.case.model)
    if not name:
        return
    case = BankCase(name, subject.case.model.side)
    if at_hand(case):
        return
    outcome = runs.ask(PixelBanks(), case, SLOT, PATIENCE)
    if not isinstance(outcome, Answer):
        runs.watch([outcome])
    if isinstance(outcome, runs.Pending):
        end()


def line(subject: Subject, usual: AbstractContextManager[Any] | None = None) -> None:
    """How usual the image is for the model, before anything is said of its answer.

    A warning stands here; that nothing speaks against the image may stand elsewhere, in `usual`.
    """
    compare(subject)
    found = subject.in_distribution
    if found.foreign:
        st.markdown(f"{FOREIGN} {plain(found.sentence)}")
    else:
        with usual or nullcontext():
            st.caption(f"**In-distribution check:** {plain(found.sentence)}")
