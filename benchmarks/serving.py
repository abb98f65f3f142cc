"""What a visitor waits for: a kept answer, a page's message, a large photograph."""

import json
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from benchmarks.setting import case
from benchmarks.table import BenchmarkRow
from benchmarks.timing import within
from engine.attribution import FIRST
from engine.core.run import answer
from engine.vision.images.reading import load

# Grows by how much while a file is read, in a process of its own that has read nothing before.
READ = """
import sys
from pathlib import Path
from engine.vision.images.kinds import kind
from engine.vision.images.picture import decode_picture  # here: the reader's memory is its own
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
data = Path(sys.argv[1]).read_bytes()
before = peak()
decode_picture(data, kind(data), "large.jpg")
print(f"{peak() - before:.0f}")
"""


def large_jpeg(path: Path) -> None:
    """24 megapixels of blurred noise."""
    noise = np.random.default_rng(0).integers(0, 255, (400, 600, 3), np.uint8)
    Image.fromarray(noise).resize((6000, 4000)).save(path, "JPEG", quality=90)


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """Milliseconds, and sizes in MB."""
    method = FIRST[0]()
    answer(method, case())
    yield within("A kept answer", lambda: answer(method, case()), 100, 4 * rounds, unit="ms")
    yield message_size()
    yield reader_milliseconds(rounds)
    with TemporaryDirectory() as folder:
        path = Path(folder, "large.jpg")
        large_jpeg(path)
        command = [sys.executable, "-c", READ, str(path)]
        grown = [
            float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            for _ in range(min(rounds, 3))
        ]
    yield BenchmarkRow.of(
        "Memory grows while a 24-megapixel JPEG is read",
        grown,
        "MB",
        most=144,
        note="two full copies are the goal",
    )


def reader_milliseconds(rounds: int) -> BenchmarkRow:
    """Milliseconds of a photograph in the reader's process, once that runs."""
    noise = np.random.default_rng(0).integers(0, 255, (800, 1200, 3), np.uint8)
    buffer = BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    load(buffer.getvalue())
    return within(
        "A JPEG of a megapixel is read in a process of its own",
        lambda: load(buffer.getvalue()),
        150,
        4 * rounds,
        unit="ms",
    )


def message_size() -> BenchmarkRow:
    """Bytes of the viewer's message with four maps."""
    from components.widgets.viewer import Panel, payload
    from engine.evaluation.maps.gradient import Gradient

    heat = answer(Gradient(), case())["map"]
    image = np.rint(case().image.permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    size = len(json.dumps(payload(image, [Panel("map", heat)] * 4, "bench"))) / 1e6
    return BenchmarkRow.exact("The viewer's message with four gradient maps", size, "MB", most=1)
