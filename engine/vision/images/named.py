"""A slice and a window of a scan, named in one text with its file: head.nii.gz::slice=12.

The words are those of the page: plane, slice and volume (both from 1), window, center and width.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from engine.core.errors import BadImage, BadSetting
from engine.core.keeping.memory import Memory
from engine.core.whole import whole_number
from engine.vision.images.picture import Picture
from engine.vision.images.reading import load
from engine.vision.images.scan import Scan, SliceChoice
from engine.vision.images.window import Window

LAST: Memory[Scan] = Memory(1)
MARK = "::"  # between file and words
WORDS = ("plane", "slice", "volume", "window", "center", "width")
AT_WORDS = re.compile(r",(?! )")  # the window “From the file, 2” has a comma of its own


def with_view(file: str, words: Mapping[str, str | int | None]) -> str:
    """The name of a file with its slice and window; just the file where nothing is said of them."""
    suffix = ",".join(f"{name}={value}" for name, value in words.items() if value not in {None, ""})
    return f"{file}{MARK}{suffix}" if suffix else file


def parse_name(name: str) -> tuple[Path, dict[str, str]]:
    """A file, and what is said of slice and window.

    Raises:
        BadSetting: a word that is none of these, or comes without a value.
    """
    file, mark, suffix = name.rpartition(MARK)
    if not mark or Path(name).exists():
        return Path(name), {}
    words = {}
    for part in AT_WORDS.split(suffix):
        word, _, value = part.partition("=")
        if word not in WORDS or not value:
            known = ", ".join(WORDS)
            raise BadSetting(f"“{part[:40]}” says nothing of a scan: write {known}, each with =.")
        words[word] = value
    return Path(file), words


def read_named(name: str) -> Picture:
    """The picture of that name; of a scan, the slice and the window that are named with it.

    Raises:
        BadImage: the file cannot be read, or is no scan although a slice is named.
        BadSetting: the scan has no such plane, slice or window.
    """
    path, words = parse_name(name)
    result = open_image_file(path)
    if isinstance(result, Picture):
        if words:
            raise BadImage(f"{path.name[:60]} is one picture: it has no {next(iter(words))}.")
        return result
    return result.picture(view_of(result, words))


def open_image_file(path: Path) -> Picture | Scan:
    """The file; the last scan is held, since many slices of one are asked for in a row."""
    try:
        facts = path.stat()
    except OSError:
        return load(path)  # which says what is wrong
    name = f"{path.absolute()}|{facts.st_mtime_ns}|{facts.st_size}"
    if (cached := LAST.get(name)) is not None:
        return cached
    result = load(path)
    if isinstance(result, Scan):
        LAST.put(name, result)
    return result


def view_of(scan: Scan, words: Mapping[str, str]) -> SliceChoice:
    """What the words choose of a scan. Raises BadSetting."""
    place = parse_number("slice", words) if "slice" in words else None
    volume = parse_number("volume", words) if "volume" in words else 0
    return SliceChoice(words.get("plane"), place, volume, window_of(scan, words))


def parse_number(word: str, words: Mapping[str, str]) -> int:
    """A number from 1 on, as one from 0 on."""
    number = whole_number(words[word])
    if not number:
        raise BadSetting(f"{word} is a whole number from 1 on, not {words[word][:40]!r}.")
    return number - 1


def window_of(scan: Scan, words: Mapping[str, str]) -> Window | None:
    """The window of that name, or of that center and width; None is the scan's own choice."""
    presets = {preset.name.casefold(): preset.window for preset in scan.presets}
    names = {"window", "center", "width"} & words.keys()
    if not names:
        return None
    if not presets:
        raise BadSetting("This scan is in color: it has no window.")
    chosen = next(iter(presets.values()))
    if "window" in words and (chosen := presets.get(words["window"].casefold())) is None:  # type: ignore[assignment]  # refused below
        known = ", ".join(preset.name for preset in scan.presets)
        raise BadSetting(f"This scan has no window {words['window'][:40]!r}: it has {known}.")
    try:
        center, width = (
            float(words.get(name, getattr(chosen, name))) for name in ("center", "width")
        )
    except ValueError:
        raise BadSetting("center and width of a window are numbers.") from None
    return chosen if names == {"window"} else chosen.moved(center, width)
