"""What Decoding opens with: two ways to choose words over many scenes, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator

from engine.case.opening import Question
from engine.hallucination import VCD, Greedy, KeepCurve, VASparse
from engine.hallucination.measures.keep_curve import curve_case
from engine.hallucination.measures.rates import Rates, ScenesCase
from engine.hallucination.tiny_vlm.weights import HABIT, load

DECODED = (Greedy(), VCD())


def questions() -> Iterator[Question]:
    """Counts over many scenes; one answer takes no longer than reading it."""
    yield from rates()
    yield KeepCurve(), curve_case(load(HABIT), VASparse())


def rates() -> Iterator[Question]:
    """What each of two ways to choose words makes up."""
    for strategy in DECODED:
        yield Rates(), ScenesCase(load(HABIT), strategy)
