"""The images of a sweep: a folder, a split of a data set, or images by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.core.errors import BadData, BadSetting
from engine.core.texts import near
from engine.vision import data as data_sets
from engine.vision.data.example import SPLIT
from engine.vision.data.folders import LITTER, MAX_IMAGES
from engine.vision.images.named import MARK
from engine.vision.pictures import EXAMPLE, SAMPLE, TWIN

NAMED = (EXAMPLE, SAMPLE, TWIN)
OF_DATA = {"data": str, "split": str, "count": int, "seed": int}


@dataclass(frozen=True)
class SweepImage:
    """An image of a sweep.

    Args:
        source: what `--image` says.
        title: what a person reads.
        label: its class in words; "" where that is not known.
    """

    source: str
    title: str
    label: str = ""


def images_of(source: Any, folder: Path) -> tuple[SweepImage, ...]:
    """The images that a plan asks for.

    Args:
        source: a folder, a list of what `--image` takes, or a table with `data`, and if wanted
            `split`, `count` and `seed`.
        folder: the plan's folder, from which relative paths start.

    Raises:
        BadData: no such folder or data set, or nothing in it.
        BadSetting: something else was given.
    """
    if isinstance(source, str):
        return in_folder(folder / source)
    if isinstance(source, list) and source and all(isinstance(name, str) for name in source):
        return tuple(parse_source(name, folder) for name in source)
    if isinstance(source, dict) and "scan" in source:
        from engine.sweep.scans import slices_of  # which knows what an image of a sweep is

        return slices_of(source, folder)
    if isinstance(source, dict):
        return of_data(source)
    raise BadSetting("images is a folder, a list of images, or a table such as {data = “digits”}.")


def parse_source(source: str, beside: Path) -> SweepImage:
    """An image by what `--image` takes: a file's path starts at the plan's folder."""
    if MARK in source and not source.startswith(NAMED) and not Path(beside, source).exists():
        file, _, words = source.rpartition(MARK)
        return SweepImage(f"{(beside / file).absolute()}{MARK}{words}", printable(source))
    if ":" in source and not Path(beside, source).exists():
        return SweepImage(source, printable(source))
    return SweepImage(str((beside / source).absolute()), printable(source))


def printable(text: str) -> str:
    """Text that can be written as UTF-8: "?" for each byte of a file's name that is not UTF-8."""
    return text.encode("utf-8", "replace").decode()


def in_folder(folder: Path) -> tuple[SweepImage, ...]:
    """Every file below a folder but hidden ones; the folder that one lies in is its label."""
    if not folder.is_dir():
        raise BadData(f"There is no folder {folder}: images names one, as seen from the plan.")
    paths = []
    for path in folder.rglob("*"):  # counted while it is walked: it may be a whole disk
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.name.lower() not in LITTER and path.is_file():
            paths.append(path)
            if len(paths) > MAX_IMAGES:
                raise BadData(f"{folder} has more than {MAX_IMAGES:,} files: sweep parts of it.")
    if not paths:
        raise BadData(f"There is no image in {folder}.")
    return tuple(in_class_folder(path, folder) for path in sorted(paths))


def in_class_folder(path: Path, folder: Path) -> SweepImage:
    """A file below a folder, with the folder that it lies in as label."""
    inside = path.relative_to(folder)
    label = inside.parts[-2] if len(inside.parts) > 1 else ""
    return SweepImage(str(path.absolute()), printable(inside.as_posix()), printable(label))


def of_data(table: Mapping[str, Any]) -> tuple[SweepImage, ...]:
    """Images of a split, all of them or some of each class."""
    for key, value in table.items():
        if key not in OF_DATA:
            raise BadSetting(f"images has no {key!r}.{near(key, list(OF_DATA))}")
        negative = isinstance(value, int) and value < 0
        if type(value) is not OF_DATA[key] or negative:
            raise BadSetting(f"images: {key} cannot be {value!r:.60}.")
    if "data" not in table:
        raise BadSetting("images is a table without data: name the data set.")
    split = table.get("split", SPLIT)
    if split not in data_sets.SPLITS:
        raise BadData(f"There is no split {split!r}: choose {', '.join(data_sets.SPLITS)}.")
    data = data_sets.load(table["data"])
    rows = data.rows(split)
    if "count" in table:
        rows = data.some(split, table["count"], table.get("seed", 0))
    if not len(rows):
        raise BadData(f"{data.card.title} has no image in {split}.")
    return tuple(
        SweepImage(
            f"{EXAMPLE}{data.name}/{data.ids[row]}",
            f"{data.name}/{data.ids[row]}",
            data.classes[data.labels[row]],
        )
        for row in rows
    )
