"""A curve, and a place on it."""

from engine.core.charts.drawing import Drawing
from engine.core.charts.groups import PointGroups
from engine.core.result import Curve, Table

ENDS = (-2, 102)  # of both axes, in percent


def curve_with_mark(
    view: str, title: str, curve: Curve, point: tuple[float, float], name: str
) -> Drawing:
    x, y = point

    def with_place(curve: Curve) -> Table:
        columns = {curve.x_label: ([*curve.x, x], "share"), curve.y_label: ([*curve.y, y], "share")}
        return Table.of(columns, [*[title] * len(curve.x), name])

    return Drawing(
        view,
        title,
        part=with_place,
        chart=PointGroups(
            x=curve.x_label,
            y=curve.y_label,
            looks={title: "line", name: "own"},
            span=ENDS,
            x_span=ENDS,
            height=280,
        ),
        finding=lambda _: f"At {name}: {curve.y_label} {y:.2f}, {curve.x_label} {x:.2f}.",
    )
