"""From a file to a picture, or to a scan of which a slice is chosen."""

from __future__ import annotations

from pathlib import Path

from engine.errors import BadImage
from engine.images.kinds import DICOM, NIFTI, PICTURE, SCANS, UNPACK, kind
from engine.images.picture import Picture, contents, decoded, shown_name
from engine.images.scan import Scan, View


def load(source: bytes | Path, name: str = "") -> Picture | Scan:
    """Open a file; what cannot be read raises BadImage with one sentence for the person."""
    given = name or (source.name if isinstance(source, Path) else "")
    called = shown_name(given)
    data = contents(source, called)
    found = kind(data)
    if found == DICOM:
        from engine.images.dicom import opened as dicom

        return dicom(data, called)
    if found == NIFTI:
        from engine.images.nifti import opened as nifti

        return nifti(data, called)
    if not found.readable:
        meant = next((scan for end, scan in SCANS.items() if given.lower().endswith(end)), "")
        if meant and found.advice in {PICTURE, UNPACK}:
            raise BadImage(
                f"{called} is named like a {meant} scan but does not begin like one: "
                "save or download it again."
            )
        raise BadImage(f"{called} is {found.name}: {found.advice}.")
    return decoded(data, found, called)


def read(source: bytes | Path, name: str = "", view: View | None = None) -> Picture:
    """The file as one picture: of a scan, the slice and window of the view."""
    opened = load(source, name)
    return opened if isinstance(opened, Picture) else opened.picture(view)
