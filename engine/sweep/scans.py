"""A scan slice by slice: its slices as images of a sweep, and what came of them as volumes."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from engine.core import run
from engine.core.errors import BadImage, BadSetting
from engine.core.result import HeatMap
from engine.sweep.images import SweepImage, printable
from engine.sweep.rows import SweepRow
from engine.vision.images import Crop, Scan
from engine.vision.images.named import MARK, WORDS, open_image_file, parse_name, view_of, with_view
from engine.vision.images.nifti import NiftiScan
from engine.vision.images.nifti_out import volume_file

OF_SCAN = {name: (str, int, float) for name in WORDS if name != "slice"} | {"scan": (str,)}
ODD = re.compile(r"[^\w.+-]+")  # what no file's name has here: a model's may have / and :
MOST_LETTERS = 60  # of a model's name in a file's
HIGH = ".high"  # how the figure of a map's highest value ends


@dataclass(frozen=True)
class SliceRows:
    """The answers of one method, settings and model about slices of one scan.

    Args:
        file: of the scan.
        words: plane, volume and window, without the slice.
        rows: by the place of the slice, from 0.
    """

    file: Path
    words: Mapping[str, str]
    rows: Mapping[int, SweepRow]

    @property
    def ordered(self) -> list[SweepRow]:
        """The rows, the one whose map has the highest value first."""
        return sorted(self.rows.values(), key=strength, reverse=True)


def slices_of(table: Mapping[str, Any], folder: Path) -> tuple[SweepImage, ...]:
    """Every slice of a scan.

    Args:
        table: `scan`, a file; `plane`, `volume`, `window`, `center` and `width` as on the page.
        folder: the folder from which the file's path starts.

    Raises:
        BadSetting: something else is given, or the scan has no such plane or window.
        BadImage: the file is no scan.
    """
    for key, value in table.items():
        if key not in OF_SCAN or not isinstance(value, OF_SCAN[key]) or isinstance(value, bool):
            known = ", ".join(OF_SCAN)
            raise BadSetting(f"images: {key} cannot be {value!r:.60}; of a scan it has {known}.")
    path = (folder / table["scan"]).absolute()
    words = {name: str(table[name]) for name in WORDS if name in table}
    scan = open_image_file(path)
    if not isinstance(scan, Scan):
        raise BadSetting(f"{table['scan'][:60]} is one picture: name it among images in a list.")
    view = scan.settled(view_of(scan, words))
    plane = str(view.plane)
    return tuple(
        SweepImage(
            with_view(str(path), words | {"plane": plane, "slice": number}),
            printable(f"{table['scan']} {plane} {number}"),
        )
        for number in range(1, scan.count(plane) + 1)
    )


def by_scan(images: Sequence[SweepImage], rows: Sequence[SweepRow]) -> Iterator[SliceRows]:
    """The rows about slices, those that differ in the slice alone together."""
    sources = {image.title: image.source for image in images if MARK in image.source}
    groups: dict[tuple[str, ...], dict[int, SweepRow]] = {}
    for row in rows:
        path, words = parse_name(sources.get(row.image, ""))
        if number := words.pop("slice", ""):
            same = (with_view(str(path), words), row.model, row.method, row.settings, row.arguments)
            groups.setdefault(same, {})[int(number) - 1] = row
    for (name, *_), group in groups.items():
        path, words = parse_name(name)
        yield SliceRows(path, words, group)


def strength(row: SweepRow) -> float:
    """The highest value of its map; below all others where it has none."""
    return next(
        (figure for name, figure in row.figures.items() if name.endswith(HIGH)), float("-inf")
    )


def strongest_first(images: Sequence[SweepImage], rows: Sequence[SweepRow]) -> tuple[SweepRow, ...]:
    """The rows about slices by strength, scan by scan; the others stay first, as they are."""
    groups = [scan.ordered for scan in by_scan(images, rows)]
    sliced = {id(row) for group in groups for row in group}
    return tuple([row for row in rows if id(row) not in sliced] + [r for g in groups for r in g])


def volumes(
    images: Sequence[SweepImage], rows: Sequence[SweepRow]
) -> Iterator[tuple[str, bytes | str]]:
    """A NIfTI volume for each scan, method, settings and model: file name and content.

    It has the shape and the affine of the scan. Slices without an answer are 0. Where no volume can
    be had, such as of a scan that is too large, the reason stands in its place.
    """
    for number, group in enumerate(by_scan(images, rows), 1):
        scan = open_image_file(group.file)
        maps = {place: heat.values for place, row in group.rows.items() if (heat := map_of(row))}
        if not isinstance(scan, NiftiScan) or not maps:
            continue
        row = group.ordered[0]
        plane = str(scan.settled(view_of(scan, group.words)).plane)
        arguments = dict(part.partition("=")[::2] for part in row.arguments.split(",") if part)
        crop = Crop(*(float(arguments.get(name, 0.5)) for name in ("crop_x", "crop_y")))
        model = ODD.sub("-", row.model)[:MOST_LETTERS]
        stem = "-".join([f"{number:03}", row.method.rpartition(".")[2], model, plane])
        what = f"Blindspot {row.method} {row.settings}"
        try:
            result: bytes | str = volume_file(scan, plane, maps, crop, what)
        except BadImage as error:
            result = str(error)
        yield f"{stem}.nii.gz", result


def map_of(row: SweepRow) -> HeatMap | None:
    """The first map of a kept answer; None where it is kept no more."""
    stored = run.store().get(row.digest, row.names)
    result = stored.result.values() if stored else ()
    return next((view for view in result if isinstance(view, HeatMap)), None)


def strongest_slices(images: Sequence[SweepImage], rows: Sequence[SweepRow]) -> Iterator[str]:
    """Which slice has the highest value, in a sentence for each scan, method and model."""
    for group in by_scan(images, rows):
        first = group.ordered[0]
        if not isfinite(strength(first)):
            continue  # no map
        place = next(place for place, row in group.rows.items() if row is first)
        method = first.method.rpartition(".")[2]
        yield (
            f"{printable(group.file.name)}, {method}, {first.model}: slice {place + 1} has the "
            f"highest value, {strength(first):.3g}."
        )
