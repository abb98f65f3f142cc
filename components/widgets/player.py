"""The path player: one to three walks side by side, moved and read in the browser.

Each walk's images go once, as two sheets (sheets.py), with a number for every step; the step,
playing, and how strongly differences are drawn are the browser's (player_parts/) and cost no
server run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.widgets.mounting import mounted
from components.widgets.sheets import SMALL, Sheet, frame_url, sheets
from components.widgets.viewer import Pixels, ramps
from engine.core.result import Curve, Path, Ranking, View

ROOM = 780_000  # characters for the images of one walk; the page it stands on stays below 1 MB
ROOM_SO_FAR = 450_000  # while it goes on, and is sent again and again
MOST_WALKS = 3
MOST_FRAMES = 64
LABEL = "confidence in "
CURVES = {
    "source": "source confidence",
    "target": "target confidence",
    "toTarget": "rmse to target",
    "toSource": "rmse to source",
    "accepted": "accepted",
}
PARTS = ("mount", "pictures", "charts", "controls")
SCRIPTS = (*(f"player_parts/{part}.js" for part in PARTS), "viewer_parts/small.js")  # one module


@dataclass(frozen=True)
class Walked:
    """A walk, or as much of it as there is so far.

    Args:
        title: what tells it from the walk beside it.
        views: its result; at least "path".
        source: where it began, of the frames' size.
        target: where it wanted to go, of the frames' size.
        reference: the source's own confidence, p0.
        fall: how far below p0 the walk may fall, δ; None when nothing holds it.
        note: a remark under the title.
        goal: what the target is called.
        seen: the class that stands with it; the one whose confidence is drawn if not given.
        tags: what the classes of both curves are called among the bars.
        room: characters for its images.
    """

    title: str
    views: Mapping[str, View]
    source: Pixels
    target: Pixels
    reference: float
    fall: float | None
    note: str = ""
    goal: str = "Goal: the target"
    seen: str = ""
    tags: tuple[str, str] = ("source", "target")
    room: int = ROOM


def player(walks: Sequence[Walked], key: str, *, bare: bool = False) -> None:
    """Draw the walks under one step slider; what a person then moves stays in the browser.

    A bare one has pictures and the answer only, and plays by itself unless less motion is asked
    for; its keys are left to the page.
    """
    if not 1 <= len(walks) <= MOST_WALKS:
        message = f"The player holds one to {MOST_WALKS} walks, not {len(walks)}."
        raise ValueError(message)
    mounted(__file__, *SCRIPTS)(data=payload(walks, key) | {"bare": bare}, key=key)


def payload(walks: Sequence[Walked], key: str) -> dict[str, Any]:
    return {"key": key, "ramp": ramps()["sequential"], "walks": [walk_payload(w) for w in walks]}


def walk_payload(walk: Walked) -> dict[str, Any]:
    path = walk_path(walk)
    picked = thinned(len(path.frames))
    frames = path.frames if len(picked) == len(path.frames) else path.frames[picked]
    partial = "figures" not in walk.views
    room = min(walk.room, ROOM_SO_FAR) if partial else walk.room
    frame_sheets = sheets(frames, walk.target, walk.source, room)
    height, width = path.frames.shape[2:]
    return {
        "title": walk.title,
        "note": walk.note,
        "partial": partial,
        "source": end_of_walk(walk.source, "Start: the source", label(walk, "source confidence")),
        "target": end_of_walk(walk.target, walk.goal, label(walk, "target confidence"), walk.seen),
        "reference": rounded_number(walk.reference),
        "tags": dict(zip(("source", "target"), walk.tags, strict=True)),
        "fall": None if walk.fall is None else rounded_number(walk.fall),
        "width": width,
        "height": height,
        "small": max(width, height) <= SMALL,
        "frames": spelled(frame_sheets.frames),
        "residues": spelled(frame_sheets.residues),
        "steps": [int(step) for step in np.asarray(path.steps)[picked]],
        "top": top(walk, picked),
        "curves": {short: curve_values(walk, name) for short, name in CURVES.items()},
    }


def end_of_walk(
    picture: Pixels, name: str, drawn_class: str, predicted_class: str = ""
) -> dict[str, str]:
    return {
        "src": frame_url(picture),
        "name": name,
        "label": drawn_class,
        "seen": predicted_class or drawn_class,
    }


def walk_path(walk: Walked) -> Path:
    result = walk.views.get("path")
    if not isinstance(result, Path) or not len(result.frames):
        message = f"The walk “{walk.title}” has no images."
        raise ValueError(message)
    return result


def thinned(count: int, most: int = MOST_FRAMES) -> NDArray[np.intp]:
    """Which images are shown: all, or so many evenly, with both ends."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))


def spelled(sheet: Sheet) -> dict[str, Any]:
    return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(sheet).items()}


def label(walk: Walked, name: str) -> str:
    curve = walk.views.get(name)
    return curve.y_label.removeprefix(LABEL) if isinstance(curve, Curve) else ""


def curve_values(walk: Walked, name: str) -> list[float | None]:
    curve = walk.views.get(name)
    return [rounded_number(value) for value in curve.y] if isinstance(curve, Curve) else []


def top(walk: Walked, picked: NDArray[np.intp]) -> list[list[tuple[str, float | None]]]:
    ranking = walk.views.get("top")
    if not isinstance(ranking, Ranking):
        return [[] for _ in picked]
    return [
        [
            (name, rounded_number(p))
            for name, p in zip(ranking.labels[at], ranking.values[at], strict=True)
        ]
        for at in picked
    ]


def rounded_number(value: float) -> float | None:
    return float(f"{value:.5g}") if np.isfinite(value) else None
