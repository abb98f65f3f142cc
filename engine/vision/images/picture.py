"""A picture file becomes pixels: upright 8-bit RGB, read-only, bounded in size.

Limits are checked before anything is decoded. A JPEG is decoded straight to about the kept size,
an eighth, a quarter or half of its sides; the other formats have to be decoded whole and are
shrunk at once. Values are never enlarged.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from hashlib import blake2b
from io import BytesIO
from math import ceil, prod, sqrt
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from engine.core.errors import BadImage
from engine.vision.images import color, depth
from engine.vision.images.kinds import FileKind
from engine.vision.images.room import NeedsMemory, require_room

if TYPE_CHECKING:
    from engine.vision.images.scan import Slice

MAX_MB = 50  # of the file
MAX_BYTES = MAX_MB * 1_000_000
MAX_PIXELS = 200_000_000  # by the header: the largest telephone camera has this many
MAX_WHOLE = 100_000_000  # decoded at once, 4 bytes each: 20 000 x 5 000 as PNG
PLAIN = 4  # bytes a pixel that most modes hold at once
PIXEL_BYTES = {  # where it is more: a copy without palette, of deep values, or with alpha
    "P": 5,
    "RGBA": 8,
    "RGBa": 8,
    "LA": 8,
    "PA": 8,
    "I": 10,
    "F": 10,
    "I;16": 6,
    "I;16B": 6,
}
WEBP = 4  # more in its decoder
PROGRESSIVE = 7  # of a JPEG in several passes, which is held whole however small it is decoded
CHANNELS = 3
COPIES = 4 * CHANNELS  # bytes for each pixel that is kept, of the steps to plain RGB
MAX_SHORT = 1024  # px kept on the short side; models see 224 to 512
MAX_KEPT = 4_000_000  # px kept in all
FINE = 16_000_000  # px kept of a picture that is read in tiles: 4000 x 4000
SHY = 0.97  # of what is kept: a JPEG may come so small if that halves what it is decoded to

NAME_LENGTH = 60
COUNTED_BYTES = 10_000_000  # counting a GIF's frames walks through it, so not in larger ones
MANY = 1000  # pages
TIFF_INTENT = 262  # tag: 0 when small values are white
UPRIGHT = 1  # EXIF orientation
TURNS = {  # EXIF orientation to what undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)

_opening = Lock()


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as it is shown, and what was done to show it."""

    pixels: NDArray[np.uint8]  # (H, W, 3) RGB, read-only
    size: tuple[int, int]  # width and height of the file, upright
    notes: tuple[str, ...]
    digest: str
    behind: Slice | None = None  # of a scan: its own values, from which the pixels were windowed


def decode_picture(data: bytes, file_kind: FileKind, called: str, *, fine: bool = False) -> Picture:
    """One of Pillow's formats, up to FINE px if wanted; what cannot be decoded raises BadImage."""
    try:
        return decode(data, file_kind, called, fine=fine)
    except (BadImage, NeedsMemory):
        raise
    except Exception as error:  # decoders fail in a dozen ways, all for the file's sake
        raise BadImage(f"{called} {reason(error, file_kind)}.") from error


def shown_name(name: str) -> str:
    """The file's name on one line, shortened."""
    line = "".join(letter if letter.isprintable() else " " for letter in name)
    short = line if len(line) <= NAME_LENGTH else line[: NAME_LENGTH - 1] + "…"
    return f"“{short}”" if short.strip() else "This file"


def contents(source: bytes | Path, called: str) -> bytes:
    """The bytes, after their number was checked."""
    try:
        count = source.stat().st_size if isinstance(source, Path) else len(source)
        if count == 0:
            raise BadImage(f"{called} is empty: save or download it again.")
        if count > MAX_BYTES:
            raise BadImage(
                f"{called} has {count / 1e6:.1f} MB and at most {MAX_BYTES / 1e6:.0f} MB are read: "
                "save it smaller or as JPEG."
            )
        return source.read_bytes() if isinstance(source, Path) else source
    except OSError as error:
        why = (error.strerror or "no reason given").lower()
        raise BadImage(f"{called} cannot be opened ({why}): check the path.") from error


def reason(error: Exception, file_kind: FileKind) -> str:
    """What a decoder's exception means for the person."""
    if "MAX_TEXT" in str(error):
        return "hides a text or color profile that unpacks to a huge size: save the picture anew"
    if isinstance(error, MemoryError):
        return "needs more memory than one file may: save it smaller"
    if isinstance(error, UnidentifiedImageError):
        unknown = (
            f"begins like a {file_kind.name} file, but its header is damaged, says that it has no"
        )
        return f"{unknown} pixels, or is of a rare kind: save it as an 8-bit PNG or JPEG"
    return f"is damaged or cut off (its {file_kind.name} data break off): save or download it again"


def decode(data: bytes, file_kind: FileKind, called: str, *, fine: bool = False) -> Picture:
    """One of Pillow's formats, step by step to plain RGB; no step keeps the one before it."""
    image: Image.Image
    image = file = open_header(data, file_kind)
    width, height = file.size
    check_pixels(width, height, MAX_PIXELS, called)
    size = finely(width, height) if fine else kept_size(width, height)
    pass_bytes = PROGRESSIVE * bool(file.info.get("progressive"))
    if pass_bytes:
        check_pixels(width, height, PLAIN * MAX_WHOLE // pass_bytes, called)
    file.draft("", (ceil(size[0] * SHY), ceil(size[1] * SHY)))  # JPEG alone listens
    size = min(size, file.size)  # both sides keep their ratio
    pixel_bytes = PIXEL_BYTES.get(file.mode, PLAIN) + (WEBP if file_kind.name == "WEBP" else 0)
    check_pixels(*file.size, PLAIN * MAX_WHOLE // pixel_bytes, called)
    decoding = max(file.width * file.height * pixel_bytes, width * height * pass_bytes)
    require_room(decoding + COPIES * prod(size) + 2 * len(data), CHANNELS * prod(size))

    sixteen = any(";16" in str(tile.args) for tile in file.tile)
    tags = getattr(file, "tag_v2", {})  # of a TIFF, which Pillow turns upright as it loads
    turn, inverted = tags.get(ExifTags.Base.Orientation, UPRIGHT), tags.get(TIFF_INTENT) == 0
    file.load()
    profile = file.info.get("icc_profile")
    turn_later = orientation(file)
    del file

    notes = frames(data, file_kind)
    if depth.is_deep(image):
        image, remarks = depth.eight_bits(image, inverted)
        profile = None  # it describes the values before they were stretched
        notes += remarks
    elif sixteen and image.mode in {"RGB", "RGBA"}:
        image, words = depth.stretched(image)
        notes.append(words)
    image = color.resizable(image)
    if image.size != size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    image, remarks = color.to_rgb(image, profile)
    notes += remarks

    if turn_later in SIDEWAYS:
        width, height = height, width
    if turn_later in TURNS:
        image = image.transpose(TURNS[turn_later])
    if turn_later in TURNS or turn in TURNS:
        notes.append("turned as the camera noted")
    if size not in {(width, height), (height, width)}:
        now = f"{image.width} × {image.height}"
        notes.append(f"made smaller for display, from {width} × {height} to {now} px")
    pixels = np.array(image)
    pixels.setflags(write=False)
    return Picture(pixels, (width, height), tuple(notes), digest(pixels))


def open_header(data: bytes, found: FileKind) -> ImageFile.ImageFile:
    """The header only, by the one decoder that fits the first bytes.

    Pillow's own pixel limit is global and warns on the console; ours follows at once, so
    Pillow's is lifted while it reads the header, one file at a time.
    """
    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(BytesIO(data), formats=(found.name,))
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def check_pixels(width: int, height: int, limit: int, called: str) -> None:
    """Refuse a picture of more pixels than the limit."""
    if width * height > limit:
        raise BadImage(
            f"{called} has {width} × {height} px, {width * height / 1e6:,.0f} million, and at most "
            f"{limit / 1e6:.0f} million are read: save it smaller."
        )


def kept_size(width: int, height: int) -> tuple[int, int]:
    """The size that is kept: the same shape within MAX_SHORT and MAX_KEPT, never larger."""
    short, long = sorted((width, height))
    scale = min(1.0, MAX_SHORT / short, sqrt(MAX_KEPT / (short * long)))
    low = max(1, int(short * scale))
    high = min(max(1, round(long * scale)), MAX_KEPT // low)
    return (low, high) if width <= height else (high, low)


def finely(width: int, height: int) -> tuple[int, int]:
    """The size that is kept for tiles: the same shape within FINE, never larger."""
    scale = min(1.0, sqrt(FINE / (width * height)))
    return max(1, int(width * scale)), max(1, int(height * scale))


def orientation(file: ImageFile.ImageFile) -> int:
    """The camera's note on how it was held; upright when there is none or it cannot be read."""
    with contextlib.suppress(Exception):  # the note is foreign bytes, and the picture is there
        return int(file.getexif().get(ExifTags.Base.Orientation, UPRIGHT))
    return UPRIGHT


def frames(data: bytes, file_kind: FileKind) -> list[str]:
    """A note on the frames or pages that are not shown."""
    if file_kind.name in {"JPEG", "BMP"}:  # a telephone's JPEG may hide a second picture: no frame
        return []
    with (
        contextlib.suppress(Exception),
        open_header(data, file_kind) as file,
    ):  # the first was read well
        if file_kind.name == "TIFF":
            count = pages(file)
            more = " or more" if count == MANY else ""
            return [f"first of {count}{more} pages"] if count > 1 else []
        if file_kind.name == "GIF" and len(data) > COUNTED_BYTES:
            return ["first of several frames"] if getattr(file, "is_animated", False) else []
        count = getattr(file, "n_frames", 1)
        return [f"first of {count} frames"] if count > 1 else []
    return []


def pages(file: ImageFile.ImageFile) -> int:
    """How many pages a TIFF has; counting stops at MANY, since each page costs time."""
    for page in range(1, MANY):
        try:
            file.seek(page)
        except EOFError:
            return page
    return MANY


def digest(pixels: NDArray[np.uint8]) -> str:
    """The name of these pixels in this shape."""
    return blake2b(pixels.tobytes(), key=str(pixels.shape).encode(), digest_size=16).hexdigest()
