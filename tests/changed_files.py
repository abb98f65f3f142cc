"""Valid files of our own with bytes changed, of every sort that a person brings."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from engine.vision.images import Picture, load
from engine.vision.models.weights_file import read_weights
from tests import scans
from tests.hostile.archives import zipped
from tests.hostile.doors import tried
from tests.hostile.mutations import inside, mutant
from tests.hostile.pictures import saved
from tests.hostile.trials import Attempt, TrialKind, TrialOutcome
from tests.hostile.weights import head
from tests.in_memory import torch_file, written

Open = Callable[[bytes, str], Any]
SEED = 7
MOST_SECONDS, MOST_MB = 10, 500  # for one file


def picture(data: bytes, name: str) -> None:
    """Open a picture or scan as the page does."""
    opened = load(data, name)
    displayed = opened if isinstance(opened, Picture) else opened.picture()
    if displayed.pixels.dtype != np.uint8 or displayed.pixels.shape[2] != 3:
        raise TypeError("no picture")


def folders(data: bytes, name: str) -> None:
    from engine.vision.data.folders import read_folders

    read_folders(data, name, 16)


def arrays(data: bytes, name: str) -> None:
    from engine.vision.data.medmnist import read_npz

    read_npz(data, name)


def weights(data: bytes, name: str) -> None:
    """Open weights, and hold them against a network."""
    from engine.vision.models.own_file import check

    result = read_weights(data, name)
    check(result, result, name)


def compressed(syntax: str) -> bytes:
    dataset = scans.dataset(scans.ramp())
    dataset.compress(syntax)
    return scans.written(dataset)


def medmnist() -> bytes:
    rng, parts = np.random.default_rng(0), {}
    for part in ("train", "val", "test"):
        parts[f"{part}_images"] = rng.integers(0, 256, (12, 8, 8), np.uint8)
        parts[f"{part}_labels"] = np.arange(12).reshape(-1, 1) % 2
    return written(np.savez_compressed, **parts)


def safetensors() -> bytes:
    from safetensors.numpy import save

    return save({"fc.weight": np.ones((3, 8), np.float32), "fc.bias": np.ones(3, np.float32)})


def valid() -> dict[str, tuple[Open, list[bytes]]]:
    """Files of each sort, and what opens them."""
    volume = scans.nifti(np.arange(336, dtype=np.int16).reshape(6, 7, 8))
    small = {"size": (24, 20)}
    pictures = {f"{kind}/{n}.png": saved("PNG", **small) for kind in "ab" for n in range(3)}
    narrow = {name: tensor for name, tensor in head().items() if tensor.numel() < 70}
    dicoms = [scans.dicom(scans.ramp(), WindowCenter=1, WindowWidth=9)]
    dicoms += [compressed("1.2.840.10008.1.2.5")]
    return {
        "a.png": (picture, [saved("PNG", **small), saved("PNG", mode="P", **small)]),
        "a.jpg": (picture, [saved("JPEG", **small), saved("JPEG", progressive=True, **small)]),
        "a.tif": (picture, [saved("TIFF", compression=way, **small) for way in (None, "tiff_lzw")]),
        "a.webp": (picture, [saved("WEBP", **small), saved("WEBP", lossless=True, **small)]),
        "a.gif": (picture, [saved("GIF", mode="P", **small)]),
        "a.bmp": (picture, [saved("BMP", **small)]),
        "a.dcm": (picture, dicoms),
        "a.nii": (picture, [volume]),
        "a.nii.gz": (picture, [gzip.compress(volume)]),
        "a.zip": (folders, [zipped(pictures)]),
        "a.npz": (arrays, [medmnist()]),
        "a.pt": (weights, [torch_file(narrow)]),
        "a.safetensors": (weights, [safetensors()]),
    }


class OwnFileTrials(TrialKind):
    """Mutants of `valid()`, alike of each sort."""

    title = "Files of our own, changed"
    count = 10_400
    longest = 240.0

    def names(self, count: int) -> list[str]:
        sorts = list(valid())
        return [f"{at:05} {sorts[at % len(sorts)]}" for at in range(count)]

    @contextmanager
    def running(self) -> Iterator[Attempt]:
        """Each sort is opened by its own function, in this process and its reader."""
        sorts = valid()
        for name, (opens, files) in sorts.items():
            for data in files:
                opens(data, name)

        def attempt(trial: str) -> TrialOutcome:
            number, name = trial.split(" ")
            opens, files = sorts[name]
            rng = np.random.default_rng([SEED, int(number)])
            change = inside if rng.random() < 0.5 else mutant
            data = change(files[int(number) // len(sorts) % len(files)], rng)
            came, wrong, seconds, mb = tried((opens,), data, name, names_parts=opens is not picture)
            if seconds > MOST_SECONDS or mb > MOST_MB:
                wrong.append(f"{seconds:.1f} s, {mb:.0f} MB")
            return TrialOutcome(came, "; ".join(wrong), seconds, mb, change.__name__)

        yield attempt
