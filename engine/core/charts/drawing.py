"""Which view of an answer is drawn, how, and what stands around it; the page draws it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.result import Table, View

Views = Mapping[str, Any]  # an answer's, or those that are there while it is computed
Draw = Callable[[Views], object]
Words = Callable[[Views], str]


class DrawnAs:
    """How a view is drawn: a table's chart or ranking, marks on words, a map over a picture …"""


@dataclass(frozen=True)
class Drawing:
    """Which view of an answer is drawn, and what stands around it.

    Args:
        view: its name in the answer.
        title: above it.
        chart: which columns of a table are drawn, and how; without it the table itself is shown.
            Of a map: over which picture.
            Of words, what is known of each.
        finding: what it shows, with the figure that matters: the alt text and the caption.
        part: the part of the view that is drawn, such as some rows of a table or another table made
            of it; all if not given.
        made: what is drawn, where it is made of several views, such as curves beside each other.
        by: draws it, where its kind's drawing does not fit.
        below: draws what belongs to it, such as the images that a row speaks of.
        wide: whether it needs the whole width, where others stand side by side.
    """

    view: str
    title: str = ""
    chart: DrawnAs | Callable[[Views], DrawnAs] | None = None
    finding: Words | None = None
    part: Callable[[Any], View] | None = None
    made: Callable[[Views], View] | None = None
    by: Draw | None = None
    below: Draw | None = None
    wide: bool = False


@dataclass(frozen=True, eq=False)
class Exhibit:
    """What a drawing shows of an answer, without the answer.

    Args:
        view: the numbers.
        title: above them.
        finding: what they show, with the figure that matters.
        shape: how they are drawn; as their kind usually is if not given.
    """

    view: View
    title: str = ""
    finding: str = ""
    shape: DrawnAs | None = None


def view_of(drawing: Drawing, result: Views) -> View:
    view: View = drawing.made(result) if drawing.made else result[drawing.view]
    return drawing.part(view) if drawing.part else view


def exhibit(drawing: Drawing, result: Views) -> Exhibit:
    """What a drawing shows of an answer."""
    view = view_of(drawing, result)
    if drawing.by or empty(view):
        return Exhibit(view, drawing.title)
    finding = drawing.finding(result) if drawing.finding else ""
    chart = drawing.chart
    shape = chart if chart is None or isinstance(chart, DrawnAs) else chart(result)
    return Exhibit(view, drawing.title, finding, shape)


def empty(view: View) -> bool:
    """Whether a table has no rows."""
    return isinstance(view, Table) and not len(view)
