"""From a file to a picture, or to a scan of which a slice is chosen."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadImage
from engine.vision.decoding_guard import decoding_guard
from engine.vision.images.dicom import DicomScan
from engine.vision.images.kinds import DICOM, NIFTI, PICTURE, SCANS, UNPACK, FileKind, kind
from engine.vision.images.limits import check
from engine.vision.images.nifti import NiftiScan
from engine.vision.images.picture import Picture, contents, decode_picture, shown_name
from engine.vision.images.reader import send_request
from engine.vision.images.scan import Scan, SliceChoice
from engine.vision.images.wire import Arrays, Words

SCAN_OF: Mapping[FileKind, type[DicomScan] | type[NiftiScan]] = MappingProxyType(
    {DICOM: DicomScan, NIFTI: NiftiScan}
)


def load(source: bytes | Path, name: str = "", *, fine: bool = False) -> Picture | Scan:
    """Open a file; what cannot be read raises BadImage with one sentence for the person.

    Args:
        source: the file, or its content.
        name: of the file.
        fine: whether a picture keeps up to FINE px, as it is read in tiles, not as it is shown.
    """
    file_name = name or (source.name if isinstance(source, Path) else "")
    called = shown_name(file_name)
    with decoding_guard(called):
        return load_unguarded(contents(source, called), file_name, called, fine=fine)


def load_unguarded(data: bytes, file_name: str, called: str, *, fine: bool) -> Picture | Scan:
    """As `load`, without the guard around foreign bytes."""
    result = kind(data)
    if result in SCAN_OF:
        return SCAN_OF[result](
            called, *read_in_process(data, called, SCAN_OF[result].title.lower())
        )
    if not result.readable:
        scan_kind = next(
            (scan for end, scan in SCANS.items() if file_name.lower().endswith(end)), ""
        )
        if scan_kind and result.advice in {PICTURE, UNPACK}:
            raise BadImage(
                f"{called} is named like a {scan_kind} scan but does not begin like one: "
                "save or download it again."
            )
        raise BadImage(f"{called} is {result.name}: {result.advice}.")
    check(data, result, called)
    facts, arrays = read_in_process(data, called, "picture", result, fine=fine)
    return Picture(
        read_only(arrays[0]),
        (facts["size"][0], facts["size"][1]),
        tuple(facts["notes"]),
        facts["digest"],
    )


def read_in_process(
    data: bytes, called: str, sort: str, found: FileKind | None = None, *, fine: bool = False
) -> tuple[Words, Arrays]:
    words = {"ask": sort, "kind": found.name if found else "", "fine": fine}
    return send_request(called, words, [np.frombuffer(data, np.uint8)])


def read_only(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same array, which cannot be written to."""
    pixels.setflags(write=False)
    return pixels


def read(
    source: bytes | Path, name: str = "", view: SliceChoice | None = None, *, fine: bool = False
) -> Picture:
    """The file as one picture: of a scan, the slice and window of the view; `fine` as in `load`."""
    opened = load(source, name, fine=fine)
    return opened if isinstance(opened, Picture) else opened.picture(view)


def read_shipped(path: Path) -> Picture:
    """A picture that comes with the app, decoded at once and here: no stranger made it."""
    data = path.read_bytes()
    return decode_picture(data, kind(data), shown_name(path.name))
