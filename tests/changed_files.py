"""Valid files with bytes changed, opened by the thousand: `python -m tests.changed_files 10000`.

Each must be read or refused in one sentence. Seconds are of computing, in this process and in the
reader; memory is the reader's peak, or what this process has gained.
"""

from __future__ import annotations

import gzip
import io
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import BlindspotError
from engine.images import Picture, load, reader
from engine.models.weights_file import read_weights
from tests import scans
from tests.hostile.archives import zipped
from tests.hostile.mutations import inside, mutant
from tests.hostile.pictures import saved
from tests.hostile.weights import head, torch_file

Open = Callable[[bytes, str], Any]
SEED = 7


def picture(data: bytes, name: str) -> None:
    """Open a picture or scan as the page does."""
    opened = load(data, name)
    shown = opened if isinstance(opened, Picture) else opened.picture()
    if shown.pixels.dtype != np.uint8 or shown.pixels.shape[2] != 3:
        raise TypeError("no picture")


def folders(data: bytes, name: str) -> None:
    """Open a zip of class folders."""
    from engine.data.folders import read_folders

    read_folders(data, name, 16)


def arrays(data: bytes, name: str) -> None:
    """Open a MedMNIST file."""
    from engine.data.medmnist import read_npz

    read_npz(data, name)


def weights(data: bytes, name: str) -> None:
    """Open weights, and hold them against a network."""
    from engine.models.own_file import check

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        found = read_weights(path)
        check(found, found, name)


def compressed(syntax: str) -> bytes:
    """A DICOM file in a compressed syntax."""

    made = scans.dataset(scans.ramp())
    made.compress(syntax)
    return scans.written(made)


def medmnist() -> bytes:
    """A small MedMNIST file."""
    rng = np.random.default_rng(0)
    held = io.BytesIO()
    parts = {}
    for part in ("train", "val", "test"):
        parts[f"{part}_images"] = rng.integers(0, 256, (12, 8, 8), np.uint8)
        parts[f"{part}_labels"] = np.arange(12).reshape(-1, 1) % 2
    np.savez_compressed(held, **parts)
    return held.getvalue()


def safetensors() -> bytes:
    """Weights as .safetensors."""
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
        "a.tif": (
            picture,
            [saved("TIFF", **small), saved("TIFF", compression="tiff_lzw", **small)],
        ),
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


def reader_used() -> tuple[float, float]:
    """Seconds of computing and peak MB of the reader that waits."""
    if not reader._idle:
        return 0.0, 0.0
    folder = Path("/proc", str(reader._idle[0].process.pid))
    used = (folder / "stat").read_text().rpartition(")")[2].split()
    lines = (folder / "status").read_text().splitlines()
    peak = next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
    return (int(used[11]) + int(used[12])) / 100, peak


def own_peak() -> float:
    """This process's peak, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def outcome(opens: Open, data: bytes, name: str) -> str:
    """What came of it."""
    try:
        opens(data, name)
    except BlindspotError as error:
        said = str(error)
        return "sentence" if said.endswith((".", "?")) and "\n" not in said else f"odd: {said}"
    except Exception as error:  # noqa: BLE001 - which it was is the answer
        return f"crash: {error!r}"[:200]
    return "read"


def run(count: int, folder: Path | None = None) -> dict[str, Any]:
    """Open so many mutants, alike of each sort; counts, and the worst of each."""
    sorts = valid()
    for name, (opens, files) in sorts.items():
        if any(outcome(opens, data, name) != "read" for data in files):
            raise ValueError(f"{name} is not valid to begin with")
    found: dict[str, Counter[str]] = {name: Counter() for name in sorts}
    worst, had = {"seconds": 0.0, "reader MB": 0.0, "where": ""}, own_peak()
    for at in range(count):
        name = list(sorts)[at % len(sorts)]
        opens, files = sorts[name]
        rng = np.random.default_rng([SEED, at])
        change = inside if rng.random() < 0.5 else mutant
        data = change(files[at // len(sorts) % len(files)], rng)
        before, own = reader_used()[0], time.process_time()
        came = outcome(opens, data, name)
        after, peak = reader_used()
        spent = time.process_time() - own + max(0.0, after - before)
        if spent > worst["seconds"]:
            worst |= {"seconds": spent, "where": f"{name} {at}"}
        worst["reader MB"] = max(worst["reader MB"], peak)
        found[name][came.split(":")[0]] += 1
        if ":" in came and folder:
            (folder / f"{at}-{name}").write_bytes(data)
            sys.stderr.write(f"{at} {name} {came}\n")
    worst["own MB"] = own_peak() - had
    return {"sorts": found, "all": sum(found.values(), Counter()), "worst": worst}


if __name__ == "__main__":
    kept = Path(tempfile.mkdtemp(prefix="mutants-"))
    sys.stdout.write(json.dumps(run(int(sys.argv[1]), kept), indent=1))
