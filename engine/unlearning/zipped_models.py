"""Several models of one network in a zip; it is looked through before a byte is unpacked."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from time import monotonic
from zipfile import ZipFile, ZipInfo

from engine.data.archive import DAMAGED, contents, opened, shown
from engine.errors import BadModel
from engine.models.classifier import Classifier
from engine.models.own_file import open_alike, open_model
from engine.models.weights_file import SUFFIXES

MOST_BYTES = 100 * 2**20  # of the weights in a zip, unpacked
SECONDS = 60.0  # in which a zip must be read


def open_zip(
    content: bytes, called: str, most: int, architecture: str = "", like: Classifier | None = None
) -> tuple[Classifier, ...]:
    """The models of a zip in the order of their names, at most so many.

    What an operating system adds to a zip (names that begin with a dot or with two underscores)
    is passed over.

    Args:
        content: of the zip.
        called: what it is called in messages.
        most: how many models it may hold.
        architecture: of timm's, for weights alone.
        like: a model of the same network; the first of the zip if not given.

    Raises:
        BadData: it is no zip, or none that is opened here.
        BadModel: it has no models, too many, too large ones or other files, one does not fit, or
            reading takes too long.
    """
    end, found = monotonic() + SECONDS, []
    with opened(content, called) as archive, TemporaryDirectory() as folder:
        for number, member in enumerate(weights_of_zip(archive, called, most), 1):
            if monotonic() > end:
                raise BadModel(
                    f"{called} takes more than {SECONDS:.0f} seconds to read: give fewer models."
                )
            path = Path(folder, f"{number}{PurePosixPath(member.filename).suffix.lower()}")
            try:
                path.write_bytes(contents(archive, member))
            except DAMAGED as error:
                raise BadModel(f"{named(member)} in {called} is damaged.") from error
            try:
                model = open_alike(path, like) if like else open_model(path, architecture)
            except BadModel as error:
                reason = str(error).replace(path.name, "the file")  # nobody else calls it so
                raise BadModel(f"{named(member)} in {called}: {reason}") from error
            path.unlink()
            like = like or model
            found.append(model)
    return tuple(found)


def weights_of_zip(archive: ZipFile, called: str, most: int) -> list[ZipInfo]:
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
    if (total := sum(member.file_size for member in members)) > MOST_BYTES:
        raise BadModel(
            f"{called} unpacks to {total / 2**20:,.0f} MB of weights, and at most "
            f"{MOST_BYTES // 2**20} MB are read: give fewer or smaller models."
        )
    return sorted(members, key=lambda one: one.filename)


def added(name: str) -> bool:
    """Whether an operating system put it there."""
    return any(part.startswith((".", "__")) for part in PurePosixPath(name).parts)


def named(member: ZipInfo) -> str:
    """A file of the zip, without its folder."""
    return shown(PurePosixPath(member.filename).name)
