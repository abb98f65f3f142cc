"""Folded below the page: how well a localizer finds lesions of unseen kinds, by NOVA's protocol."""

import numpy as np
import streamlit as st

from components import forms, uploads
from components.case_form import CaseForm
from components.draw.boxes import PictureBoxes
from components.draw.drawing import draw
from components.notices import escape_markdown, show_problems
from components.picks import pick
from components.section import Section
from components.where_odd.slices import show_notes
from engine.anomaly import LesionsCase, Nova
from engine.anomaly.nova.benchmark import ALL, OVERLAP, PIXELS, SWAPPED, is_own, kinds_of
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.charts.panels import Panels
from engine.core.charts.words import percent
from engine.core.result import Table
from engine.evaluation.detection import sources
from engine.vision.data import load
from engine.vision.data.nova import read_nova
from engine.vision.models.classifier import Classifier

KEY = "where.nova"
TITLE = "How well does it find lesions of kinds it never saw? (NOVA's protocol)"
PANELS = {"mAP@30": "mAP@30", "pointing": "Pointing", "AUROC": "AUROC"}
OWN_HELP = (
    "The benchmark NOVA as it is downloaded, or images of your own in its format: a table of boxes "
    "(data/nova-v1.parquet) and the folder images. It stays in this session's memory; figures, "
    "maps and boxes are kept with the answers on this computer, images and the names of kinds are "
    "not."
)


def show(model: Classifier) -> None:
    """The section, whose images are made once it is unfolded."""
    linked = any(name.startswith(f"{KEY}.") for name in st.query_params)
    box = st.expander(TITLE, linked, key=f"{KEY}.open", on_change="rerun")
    if not box.open:
        return
    with box:
        above = st.container()
        with show_problems():
            method, case, form = choose(model)
            with above:
                show_figures(method, case, form)
        uploads.draw_pictures(
            KEY,
            model.side,
            OWN_HELP,
            label="A zip in NOVA's format",
            reads=read_nova,
            picker=f"{KEY}.data",
        )


def choose(model: Classifier) -> tuple[Nova, LesionsCase, CaseForm]:
    form = CaseForm(LesionsCase, KEY, {"model": model})
    forms.refuse_links(Nova, KEY)
    left, right = st.columns(2, gap="large")
    with left:
        data = form.ask("data", own=st.session_state.setdefault(f"{KEY}.own", {}))
        normal = form.ask("normal", own=uploads.session_data_sets("where"))
        form.ask("seed")
    with right:
        method = Nova(**forms.settings(Nova, KEY))
    with st.spinner("Making the images; the first time this may take a minute or two"):
        data = load(data) if isinstance(data, str) else data
        normal = sources.normal(normal) if isinstance(normal, str) else normal
    return method, LesionsCase(model, data, normal, form.given["seed"]), form


def show_figures(method: Nova, case: LesionsCase, form: CaseForm) -> None:
    Section(
        KEY,
        method,
        case,
        known=form.known({"model": case.model.name}),
        columns=1,
        button="Measure",
        before=f"At most {method.images} images are mapped, which takes a minute or two.",
        picture=one_image,
        evidence=[
            Drawing("picture", "The first image of each kind"),
            Drawing("curve", "Precision over recall", chart=over_recall, finding=at_threshold),
            Drawing("table", "By kind of lesion", finding=by_kind, chart=Panels(panels=PANELS)),
            Drawing("table", "Every figure"),
        ],
        detail=lambda result: detail(case, result),
    ).show()


def detail(case: LesionsCase, result: Views) -> None:
    show_notes(result)
    if is_own(case.data):
        words = zip(kinds_of(case.data), case.data.classes, strict=True)
        st.caption(escape_markdown("; ".join(f"{kind}: {text}" for kind, text in words)))
    st.caption(escape_markdown(f"{case.data.card.about} {case.data.card.made}"))


@st.fragment
def one_image(views: Views) -> None:
    kinds = views["picture"].columns
    at = kinds.index(pick("Kind", kinds, f"{KEY}.shown", "pills"))
    chart = PictureBoxes(
        picture=views["picture"].images[0, at], value="overlap", known="known", height=480
    )
    draw(
        Drawing(
            "boxes",
            part=lambda boxes: of_image(boxes, at),
            chart=chart,
            finding=lambda result: overlaps(of_image(result["boxes"], at)),
        ),
        views,
        f"{KEY}.boxes",
    )


def of_image(boxes: Table, at: int) -> Table:
    return boxes.take(np.flatnonzero(boxes["image"] == at).tolist())


def overlaps(boxes: Table) -> str:
    found_overlaps = boxes["overlap"][boxes["known"] == 0]
    lesions = f"{len(boxes) - len(found_overlaps)} known (dashed)"
    if not len(found_overlaps):
        return f"{lesions}; nothing lies above the threshold."
    return (
        f"{lesions}, {len(found_overlaps)} found (solid); the best overlaps a known one by "
        f"{percent(float(found_overlaps.max()))} (intersection over union)."
    )


def over_recall(result: Views) -> Lines:
    recall, precision = operating_point(result["table"])
    return Lines(
        x="recall",
        series={name: name for name in (ALL, SWAPPED, PIXELS)},
        span=(-3, 103),
        x_span=(0, 103),
        title="precision (%)",
        x_title="lesions found (%)",
        mark=(100 * recall, 100 * precision, "at the threshold"),
    )


def operating_point(table: Table) -> tuple[float, float]:
    hit, false = (table.cell(ALL, name) for name in ("TP30", "FP30"))
    return hit / table.cell(ALL, "boxes"), hit / (hit + false) if hit + false else np.nan


def at_threshold(result: Views) -> str:
    recall, precision = operating_point(result["table"])
    areas = ", ".join(
        f"{name} {result['table'].cell(name, 'mAP@30'):.2f}" for name in (ALL, SWAPPED, PIXELS)
    )
    words = f"{percent(recall)} of lesions" + (
        f" at a precision of {percent(precision)}" if np.isfinite(precision) else ""
    )
    return (
        f"All boxes together find {words}, when {percent(OVERLAP)} overlap count. "
        f"Area (mAP@30): {areas}."
    )


def by_kind(result: Views) -> str:
    table = result["table"]
    other, pixels = table.rows[-2:]
    return (
        f"AUROC of pixels {table.cell('all', 'AUROC'):.2f}; with {other.removeprefix('all, ')} "
        f"{table.cell(other, 'AUROC'):.2f}, with {pixels.removeprefix('all, ')} "
        f"{table.cell(pixels, 'AUROC'):.2f}."
    )
