"""The files of weights in a zip; it is looked through before a byte is unpacked.

This runs in the reader for every zip of models.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from zipfile import ZipFile, ZipInfo

from engine.data.archive import DAMAGED, contents, opened, shown
from engine.errors import BadModel

SUFFIXES = (".safetensors", ".pt", ".pth")


def unpacked(
    content: bytes, called: str, most: int, most_bytes: int
) -> tuple[list[str], list[bytes]]:
    """The names of the files of weights, sorted, and their contents.

    What an operating system adds to a zip (names that begin with a dot or with two underscores)
    is passed over.

    Args:
        content: of the zip.
        called: the zip, in messages.
        most: files that it may hold.
        most_bytes: of all of them, unpacked.

    Raises:
        BadData: it is no zip, or none that is opened here.
        BadModel: it has no models, too many, too large ones or other files, or one is damaged.
    """
    names, found = [], []
    with opened(content, called) as archive:
        for member in weights_of_zip(archive, called, most, most_bytes):
            try:
                found.append(contents(archive, member))
            except DAMAGED as error:
                raise BadModel(f"{named(member)} in {called} is damaged.") from error
            names.append(PurePosixPath(member.filename).name)
    return names, found


def weights_of_zip(archive: ZipFile, called: str, most: int, most_bytes: int) -> list[ZipInfo]:
    """The files of weights by name; nothing else may be there. Raises BadModel."""
    members = [one for one in archive.infolist() if not one.is_dir() and not added(one.filename)]
    for member in members:
        if PurePosixPath(member.filename).suffix.lower() not in SUFFIXES:
            raise BadModel(
                f"{named(member)} in {called} is no file of weights: a zip of models has "
                f"{', '.join(SUFFIXES)} files alone."
            )
    if not members:
        raise BadModel(f"{called} holds no model: put {' or '.join(SUFFIXES[:2])} files in.")
    if len(members) > most:
        raise BadModel(
            f"{called} holds {len(members)} models, and at most {most} are read: give fewer."
        )
    if (total := sum(member.file_size for member in members)) > most_bytes:
        raise BadModel(
            f"{called} unpacks to {total / 2**20:,.0f} MB of weights, and at most "
            f"{most_bytes // 2**20} MB are read: give fewer or smaller models."
        )
    return sorted(members, key=lambda one: one.filename)


def added(name: str) -> bool:
    """Whether an operating system put it there."""
    return any(part.startswith((".", "__")) for part in PurePosixPath(name).parts)


def named(member: ZipInfo) -> str:
    """A file of the zip, without its folder."""
    return shown(PurePosixPath(member.filename).name)
