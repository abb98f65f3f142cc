"""What the score rests on: its parts, the nearest normal images, and both halves of COSTARR."""

from collections.abc import Mapping

from components.draw.over_usual import over_usual
from components.familiar.form import JudgedImage
from engine.anomaly import COSTARR
from engine.anomaly.costarr.findings import factors, hardly_weighed, which_half
from engine.core.charts.drawing import Drawing, Views, Words
from engine.core.charts.groups import Look, PointGroups
from engine.core.charts.parts import ScoreParts, middles
from engine.core.charts.scores import groups_of, of_groups
from engine.evaluation.detection.findings import made_of

THIS_IMAGE, USUAL = "this image", "its class"
ROWS = {"subject": THIS_IMAGE, "normal": "middle normal", "unknown": "middle unknown"}
CLOUDS = {"normal": "normal images", "unknown": "unknown images", "subject": THIS_IMAGE}
LOOKS: Mapping[str, Look] = {"normal images": "dots", "unknown images": "dots", THIS_IMAGE: "own"}


def drawings(question: JudgedImage) -> tuple[Drawing, ...]:
    joined = question.method.joined
    parts = Drawing(
        "subject",
        "What the score is made of",
        made=lambda result: middles(result, ROWS),
        finding=lambda result: made_of(middles(result, ROWS), joined),
        chart=ScoreParts(joined=joined, title=f"score ({question.method.unit})"),
    )
    return (parts, *(HALVES if isinstance(question.method, COSTARR) else ()))


# ---------------------------------------------------------------- COSTARR


def likeness(result: Views) -> PointGroups:
    lowest = float(of_groups(groups_of(result, CLOUDS))["likeness"].min())
    return PointGroups(
        x="logit",
        y="likeness",
        looks=LOOKS,
        products=(0.2, 0.4, 0.6, 0.8),
        x_title="logit, from the lowest to the highest normal",
        x_span=(-0.03, 1.03),
        span=(lowest - 0.05 * (1 - lowest), 1.01),
        height=380,
    )


def dimensions(own: str, title: str, finding: Words | None = None) -> Drawing:
    across = "dimension, from the least to the most weighted"
    return over_usual(
        "dimensions", title, (own, f"usual {own}"), (THIS_IMAGE, USUAL), across, finding
    )


HALVES = (
    Drawing(
        "normal",
        "Likeness and logit",
        likeness,
        factors,
        made=lambda result: of_groups(groups_of(result, CLOUDS)),
    ),
    Drawing(
        "ablation", "Which half counts?", finding=lambda result: which_half(result["ablation"])
    ),
    dimensions("features", "Features", lambda result: hardly_weighed(result["dimensions"])),
    dimensions("attenuated", "After the head's weights"),
)
