"""The whole scan, slice by slice: a row of values, and the strangest slices to open."""

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from zipfile import ZipFile

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from components import forms, runs
from components.notices import escape_markdown
from components.section import Section
from components.share import Files
from components.sidebar import medical
from components.sidebar.subject import Subject
from components.where_odd.form import KEY, WhereQuestion
from components.widgets.encoding import saved
from components.widgets.pictures import show_picture
from engine.anomaly.localizers.parts import rough_seconds
from engine.anomaly.localizers.slices import ScanCase, SliceBySlice, slice_maps, strangest
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Scatter
from engine.core.keeping.memory import Memory
from engine.core.pictures import Pixels
from engine.core.result import Table
from engine.vision.images import Picture
from engine.vision.images.nifti import NiftiScan
from engine.vision.images.nifti_out import too_large, volume_file

SLICES_KEY = f"{KEY}.slices"
STRANGEST_SLICES, WIDE = 6, 128  # strangest slices that are shown, and px of each
THUMBNAILS = 100  # that a visitor's session keeps


def show(question: WhereQuestion, subject: Subject) -> None:
    """A row of all slices, once they were asked for; nothing where there is one only."""
    scan, view = subject.chosen.scan, subject.view
    if scan is None or view is None:
        return
    case = ScanCase(question.case, question.method, scan, view, subject.crop)
    if case.count < 2:
        return
    with st.container():
        st.markdown("**The whole scan, slice by slice**")
        forms.refuse_links(SliceBySlice, SLICES_KEY)
        many = SliceBySlice().most < case.count
        method = SliceBySlice(**forms.settings(SliceBySlice, SLICES_KEY, None if many else ()))
    count = len(case.places(method.most))
    Section(
        SLICES_KEY,
        method,
        case,
        button=f"Look at {count} slices",
        before=plan_sentence(case, count),
        picture=lambda result: show_slices(case, result),
        evidence=[
            Drawing(
                "slices",
                "The highest value of each slice; click one to open it",
                part=partial(grouped, case),
                chart=partial(slice_scatter, case),
                finding=lambda result: slice_rank(case, result),
            )
        ],
        detail=show_notes,
        files=partial(files, case),
    ).show()


def plan_sentence(case: ScanCase, count: int) -> str:
    seconds = max(1, round(rough_seconds(case, count)))
    scope = f"all {count}" if count == case.count else f"{count} of {case.count}, evenly spread"
    return (
        f"Compares {scope} with the same normal images: about {seconds} s here, longer the first "
        "time. The strangest slice then opens."
    )


def number_of(case: ScanCase) -> int:
    """Of the slice that is open, from 1."""
    return (case.scan.settled(case.view).slice or 0) + 1


def grouped(case: ScanCase, table: Table) -> Table:
    is_open = table["slice"] == number_of(case)
    columns = {name: (table[name], table.units[table.order.index(name)]) for name in table.order}
    names = [f"Slice {number}" for number in table["slice"]]
    return Table.of(columns | {"open": (is_open.astype(int), "")}, names)


def slice_scatter(case: ScanCase, result: Views) -> Scatter:
    return Scatter(
        x="slice",
        y="highest",
        groups=("open", ("slice", "open slice")),
        size=9,
        line=float(result["figures"]["threshold"][0]),
        line_name="threshold",
        press=slice_opener(case),
    )


def slice_rank(case: ScanCase, result: Views) -> str:
    table, number = result["slices"], number_of(case)
    rank = [int(table["slice"][at]) for at in strangest(table)]
    if number not in rank:
        return f"Slice {number} is open; it was not looked at."
    place = rank.index(number) + 1
    return f"Slice {number} is open: number {place} of {len(rank)}, the strangest first."


def slice_opener(case: ScanCase) -> Callable[[Any], None]:
    def press(picked: Any) -> None:
        if points := picked["selection"]["points"]:
            open_slice(case, round(float(points[0]["x"])))

    return press


def open_slice(case: ScanCase, number: int) -> None:
    """Look at that slice, counted from 1, from the next run on."""
    medical.open_slice(case.scan, case.view.plane or case.scan.planes[0], number - 1)


def show_slices(case: ScanCase, result: Views) -> None:
    table = result["slices"]
    strangest_rows = [int(at) for at in strangest(table)[:STRANGEST_SLICES]]
    if runs.pressed_for(result):  # type: ignore[arg-type]  # a section's picture has an answer
        open_slice(case, int(table["slice"][strangest_rows[0]]))
        st.rerun()
    unit = case.localizer.unit
    with st.container(horizontal=True):
        for at in strangest_rows:
            number, value = int(table["slice"][at]), f"{table['highest'][at]:.3g}"
            with st.container(width=WIDE):
                show_picture(thumbnail(case, number), f"Slice {number}", width=WIDE)
                st.button(
                    f"Slice {number}",
                    key=f"{SLICES_KEY}.open.{number}",
                    on_click=open_slice,
                    args=(case, number),
                    disabled=number == number_of(case),
                    width="stretch",
                )
                st.caption(escape_markdown(f"{value} {unit}"))


def thumbnail(case: ScanCase, number: int) -> Pixels:
    view = replace(case.view, slice=number - 1)
    memory: Memory[Pixels] = st.session_state.setdefault(f"{SLICES_KEY}.shown", Memory(THUMBNAILS))
    name = f"{case.scan.digest}|{view!r}|{case.crop!r}"
    return memory.made(name, lambda: square_crop(case.scan.picture(view), case))


def square_crop(picture: Picture, case: ScanCase) -> Pixels:
    """The square of a picture, (WIDE, WIDE, 3)."""
    height, width = picture.pixels.shape[:2]
    whole = Image.fromarray(picture.pixels)
    box = case.crop.box(width, height)
    return np.array(whole.resize((WIDE, WIDE), Image.Resampling.BICUBIC, box=box))


def show_notes(result: Views) -> None:
    """What was done otherwise than usual, beside what the localizer says of its own image."""
    view = result["notes"]
    for note in view.labels if view.values[0] else ():
        st.caption(escape_markdown(note))


# ---------------------------------------------------------------- files


def files(case: ScanCase, result: Views) -> Files:
    threshold = float(result["figures"]["threshold"][0])

    def masks() -> dict[int, NDArray[np.bool_]]:
        return {
            at: slice_heat_map > threshold
            for at, slice_heat_map in slice_maps(case, result).items()
        }

    plane = case.view.plane or case.scan.planes[0]
    if isinstance(case.scan, NiftiScan) and not too_large(case.scan):
        make = partial(volume_file, case.scan, plane)
        return {
            "mask.nii.gz": lambda: make(masks(), case.crop, "above the threshold"),
            "map.nii.gz": lambda: make(slice_maps(case, result), case.crop, case.localizer.unit),
        }
    return {"masks.zip": lambda: zipped(masks())}


def zipped(masks: Mapping[int, NDArray[np.bool_]]) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        for at, mask in masks.items():
            archive.writestr(f"slice-{at + 1:04}.png", mask_png(mask))
    return buffer.getvalue()


def mask_png(mask: NDArray[np.bool_]) -> bytes:
    return saved(Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)), "PNG")


def one_slice(subject: Subject, result: Views, unit: str) -> Files:
    """Mask and map of the open slice: PNG, and in an otherwise empty volume that lies on a scan."""
    inside = result["mask"].values > 0
    scan, view = subject.chosen.scan, subject.view
    png: Files = {"mask.png": lambda: mask_png(inside)}
    if view is None or not isinstance(scan, NiftiScan) or too_large(scan):
        return png
    settled_view = scan.settled(view)
    plane, at = settled_view.plane or scan.planes[0], settled_view.slice or 0
    make, values = partial(volume_file, scan, plane), result["map"].values
    return {
        **png,
        "mask.nii.gz": lambda: make({at: inside}, subject.crop, "above the threshold"),
        "map.nii.gz": lambda: make({at: values}, subject.crop, unit),
    }
