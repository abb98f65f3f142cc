"""Samples of a score, by group, with the person's own value and a line that can be moved."""

import numpy as np
from numpy.typing import NDArray

from components.widgets.histogram import ScoreDistributions, histogram
from engine.core.charts.drawing import Views
from engine.core.result import Evidence

OTHERS = ("normal", "held", "unknown")  # views of an answer, beside its own image's


def draw_samples(result: Views, line: float, finding: str, key: str) -> float:
    """Draw the scores of an answer's groups and of its own image.

    Args:
        result: the views "subject", "normal", "held" and perhaps "unknown".
        line: where the line stands at first.
        finding: what it shows.
        key: of the drawing.

    Returns:
        Where the person left the line.
    """
    normal, held_out, unknown = (
        as_doubles(result[name]) if name in result else np.empty(0) for name in OTHERS
    )
    if np.array_equal(result["normal"].ids, result["held"].ids):
        held_out = normal  # they are not counted twice
    subject = result["subject"]
    distributions = ScoreDistributions(
        normal, held_out, unknown, float(subject.values[0]), line, subject.unit
    )
    return histogram(distributions, finding, key)


def as_doubles(scores: Evidence) -> NDArray[np.float64]:
    """Scores in float64."""
    return np.asarray(scores.values, np.float64)
