"""Scores of normal and unknown images as a histogram, with one image marked and a line to drag.

The browser counts while the line moves; Python is told once, when it is let go.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components.widgets.mounting import mounted

Doubles = NDArray[np.float64]

BINS = 40
MARGIN = 0.03  # of the range, left and right of the outermost score


@dataclass(frozen=True, eq=False)
class ScoreDistributions:
    """What is drawn: scores of normal, other normal and unknown images, the image's, the line."""

    normal: Doubles
    held: Doubles  # on which the line is tried out; may be the same as normal
    unknown: Doubles  # may be empty
    subject: float
    line: float
    unit: str


def histogram(distributions: ScoreDistributions, words: str, key: str) -> float:
    """Draw it and give the line where the person left it, at first `distributions.line`.

    `words` is the finding, for who does not see the picture. Other scores or another first line
    begin again.
    """
    tag = tag_of(distributions)
    line = selected_line(st.session_state.get(key), tag, distributions)
    result = mounted(__file__)(
        key=key,
        data=histogram_payload(distributions, line) | {"tag": tag, "words": words},
        on_line_change=lambda: None,
    )
    return selected_line(result, tag, distributions)


def histogram_payload(distributions: ScoreDistributions, line: float) -> dict[str, Any]:
    """What the browser is sent: bars, and the sorted scores from which it counts."""
    edges = edges_of(distributions)
    return {
        "edges": edges.tolist(),
        "bars": {
            "normal": bar_shares(distributions.normal, edges),
            "unknown": bar_shares(distributions.unknown, edges),
        },
        "normal": sorted_scores(distributions.normal),
        "held": []
        if distributions.held is distributions.normal
        else sorted_scores(distributions.held),
        "unknown": sorted_scores(distributions.unknown),
        "subject": distributions.subject,
        "line": line,
        "unit": distributions.unit,
    }


def edges_of(distributions: ScoreDistributions) -> Doubles:
    scores = np.concatenate(
        [distributions.normal, distributions.unknown, [distributions.subject, distributions.line]]
    )
    low, high = float(scores.min()), float(scores.max())
    room = MARGIN * (high - low) or max(abs(high), 1.0) * MARGIN
    return np.linspace(low - room, high + room, BINS + 1)


def bar_shares(scores: Doubles, edges: Doubles) -> list[float]:
    counts, _ = np.histogram(scores, edges)
    return [round(float(count), 5) for count in counts / max(len(scores), 1)]


def sorted_scores(scores: Doubles) -> list[float]:
    """Scores from the lowest to the highest; whole, so that both sides count alike."""
    results: list[float] = np.sort(scores).tolist()
    return results


def tag_of(distributions: ScoreDistributions) -> str:
    """A name for what is asked, so that an answer to an earlier question is not taken for it."""
    hasher = blake2b(f"{distributions.subject}{distributions.line}".encode(), digest_size=8)
    for scores in (distributions.normal, distributions.held, distributions.unknown):
        hasher.update(np.ascontiguousarray(scores).tobytes())
    return hasher.hexdigest()


def selected_line(state: Any, tag: str, distributions: ScoreDistributions) -> float:
    """The browser's answer where it fits the question, else the start; it may be anything."""
    answer = state.get("line") if hasattr(state, "get") else None
    if not isinstance(answer, dict) or answer.get("tag") != tag:
        return distributions.line
    try:
        line = float(answer["line"])
    except (KeyError, TypeError, ValueError):
        return distributions.line
    edges = edges_of(distributions)
    return line if edges[0] <= line <= edges[-1] else distributions.line
