"""Four visitors open a file each at the same time, in a process of its own: what memory that takes.

`python -m tests.opened_at_once KIND` prints the size of the largest file, how far the memory of
this process and its readers rose at the peak and afterwards, when all have left, and what was said.
"""

import gc
import gzip
import json
import struct
import sys
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from engine.core.errors import BlindspotError
from engine.core.keeping.budget import BUDGET, visited_by
from engine.core.process import hold_blocks, release
from engine.vision.data.folders import read_folders
from engine.vision.data.medmnist import read_npz
from engine.vision.images import Picture, Scan, load, reader
from engine.vision.images.large import open_large
from tests import in_memory
from tests.engine.vision.images.test_large import shared
from tests.hostile.archives import zipped
from tests.hostile.pictures import blank_png
from tests.scans import dataset, dicom, nifti, written

FOUR = 4


def array_file() -> bytes:
    """250 MB of images, of which one byte in a hundred is random."""
    images = np.zeros((320, 512, 512, 3), np.uint8)
    images[:3] = np.random.default_rng(0).integers(0, 256, images[:3].shape, np.uint8)
    few, labels = images[-1:], (np.arange(320) % 2).astype(np.uint8)[:, None]
    arrays = {f"{part}_images": few for part in ("val", "test")}
    arrays |= {f"{part}_labels": labels[:1] for part in ("val", "test")}
    rest = {"train_images": images, "train_labels": labels}
    return in_memory.written(np.savez_compressed, **rest, **arrays)


def zip_of_pictures() -> bytes:
    """Two classes; one picture of 95 million pixels."""
    pictures = {"cat/1.png": blank_png(9750, 9750, 2, 3), "dog/1.png": blank_png(64, 64, 2, 3)}
    return zipped(pictures, zipfile.ZIP_STORED)


def volume() -> bytes:
    """240 MB of voxels, packed."""
    head = bytearray(nifti(np.zeros((4, 4, 4), np.int16))[:352])
    struct.pack_into("<8h", head, 40, 3, 500, 500, 480, 1, 1, 1, 1)
    return gzip.compress(bytes(head) + bytes(500 * 500 * 480 * 2), 6)


def run_length_frames() -> bytes:
    """Seven frames of 64 MB, run-length coded."""
    image = dataset(np.zeros((5656, 5656), np.uint16))
    image.compress(RLELossless, generate_instance_uid=False)
    image.PixelData = encapsulate([get_frame(image.PixelData, 0, number_of_frames=1)] * 7)
    image.NumberOfFrames = 7
    return written(image)


def deflated_frames() -> bytes:
    """48 frames of 2 MB in a deflated data set: as much as one may unpack to."""
    return dicom(np.zeros((48, 1000, 1000), np.uint16), syntax=DeflatedExplicitVRLittleEndian)


def with_slice(data: bytes) -> tuple[Scan, Picture]:
    """A scan, and its middle slice as the page shows it."""
    scan = load(data)
    assert isinstance(scan, Scan)
    return scan, scan.picture()


def overview(data: bytes) -> None:
    """All of a large image, much smaller."""
    image = open_large(data)
    image.smaller(100, 0, image.height, 0, image.width)


KINDS = {
    "npz": (array_file, read_npz),
    "zip of pictures": (zip_of_pictures, lambda data: read_folders(data, side=64)),
    "nifti": (volume, with_slice),
    "dicom": (run_length_frames, with_slice),
    "deflated dicom": (deflated_frames, with_slice),
    "tiled tiff": (lambda: shared(30_000, 30_000, 512), overview),
}


def memory() -> int:
    """Bytes that this process and its readers have for themselves."""
    pids = [Path("/proc/self"), *children(Path("/proc/self").resolve().name)]
    return sum(map(resident, pids))


def children(parent: str) -> list[Path]:
    result = Path(f"/proc/{parent}/task").glob("*/children")
    return [Path(f"/proc/{pid}") for listing in result for pid in listing.read_text().split()]


def resident(process: Path) -> int:
    """Its bytes that no file stands for.

    Between its start and its program a child has its parent's memory, and its parent's command
    line: that is not counted twice.
    """
    try:
        command = (process / "cmdline").read_bytes()
        lines = (process / "status").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    if process.name != "self" and command == Path("/proc/self/cmdline").read_bytes():
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


def main(kind: str) -> None:
    make, read = KINDS[kind]
    data = make()
    gc.collect()
    hold_blocks(2**20, 2**20)
    release()
    before, peak, ended = memory(), 0, threading.Event()
    opened, messages = [], []

    def visit(number: int) -> None:
        with visited_by(f"visitor {number}"):
            try:
                opened.append(read(bytes(data)))
            except BlindspotError as error:
                messages.append(str(error))

    def sample() -> None:
        nonlocal peak
        while not ended.wait(0.005):
            peak = max(peak, memory())

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(FOUR)]
    sampler = threading.Thread(target=sample)
    begun = time.monotonic()
    for thread in (sampler, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - begun
    ended.set()
    sampler.join()
    count, booked = len(opened), BUDGET.booked.total()
    opened.clear()
    gc.collect()
    reader.end_all()
    release()  # as `components/presence.py` does
    sys.stdout.write(json.dumps({
        "file": len(data), "peak": peak - before, "after": memory() - before, "opened": count,
        "booked": booked, "left": BUDGET.booked.total(), "said": messages, "seconds": seconds,
    }))  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
