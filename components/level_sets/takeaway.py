"""What a person takes along from a walk beside what every answer has."""

import io

import numpy as np

from components.exports import encoded
from components.level_sets.animation import as_gif, as_webp, statistics_csv
from components.share import Files
from engine.core.charts.drawing import Views


def walk(result: Views) -> Files:
    return {
        "walk.gif": lambda: as_gif(result),
        "walk.webp": lambda: as_webp(result),
        "end.png": lambda: end_png(result),
        "path.npy": lambda: path_npy(result),
        "steps.csv": lambda: statistics_csv(result),
    }


def end_png(result: Views) -> bytes:
    frame = np.asarray(result["end"].frames[-1], np.float32).transpose(1, 2, 0)
    return encoded(np.rint(np.clip(frame, 0, 1) * 255).astype(np.uint8))


def path_npy(result: Views) -> bytes:
    """The kept images of a walk, (n, 3, H, W)."""
    buffer = io.BytesIO()
    np.save(buffer, result["path"].frames)
    return buffer.getvalue()
