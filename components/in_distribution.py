"""The in-distribution check: one line on every view that asks a model about an image."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import streamlit as st

from components import runs
from components.ending import end
from components.notices import escape_markdown
from components.sidebar.subject import Subject
from engine.anomaly.protocol.in_distribution import image_p_value
from engine.anomaly.protocol.pixel_bank import BankCase, PixelBanks, at_hand, bank
from engine.core.run import Answer
from engine.evaluation.detection.sources import training_data_name
from engine.vision.data import DataSet

SLOT = "in_distribution.bank"
PATIENCE = 2.0  # seconds for which the page waits
FOREIGN = "⚠ **Not this model's kind of image.**"


def prepare_comparison(subject: Subject) -> None:
    """Have ready what the image is compared with; where that takes long, the page ends here."""
    name = training_data_name(subject.case.model)
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


def show_usualness(subject: Subject, usual: AbstractContextManager[Any] | None = None) -> None:
    """How usual the image is for the model, before anything is said of its answer.

    A warning stands here; that nothing speaks against the image may stand elsewhere, in `usual`.
    """
    prepare_comparison(subject)
    result = subject.in_distribution
    if result.foreign:
        st.markdown(f"{FOREIGN} {escape_markdown(result.sentence)}")
    else:
        with usual or nullcontext():
            st.caption(f"**In-distribution check:** {escape_markdown(result.sentence)}")


def say_of_data(data: DataSet, image: Any, source: str = "") -> None:
    """The same line for a network that a view trains on a data set.

    Args:
        data: that it learns from.
        image: as the network sees it, (3, side, side) in [0, 1].
        source: name of an image of a data set ("digits/17"), or "".
    """
    case = BankCase(data.name, data.side)
    if not at_hand(case):
        outcome = runs.ask(PixelBanks(), case, SLOT, PATIENCE)
        if not isinstance(outcome, Answer):
            runs.watch([outcome])
            return
    result = image_p_value(bank(case), data.name, image, source)
    if result.foreign:
        st.markdown(
            "⚠ **Not the kind of image that this network learns.** "
            f"{escape_markdown(result.sentence)}"
        )
    else:
        st.caption(f"**In-distribution check:** {escape_markdown(result.sentence)}")
