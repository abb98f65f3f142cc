"""A person whose every word is known: files in which names, texts, tags and labels are marked.

Each word begins with MARK, so that all that is kept, logged, linked or downloaded can be searched.
"""

import io
import zipfile
from collections.abc import Iterable, Mapping
from itertools import takewhile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine.vision.models.small import NetworkShape, build
from tests import scans
from tests.in_memory import torch_file, written

MARK = "quokka"
FILE, FOLDER, TEXT, PATIENT, LABEL, ARCHIVE, PLAN, WEIGHTS = (
    f"{MARK}{word}"
    for word in ("file", "folder", "text", "patient", "label", "archive", "plan", "weights")
)
LABELS = (f"{LABEL}one", f"{LABEL}two")
SIDE = 32


def picture(seed: int = 0, side: int = SIDE) -> bytes:
    """A PNG with a text and a name in its tags."""
    info = PngInfo()
    info.add_text("Comment", TEXT)
    info.add_itxt("Author", TEXT, zip=False)
    exif = Image.Exif()
    exif[0x010E] = TEXT
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    return written(Image.fromarray(pixels).save, "PNG", pnginfo=info, exif=exif)


def scan() -> bytes:
    """A DICOM file with the person's name in every tag that may have one."""
    tags = ("PatientName", "PatientID", "InstitutionName", "StudyDescription", "PatientComments")
    return scans.dicom(scans.ramp(SIDE), **dict.fromkeys(tags, PATIENT))


def archive(per_label: int = 6) -> bytes:
    """A zip of class folders whose names are labels, with a comment."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zip_file:
        zip_file.comment = TEXT.encode()
        for at, label in enumerate(LABELS):
            for number in range(per_label):
                zip_file.writestr(f"{label}/{FILE}{number}.png", picture(100 * at + number))
    return buffer.getvalue()


def folder(at: Path) -> Path:
    """Class folders on the disk, below a folder with a name of its own."""
    photos = at / FOLDER / "photos"
    for place, label in enumerate(LABELS):
        (photos / label).mkdir(parents=True)
        for number in range(3):
            (photos / label / f"{FILE}{number}.png").write_bytes(picture(10 * place + number))
    return photos


def plan(at: Path) -> Path:
    """A sweep over that folder."""
    path = at / FOLDER / f"{PLAN}.toml"
    photos = folder(at)
    lines = ('methods = ["attribution.Gradient"]', f'images = "{photos}"', 'models = "digits-cnn"')
    path.write_text("\n".join([f"# {PLAN}", *lines, ""]))
    return path


def weights() -> bytes:
    """A state_dict of a small network, as somebody else saved it."""
    return torch_file(build("lenet", NetworkShape(1, 12, 3), 0).state_dict())


def words_in(name: str, data: bytes) -> set[str]:
    """The marked words in a file, its name included."""
    if data[:4] == b"PAR1":
        data = str(pq.read_table(io.BytesIO(data)).to_pydict()).encode()
    texts = (name, data.decode("latin-1"), data.decode("utf-16-le", "ignore"))
    return {word for text in texts for word in marked(text.lower())}


def marked(text: str) -> Iterable[str]:
    for part in text.split(MARK)[1:]:
        yield MARK + "".join(takewhile(str.isalpha, part))


def below(*folders: Path) -> Mapping[str, set[str]]:
    """By path from there on: the marked words of each file and folder that has some."""
    results = {}
    for root in folders:
        for path in root.rglob("*") if root.is_dir() else ():
            data = path.read_bytes() if path.is_file() else b""
            if words := words_in(str(path.relative_to(root)), data):
                results[str(path)] = words
    return results
