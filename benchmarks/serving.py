"""What a visitor waits for: a kept answer, a page's message, a large photograph."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from statistics import median
from time import perf_counter

from benchmarks.setting import case
from engine.attribution import FIRST
from engine.run import answer

# Grows by how much while a 24-megapixel JPEG is read; the file itself is made before.
UPLOAD = """
import io, sys
import numpy as np
from PIL import Image
from engine.images import read
noise = np.random.default_rng(0).integers(0, 255, (400, 600, 3), np.uint8)
held = io.BytesIO()
Image.fromarray(noise).resize((6000, 4000)).save(held, "JPEG", quality=90)
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
open("/proc/self/clear_refs", "w").write("5")
before = peak()
read(held.getvalue(), "large.jpg")
print(peak() - before)
"""


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
    done = subprocess.run(
        [sys.executable, "-c", UPLOAD], capture_output=True, text=True, check=False
    )
    grown = done.stdout.strip() or "not measured here"
    yield f"Reading a 24-megapixel JPEG grows memory by {grown} MB (two full copies are 144 MB)."


def message_size() -> str:
    """Bytes of the viewer's message with four maps."""
    import numpy as np

    from components.viewer import Panel, payload
    from engine.attribution.gradient import Gradient

    heat = answer(Gradient(), case())["map"]
    image = np.rint(case().image.permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    said = payload(image, [Panel("map", heat)] * 4, "bench")
    size = len(json.dumps(said))
    return f"The viewer's message with four gradient maps: {size / 1e6:.2f} MB (goal < 1 MB)."
