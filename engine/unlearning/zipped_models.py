"""Several models of one network in a zip, each unpacked in the reader process."""

from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath
from time import monotonic
from zipfile import ZipFile, ZipInfo

from engine.core.errors import BadImage, BadModel
from engine.vision.data.archive import contents, open_archive, short_path
from engine.vision.data.folders import Skipped
from engine.vision.models.classifier import Classifier
from engine.vision.models.own_file import open_alike, open_model

MOST_BYTES = 100 * 2**20  # of the weights in a zip, unpacked
PACKED = 10 * 2**20  # bytes that the zip may have beside them; weights hardly pack at all
ADVICE = "give fewer or smaller models"
SECONDS = 60.0  # in which a zip must be read
SUFFIXES = (".safetensors", ".pt", ".pth")


@dataclass(frozen=True, eq=False)
class ZippedModels:
    """The models of a zip in the order of their names, and the files that were left out."""

    models: tuple[Classifier, ...]
    skipped: tuple[Skipped, ...]


def open_zip(
    content: bytes, called: str, most: int, architecture: str = "", like: Classifier | None = None
) -> ZippedModels:
    """The models of a zip, at most so many; a file that is none is left out and named.

    What an operating system adds to a zip (names that begin with a dot or with two underscores)
    is passed over.

    Args:
        content: of the zip.
        called: what it is called in messages.
        most: how many files it may hold.
        architecture: for weights alone.
        like: a model of the same network; the first of the zip if not given.

    Raises:
        BadModel: it has no model that can be opened, too many or too large files, or reading takes
            too long.
        BadData: it is no zip, or none that is opened here.
    """
    if len(content) > MOST_BYTES + PACKED:
        raise BadModel(f"{called} is larger than {(MOST_BYTES + PACKED) // 2**20} MB: {ADVICE}.")
    end = monotonic() + SECONDS
    models: list[Classifier] = []
    skipped: list[Skipped] = []
    with open_archive(content, called) as archive:
        for member in check_members(archive, called, most):
            if monotonic() > end:
                raise BadModel(
                    f"{called} takes more than {SECONDS:.0f} seconds to read: give fewer models."
                )
            try:
                model = model_of(archive, member, architecture, like)
            except (BadImage, BadModel) as error:
                skipped.append(Skipped(PurePosixPath(member.filename).name, str(error)))
            else:
                like = like or model
                models.append(model)
    if not models:
        first = f" The first: {short_path(skipped[0].file)}: {skipped[0].reason}" if skipped else ""
        raise BadModel(
            f"{called} holds no model that can be opened: put {' or '.join(SUFFIXES[:2])} files "
            f"in.{first}"
        )
    return ZippedModels(tuple(models), tuple(skipped))


def check_members(archive: ZipFile, called: str, most: int) -> list[ZipInfo]:
    """The files by name. Raises BadModel where they are too many or too large."""
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not is_system_file(member.filename)
    ]
    if len(members) > most:
        raise BadModel(
            f"{called} holds {len(members)} files, and at most {most} models are read: give fewer."
        )
    if (total := sum(member.file_size for member in members)) > MOST_BYTES:
        raise BadModel(
            f"{called} unpacks to {total / 2**20:,.0f} MB of weights, and at most "
            f"{MOST_BYTES // 2**20} MB are read: {ADVICE}."
        )
    return sorted(members, key=lambda member: member.filename)


def model_of(
    archive: ZipFile, member: ZipInfo, architecture: str, like: Classifier | None
) -> Classifier:
    """The model of a file of the zip. Raises BadImage or BadModel."""
    suffix = PurePath(member.filename).suffix.lower()
    if suffix not in SUFFIXES:
        raise BadModel(f"It is no file of weights: {', '.join(SUFFIXES)} are read.")
    content, called = contents(archive, member), f"the file{suffix}"
    try:
        return (
            open_alike(content, called, like) if like else open_model(content, called, architecture)
        )
    except BadModel as error:
        reason = str(error).replace(called, "the file")
        raise BadModel(f"{reason[0].upper()}{reason[1:]}") from error


def is_system_file(name: str) -> bool:
    """Whether an operating system put it there."""
    return any(part.startswith((".", "__")) for part in PurePosixPath(name).parts)
