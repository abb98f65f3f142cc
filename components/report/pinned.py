"""A result as it stood when it was pinned: numbers, sentences and pictures, and nothing to compute.

Nothing in it names what a person opened: names of files are taken out of every text, and of the
image there are only the pixels that the model saw.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import numpy as np
from PIL import Image

from components.draw.rows import rows_of
from components.draw.tokens import WordMarks
from components.widgets import viewer
from components.widgets.as_seen import Look, MapGround, as_seen, look_words
from engine.core.charts.chart import Chart
from engine.core.charts.drawing import DrawnAs, Exhibit
from engine.core.pictures import Legend, Pixels, as_bytes
from engine.core.result import Field, HeatMap, Path, Pictures, View
from engine.core.run import Answer

LONG_SIDE = 1200  # px of a picture in the report: 180 mm at 170 dots per inch
FRAMES = 6  # of a walk
YOURS = "your file"  # what stands where a file was named
SHORTEST = 4  # characters of a name that is looked for
Clean = Callable[[str], str]


@dataclass(frozen=True, eq=False)
class SeenMap:
    """A map over its picture as it was seen.

    Args:
        title: of the panel.
        heat: the numbers.
        ground: the picture alone, (H, W, 3).
        pixels: both, (H, W, 3).
        legend: what the colors mean.
        lines: where it is strongest, how it is shown, which part of the image it is.
    """

    title: str
    heat: HeatMap
    ground: Pixels
    pixels: Pixels
    legend: Legend
    lines: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Pinned:
    """A result in the tray.

    Args:
        name: a digest of the answer and of how it was shown.
        title: of its section.
        sentence: the answer.
        notes: what else was found out about it, such as trials.
        record: how it was made.
        kept: whether it had been computed before.
        calls: the question in Python and in the shell, where it can be put there.
        maps: over their picture, as they were seen.
        exhibits: what the answer rests on, then what else there is of it.
    """

    name: str
    title: str
    sentence: str
    notes: tuple[str, ...]
    record: Mapping[str, Any]
    kept: bool
    calls: tuple[str, ...]
    maps: tuple[SeenMap, ...]
    exhibits: tuple[Exhibit, ...]

    @property
    def nbytes(self) -> int:
        total = sum(
            pinned_map.pixels.nbytes + pinned_map.ground.nbytes + pinned_map.heat.nbytes
            for pinned_map in self.maps
        )
        return total + sum(exhibit.view.nbytes for exhibit in self.exhibits)

    @property
    def model(self) -> str:
        """The model's name; "" where none was asked."""
        return str(self.record["case"].get("model", ""))

    @property
    def about(self) -> str:
        return self.told_of({})

    def told_of(self, titles: Mapping[str, str]) -> str:
        """As `about`, with the model's title where `titles` has one by its name."""
        case = self.record["case"]
        target = case.get("target") or case.get("normal") or case.get("data")
        method = self.record["title"]
        parts = (method if method != self.title else "", titles.get(self.model, self.model), target)
        return " · ".join(str(part) for part in parts if part)


def freeze(
    title: str,
    answer: Answer,
    sentence: str,
    notes: Sequence[str],
    exhibits: Iterable[Exhibit],
    ground: MapGround | None,
    look: Look,
    calls: Sequence[str],
    files: Sequence[str] = (),
) -> Pinned:
    """An answer as it stands on the page.

    Args:
        title, sentence, notes, exhibits, calls: what the page says and draws of it.
        answer: the numbers, and how they were made.
        ground: what its maps lie over; None where there is no image.
        look: how they are shown.
        files: names of files that a person opened, which are taken out of all texts.
    """
    clean = name_remover(files)
    maps = tuple(
        seen_map(answer.record["title"] if name == "map" else name, view, ground, look, clean)
        for name, view in answer.items()
        if isinstance(view, HeatMap)
    )
    drawn = [exhibit for exhibit in exhibits if fits_report(exhibit.view)]
    drawn_ids = {id(exhibit.view) for exhibit in drawn}
    rest = [Exhibit(view, name) for name, view in answer.items() if id(view) not in drawn_ids]
    stills = [
        replace(
            exhibit,
            view=few_frames(exhibit.view),
            title=clean(exhibit.title),
            finding=clean(exhibit.finding),
            shape=still(exhibit.shape),
        )
        for exhibit in [*drawn, *(exhibit for exhibit in rest if fits_report(exhibit.view))]
    ]
    if not sentence and maps:
        target = answer.record["case"].get("target")
        about = f" for “{target}”" if target else ""
        sentence = f"{maps[0].title}{about}: {maps[0].lines[0][:1].lower()}{maps[0].lines[0][1:]}"
    record = cleaned(answer.record, clean)
    content = json.dumps([answer.record["digest"], repr(look)])
    return Pinned(
        blake2b(content.encode(), digest_size=8).hexdigest(),
        clean(title),
        clean(sentence),
        tuple(clean(note) for note in notes),
        record,
        answer.kept,
        tuple(clean(call) for call in calls),
        maps,
        tuple(stills),
    )


def seen_map(
    title: str, heat: HeatMap, ground: MapGround | None, look: Look, clean: Clean
) -> SeenMap:
    if ground is None:
        ground = MapGround(np.full((*heat.values.shape, 3), 255, np.uint8))
        look = replace(look, mode="map")
    pixels, legend = as_seen(heat, title, ground, look)
    words = viewer.finding(heat)
    lines = (f"{words[:1].upper()}{words[1:]}.", legend.cut, look_words(look, ground), ground.words)
    notes = tuple(clean(line) for line in lines if line)
    plain = shrink_to_page(ground.through(look.window))
    return SeenMap(title, heat, plain, shrink_to_page(pixels), legend, notes)


def shrink_to_page(pixels: Pixels) -> Pixels:
    image = Image.fromarray(pixels)
    image.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def fits_report(view: View) -> bool:
    return isinstance(view, Pictures | Path | Field) or rows_of(view) is not None


def still(shape: DrawnAs | None) -> DrawnAs | None:
    if isinstance(shape, Chart):
        return replace(shape, press=None)
    return replace(shape, pick=None) if isinstance(shape, WordMarks) else shape


def few_frames(view: View) -> View:
    if not isinstance(view, Path):
        return view
    places = np.unique(np.linspace(0, len(view.frames) - 1, FRAMES).round().astype(int))
    frames = np.stack([as_bytes(view.frames[at]) for at in places])
    assert view.steps is not None  # noqa: S101 - every path numbers its frames
    return Pictures(
        frames[None],
        ("",),
        tuple(f"step {int(view.steps[at])}" for at in places),
        "Steps of the walk.",
        captions=tuple(f"{view.values[at]:.2g}" for at in places),
    )


def cleaned(value: Any, clean: Clean) -> Any:
    """Every text inside a value of JSON without names of files."""
    if isinstance(value, Mapping):
        return {name: cleaned(part, clean) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(part, clean) for part in value]
    return clean(value) if isinstance(value, str) else value


def name_remover(files: Sequence[str]) -> Clean:
    """Takes the names of files out of a text, in any case; not those that could be any word."""
    longest = sorted({name for name in files if len(name) >= SHORTEST}, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest)), re.IGNORECASE) if longest else None
    return lambda text: pattern.sub(YOURS, text) if pattern else text
