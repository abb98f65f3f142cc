"""What the score rests on: its parts, the nearest normal images, and both halves of COSTARR."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from components.charts.tables import signed
from components.draw.drawing import Drawing, Views
from components.draw.groups import Look, PointGroups
from components.draw.parts import ScoreParts, parts_of
from components.draw.scores import of_groups
from components.familiar.form import FamiliarQuestion
from engine.anomaly import COSTARR
from engine.anomaly.protocol.standing import apart_where_unseen
from engine.data.example import pictured
from engine.result import Evidence, Pictures, Table

SAME_ORDER = 0.95  # Spearman from which on two scores order images alike
HARDLY = 0.005  # of AUROC
NEAREST = 6
OWN, USUAL = "this image", "its class"
ROWS = {"subject": OWN, "normal": "middle normal", "unknown": "middle unknown"}
CLOUDS = {"normal": "normal images", "unknown": "unknown images", "subject": OWN}
LOOKS: Mapping[str, Look] = {"normal images": "dots", "unknown images": "dots", OWN: "own"}
HOW = {"sum": "The bars add up to the score",
       "product": "The factors multiply to minus the score"}  # fmt: skip


def drawings(asked: FamiliarQuestion) -> tuple[Drawing, ...]:
    """What a detector's answer is drawn as."""
    joined = asked.method.joined
    parts = Drawing(
        "subject", "What the score is made of", finding=parts_finding,
        made=lambda found: parts_of(groups(found, ROWS)),
        chart=ScoreParts(joined=joined, title=f"score ({asked.method.unit})"),
    )  # fmt: skip
    return (parts, *(HALVES if isinstance(asked.method, COSTARR) else ()))


def near(asked: FamiliarQuestion) -> Drawing:
    """The normal images that the model sees most alike."""
    return Drawing("nearest", "The nearest normal images", part=lambda rows: nearest(asked, rows))


def groups(found: Views, names: dict[str, str]) -> dict[str, Evidence]:
    """The scores of each group that the answer has, by the group's name for a person."""
    return {name: found[view] for view, name in names.items() if view in found}


def parts_finding(found: Views) -> str:
    """The parts of this image beside those of the normal one of median score."""
    joined, table = found["subject"].joined, parts_of(groups(found, ROWS))
    told = [(name, *table[name][:2]) for name in table.columns]
    if joined == "alone":
        _, own, usual = told[0]
        return (
            f"The score is one number: {three(own)} for this image, {three(usual)} for the middle "
            "normal one."
        )
    parts = ", ".join(
        f"{name} {three(own)} (middle normal {three(usual)})" for name, own, usual in told
    )
    return f"{HOW[joined]}. This image: {parts}."


def three(value: float) -> str:
    """A number of three digits with a minus that is one."""
    return f"{value:.3g}".replace("-", "−")


def nearest(asked: FamiliarQuestion, table: Table) -> Pictures:
    """The normal images whose features are most like the image's."""
    data, rows = asked.case.normal, table.values[:NEAREST]
    places = data.places(rows[:, 0].astype(np.int64))
    labels = [data.classes[data.labels[place]] for place in places]
    images = np.stack([pictured(data.images[place]).pixels for place in places])
    captions = [f"id {number:.0f}: {distance:.2f}" for number, distance in rows]
    finding = (
        f"The nearest is {labels[0]}, at distance {rows[0, 1]:.2f}. Distances are between "
        "directions of features, from 0 (the same) to 2."
    )
    return Pictures(images[None], ("nearest",), tuple(labels), finding, captions=tuple(captions))


# ---------------------------------------------------------------- COSTARR


def likeness(found: Views) -> PointGroups:
    """Likeness over the logit of every image, with the products that are the same."""
    lowest = float(of_groups(groups(found, CLOUDS))["likeness"].min())
    return PointGroups(
        x="logit", y="likeness", looks=LOOKS, products=(0.2, 0.4, 0.6, 0.8),
        x_title="logit, from the lowest to the highest normal", x_span=(-0.03, 1.03),
        span=(lowest - 0.05 * (1 - lowest), 1.01), height=380,
    )  # fmt: skip


def likeness_finding(found: Views) -> str:
    """Both factors of this image."""
    parts = found["subject"].parts
    return (
        f"This image: likeness {float(parts['likeness'][0]):.3f}, logit "
        f"{float(parts['logit'][0]):.3f}. On a dotted line the product is the same. When all "
        "likenesses lie near 1 the logit decides alone: switch it off to see."
    )


def ablation_finding(found: Views) -> str:
    """Which half of COSTARR counts, and whether it orders images otherwise than MaxLogit."""
    table: Table = found["ablation"]
    order, areas = float(table["Spearman with MaxLogit"][0]), table["AUROC"]
    words = f"Over other normal images its order and MaxLogit's correlate at {signed(order)}"
    words += ": here COSTARR is MaxLogit. " if order >= SAME_ORDER else ". "
    if np.isfinite(areas).all():
        more = "more than" if areas[0] > areas[1:3].max() + HARDLY else "no more than"
        words += f"Of these unknown images both halves together tell {more} one of them. "
    return (
        f"{words}Not verified, since no code of the authors was found: the formulas, how the "
        "halves are joined, and the paper's figures on ImageNet."
    )


def dimensions_finding(found: Views) -> str:
    """How much of what sets the image apart lies where the head hardly looks."""
    table: Table = found["dimensions"]
    share = apart_where_unseen(table["weight"], table["features"], table["usual features"])
    return (
        f"{100 * share:.0f} % of what sets this image's features apart from its class lies in the "
        "half of the dimensions that the head weighs least."
    )


def lanes(own: str, usual: str, title: str, finding: bool = False) -> Drawing:
    """Every dimension of this image over its class, from the least to the most weighted."""

    def both(table: Table) -> Table:
        place = np.tile(np.arange(len(table.rows)), 2)
        values = np.concatenate([table[usual], table[own]])
        names = [USUAL] * len(table.rows) + [OWN] * len(table.rows)
        return Table.of({"dimension": (place, ""), own: (values, "")}, names)

    return Drawing(
        "dimensions", title, part=both, finding=dimensions_finding if finding else None,
        chart=PointGroups(
            x="dimension", y=own, looks={USUAL: "line", OWN: "dots"},
            x_title="dimension, from the least to the most weighted",
        ),
    )  # fmt: skip


HALVES = (
    Drawing(
        "normal", "Likeness and logit", likeness, likeness_finding,
        made=lambda found: of_groups(groups(found, CLOUDS)),
    ),
    Drawing("ablation", "Which half counts?", finding=ablation_finding),
    lanes("features", "usual features", "Features", finding=True),
    lanes("attenuated", "usual attenuated", "After the head's weights"),
)  # fmt: skip
