"""What a visitor waits for: a kept answer, a page's message, a large photograph."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from PIL import Image

from benchmarks.setting import case
from engine.attribution import FIRST
from engine.run import answer

# Grows by how much while a file is read, in a process of its own that has read nothing before.
READ = """
import sys
from pathlib import Path
from engine.images.kinds import kind
from engine.images.picture import decoded  # here, and not in the reader, whose memory is its own
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
data = Path(sys.argv[1]).read_bytes()
before = peak()
decoded(data, kind(data), "large.jpg")
print(f"{peak() - before:.0f}")
"""


def large_jpeg(path: Path) -> None:
    """24 megapixels of blurred noise."""
    noise = np.random.default_rng(0).integers(0, 255, (400, 600, 3), np.uint8)
    Image.fromarray(noise).resize((6000, 4000)).save(path, "JPEG", quality=90)


def rows() -> Iterator[str]:
    """Lines of text: absolute figures, told and not judged."""
    method = FIRST[0]()
    answer(method, case())
    waits = []
    for _ in range(20):
        start = perf_counter()
        answer(method, case())
        waits.append(perf_counter() - start)
    yield f"A kept answer: {1000 * median(waits):.2f} ms (goal < 100 ms)."
    yield message_size()
    with TemporaryDirectory() as folder:
        path = Path(folder, "large.jpg")
        large_jpeg(path)
        command = [sys.executable, "-c", READ, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    grown = done.stdout.strip() or "an unknown number of"
    yield f"Reading a 24-megapixel JPEG grows memory by {grown} MB (two full copies are 144 MB)."


def message_size() -> str:
    """Bytes of the viewer's message with four maps."""
    from components.widgets.viewer import Panel, payload
    from engine.attribution.heatmaps.gradient import Gradient

    heat = answer(Gradient(), case())["map"]
    image = np.rint(case().image.permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    said = payload(image, [Panel("map", heat)] * 4, "bench")
    size = len(json.dumps(said))
    return f"The viewer's message with four gradient maps: {size / 1e6:.2f} MB (goal < 1 MB)."
