"""KLoM: margins of many models, image by image; and what a datamodel predicts of them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components import forms
from components.draw.drawing import draw
from components.forget.asked import KEY, MethodDetail, Rows
from components.forget.words import row_label
from components.notices import escape_markdown
from components.section import Section
from components.sidebar.pictures import enlarged
from components.widgets.data_images import color_pixels
from components.widgets.pictures import show_picture
from engine.core import run
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines, Scatter
from engine.core.charts.spread import BarsAndLine
from engine.core.result import Table
from engine.unlearning import AfterCase, DMDirect, KLoM
from engine.unlearning.diagnostics.klom import NOISE, NOTHING, SAMPLES, UNLEARNED, nats
from engine.unlearning.dmm.direct import GROUPS

SLOT, DIRECT = f"{KEY}.KLoM", f"{KEY}.DMDirect"
CHOSEN = f"{KEY}.KLoM.image"  # the id of the image in sight
LOWEST = 1e-3  # nats at which curves end on a scale of decades
QUANTILES = np.arange(0, 101, 5)
TITLES = {"forget": "Forgotten images", "retain": "Images that stay", "test": "Test images"}
SERIES = {NOTHING: "before", UNLEARNED: "after", NOISE: "noise"}


def klom(detail: MethodDetail) -> Rows:
    method = KLoM(
        **forms.folded_settings(KLoM, SLOT, ("form", "models", "images"), "Settings of KLoM")
    )
    way = row_label(detail.method.label)
    return [
        [
            detail.section(
                method,
                *curves(way),
                columns=3,
                button="Train models and compare",
                before=f"{method.models} models are trained as this one was, and {way} is run on "
                f"each; {2 * method.models} are trained without the images. Some minutes; all are "
                "kept and serve other ways, and what is done when it is stopped stays.",
                detail=partial(closely, detail, method),
            )
        ]
    ]


def curves(way: str) -> list[Drawing]:
    return [
        Drawing(
            "points",
            title,
            partial(curve, group),
            partial(curve_finding, group, way),
            made=partial(quantiles, group),
        )
        for group, title in TITLES.items()
    ]


def of_group(points: Table, group: str) -> Table:
    return points.take(np.flatnonzero(points["group"] == GROUPS.index(group)).tolist())


def mark_images(count: int) -> NDArray[np.int64]:
    result: NDArray[np.int64] = np.round(QUANTILES / 100 * (count - 1)).astype(np.int64)
    return result


def quantiles(group: str, result: Views) -> Table:
    group_points = of_group(result["points"], group)
    columns: dict[str, tuple[Any, str]] = {"images": (QUANTILES, "%")}
    for name in SERIES:
        columns[name] = (
            np.maximum(np.sort(group_points[name])[mark_images(len(group_points))], LOWEST),
            "nat",
        )
    return Table.of(columns)


def curve(group: str, result: Views) -> Lines:
    return Lines(
        x="images",
        series=SERIES,
        title="KLoM (nats)",
        x_title="images, by their KLoM (%)",
        y_log=True,
        height=320,
        press=partial(press, group, result["points"]),
    )


def curve_finding(group: str, way: str, result: Views) -> str:
    table: Table = result["summary"]
    (median, high), (noise_median, noise_high) = (
        [nats(table.cell(group, f"{name}, {word}")) for word in ("median", "95 %")]
        for name in (UNLEARNED, NOISE)
    )
    return f"{way}: median {median}, 95 % are below {high}. Noise: {noise_median} and {noise_high}."


def press(group: str, points: Table, picked: Any) -> None:
    if marks := picked["selection"]["points"]:
        group_points = of_group(points, group)
        order = np.argsort(group_points[list(SERIES)[int(marks[0]["curve_number"])]], kind="stable")
        mark = mark_images(len(group_points))[int(marks[0]["point_index"])]
        st.session_state[CHOSEN] = int(group_points["id"][order[mark]])


def closely(detail: MethodDetail, method: KLoM, result: Views) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        one_image(detail, result)
    with right:
        draw(prices(detail, method), result, f"{SLOT}.prices")


def one_image(detail: MethodDetail, result: Views) -> None:
    points: Table = result["points"]
    ids = points["id"].astype(int).tolist()
    if st.session_state.get(CHOSEN) not in ids:
        forgotten = of_group(points, GROUPS[0])
        st.session_state[CHOSEN] = int(forgotten["id"][int(forgotten[UNLEARNED].argmax())])
    number = st.selectbox("Image", ids, key=CHOSEN, format_func="id {}".format)
    at, data = ids.index(number), detail.data
    row = int(data.places(np.array([number]))[0])
    words = f"Image {number}, labeled {data.classes[int(data.labels[row])]}"
    show_picture(
        enlarged(color_pixels(data, row)), words, width=110, caption=escape_markdown(words)
    )
    draw(
        Drawing(
            "margins",
            "Its margin in every model",
            histograms,
            partial(image_finding, at),
            made=lambda views: margin_histogram(views["margins"], at),
        ),
        result,
        f"{SLOT}.image.{number}",
    )


def samples(margins: Table, at: int) -> Mapping[str, NDArray[np.float64]]:
    by_sample: dict[str, list[float]] = {name: [] for name in SAMPLES}
    for column in margins.order:
        by_sample[column.rsplit(" ", 1)[0]].append(float(margins[column][at]))
    return {name: np.array(values) for name, values in by_sample.items()}


def margin_histogram(margins: Table, at: int, bins: int = 15) -> Table:
    by_model = samples(margins, at)
    edges = np.histogram_bin_edges(np.concatenate(list(by_model.values())), bins)
    columns: dict[str, tuple[Any, str]] = {"from": (edges[:-1], "nat"), "to": (edges[1:], "nat")}
    for name, values in by_model.items():
        columns[name] = np.histogram(values, edges)[0] / len(values), "share"
    return Table.of(columns)


def histograms(result: Views) -> BarsAndLine:
    del result
    return BarsAndLine(
        bars={"original": "before", "unlearned": "after", "oracle": "never saw it"},
        x_title="margin of its label (nats)",
        title="models (%)",
        height=300,
    )


def image_finding(at: int, result: Views) -> str:
    by_model = samples(result["margins"], at)
    before, after, goal = (
        f"{by_model[name].mean():.1f}".replace("-", "−")
        for name in ("original", "unlearned", "oracle")
    )
    points: Table = result["points"]
    return (
        f"Mean margin {before} before, {after} after, {goal} in models that never saw it. KLoM "
        f"{nats(points[UNLEARNED][at])}, before {nats(points[NOTHING][at])}, noise "
        f"{nats(points[NOISE][at])}."
    )


def prices(detail: MethodDetail, method: KLoM) -> Drawing:
    return Drawing(
        "summary",
        "KLoM against compute",
        Scatter(
            x="share of retraining",
            y="KLoM",
            y_log=True,
            shown=True,
            title="median KLoM (nats)",
            x_title="share of retraining's passes (%)",
            height=340,
        ),
        lambda result: prices_finding(priced(detail, method, result)),
        made=lambda result: priced(detail, method, result),
    )


def priced(detail: MethodDetail, method: KLoM, result: Views) -> Table:
    summary: Table = result["summary"]
    rows = {
        "Nothing done": (0.0, summary.cell(GROUPS[0], f"{NOTHING}, median")),
        "Retrained (noise)": (1.0, summary.cell(GROUPS[0], f"{NOISE}, median")),
    }
    for way in detail.question.case.methods:
        stored_answer = run.kept_answer(method, AfterCase(detail.case.case, way))
        if stored_answer is not None and way.short != "NoOp":
            value = stored_answer["summary"].cell(GROUPS[0], f"{UNLEARNED}, median")
            rows[row_label(way.label)] = (
                float(stored_answer["cost"]["share of retraining"][0]),
                value,
            )
    share, distance = zip(*rows.values(), strict=True)
    columns = {
        "share of retraining": (share, "share"),
        "KLoM": (np.maximum(distance, LOWEST), "nat"),
    }
    return Table.of(columns, tuple(rows))


def prices_finding(table: Table) -> str:
    words = ", ".join(
        f"{row} {100 * share:.0f} %"
        for row, share in zip(table.rows[2:], table["share of retraining"][2:], strict=True)
    )
    return (
        f"Forgotten images, of ways whose KLoM was computed: {words}. Networks that OM and DMM "
        "rest on are trained before, and not counted."
    )


# ---------------------------------------------------------------- datamodel


def datamodel(detail: MethodDetail) -> Rows:
    settings = ("networks", "ridge", "images")
    method = DMDirect(
        **forms.folded_settings(DMDirect, DIRECT, settings, "Settings of the datamodel")
    )
    return [
        [
            Section(
                KEY,
                method,
                detail.case.case,
                evidence=[CHANGES, GROWING],
                button="Train the networks and predict",
                before=f"{method.networks} networks are trained on a random half of the images "
                "each, and twenty without the forgotten ones to compare with. Some minutes; they "
                "are kept, and the halves serve every request.",
            )
        ]
    ]


def changes_finding(result: Views) -> str:
    table, images = result["quality"], result["images"]
    rank, slope = (table.cell(GROUPS[0], name) for name in ("rank correlation", "slope"))
    forgotten = images["group"] == 0
    predicted, true = (float(images[name][forgotten].mean()) for name in ("predicted", "true"))
    return (
        f"Forgotten images change by {true:.1f} nats in the mean; predicted are {predicted:.1f}. "
        f"Rank correlation {rank:.2f}, slope {slope:.1f}."
    ).replace("-", "−")


def growing_finding(result: Views) -> str:
    table: Table = result["growing"]
    first, last = table["forget"][0], table["forget"][-1]
    return (
        f"Forgotten images: from {first:.2f} with {table['networks'][0]:.0f} networks to "
        f"{last:.2f} with {table['networks'][-1]:.0f}.".replace("-", "−")
    )


CHANGES = Drawing(
    "images",
    "Change of the margin, predicted and true",
    lambda result: Scatter(
        x="predicted",
        y="true",
        names=[f"id {image_id:.0f}" for image_id in result["images"]["id"]],
        groups=("group", tuple(TITLES.values())),
        size=7,
        rays={"as predicted": 1.0},
        x_title="predicted by the datamodel (nats)",
        title="in networks trained without them (nats)",
    ),
    changes_finding,
)
GROWING = Drawing(
    "growing",
    "How well it predicts, by its networks",
    Lines(
        x="networks",
        series=TITLES,
        x_title="networks, each trained on half of the images",
        title="rank correlation",
        span=(-1.05, 1.05),
        line=0.0,
    ),
    growing_finding,
)
