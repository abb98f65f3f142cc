"""A large photograph in tiles, at its own resolution, below the map of the resized one."""

from functools import partial

import streamlit as st

from components import forms
from components.draw.boxes import PictureBoxes
from components.draw.maps import first_screen
from components.picks import switch
from components.section import Section
from components.sidebar import reload
from components.sidebar.pictures import enlarged
from components.sidebar.subject import Subject
from components.where_odd.form import KEY, WhereQuestion
from components.where_odd.slices import mask_png, show_notes
from components.widgets.viewer import Panel, viewer
from engine.anomaly.localizers.parts import rough_seconds
from engine.anomaly.localizers.tiles import PhotographCase, TileByTile, smaller
from engine.core.charts.drawing import Drawing, Views
from engine.vision.images import Picture

TILES_KEY = f"{KEY}.tiles"
HELP = (
    "The image above was resized to what the model sees. In tiles it is read at its own "
    "resolution, so that what is small in it is still seen."
)


def show(question: WhereQuestion, subject: Subject) -> None:
    """The tiles, once they were asked for; nothing where the model sees every pixel anyway."""
    if subject.picture.behind is not None or min(subject.picture.size) <= question.case.model.side:
        return
    width, height = subject.picture.size
    label = f"Read all {width} × {height} px in tiles"
    if not switch(label, f"{TILES_KEY}.on", name="Read all in tiles", help=HELP):
        return
    with st.spinner("Reading the photograph at its own resolution"):
        picture = finest(subject)
    case = PhotographCase(question.case, question.method, picture)
    method = TileByTile(**forms.folded_settings(TileByTile, TILES_KEY, ("overlap",), "Settings"))
    Section(
        TILES_KEY,
        method,
        case,
        button=f"Read {len(method.tiles(case))} tiles",
        before=plan_sentence(method, case),
        picture=partial(draw_blended_map, subject, method),
        evidence=[
            Drawing(
                "boxes",
                "Regions above the threshold, in tiles",
                chart=PictureBoxes(picture=enlarged(subject.picture.pixels), value="highest"),
            )
        ],
        detail=show_notes,
        files=lambda result: {"mask.png": lambda: mask_png(result["mask"].values > 0)},
    ).show()


def finest(subject: Subject) -> Picture:
    """The photograph with all pixels that are read; of an upload, from its file again."""
    picture = subject.picture
    if subject.name or picture.size == picture.pixels.shape[1::-1]:
        return picture
    original = reload.finest()
    if original is None:  # after an hour, or when others opened much
        st.caption("The file is no longer kept: open it again to read all of its pixels.")
        return picture
    return original


def plan_sentence(method: TileByTile, case: PhotographCase) -> str:
    grid = method.tiles(case)
    seconds = max(1, round(rough_seconds(case, len(grid))))
    words = f"{len(grid)} tiles of {grid.side} px: about {seconds} s here. "
    if grid.scale < 1:
        return words + smaller(grid)
    height, width = case.picture.pixels.shape[:2]
    is_whole = case.picture.size == (width, height)
    return words + ("Every pixel is read." if is_whole else f"It is read at {width} × {height} px.")


def draw_blended_map(subject: Subject, method: TileByTile, result: Views) -> None:
    figures = {name: float(result["figures"][name][0]) for name in result["figures"].order}
    caption = (
        f"Threshold {figures['threshold']:.3g} "
        f"for each tile, by {figures['held out']:.0f} normal images"
    )
    panel = Panel(method.title, result["map"], caption)
    with first_screen(1, TILES_KEY):
        viewer(enlarged(subject.picture.pixels), [panel], f"{TILES_KEY}.viewer")
