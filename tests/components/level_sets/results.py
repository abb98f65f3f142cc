"""Results as the level-set methods give them, small and with known places and values."""

import numpy as np

from engine.core.result import Curve, Field, Path, Points, Result, Table, Triangle

HOSTILE = '<img src=x onerror="alert(1)">'
SHARP = ((0.0, 0.0), (1.0, 0.0), (0.45, 0.8))
CORNERS = ((220, 30, 30), (30, 180, 30), (30, 30, 220), (200, 200, 30), (30, 200, 200))


def weights_of(cells: int) -> np.ndarray:
    steps = [(cells - i - j, i, j) for i in range(cells + 1) for j in range(cells + 1 - i)]
    return np.array(steps, np.float32) / cells


def flat(color: tuple[int, int, int], side: int = 32) -> np.ndarray:
    plain = np.array(color, np.float16)[:, None, None] / np.float16(255)
    return np.broadcast_to(plain, (3, side, side))


def triangle(values, corners=SHARP, name="blind spot", cells: int = 10) -> Triangle:
    """`values` is a function of the weights (n, 3)."""
    weights = weights_of(cells)
    return Triangle(
        weights,
        np.asarray(values(weights), np.float32),
        np.array(corners, np.float32),
        np.stack([flat(color) for color in CORNERS[:3]]).astype(np.float16),
        ("source", f"{name} 1", f"{name} 2"),
        unit="probability",
    )


def bright(weights) -> np.ndarray:
    return 0.95 - 0.1 * weights[:, 2]


def falling(weights) -> np.ndarray:
    return weights[:, 0] ** 2


def star(labels=("palace", HOSTILE, "daisy", "espresso")) -> Result:
    share = np.linspace(0, 1, 5, dtype=np.float32)
    count = len(labels)
    limbs = np.stack([0.9 - 0.05 * at * share for at in range(count)]).astype(np.float32)
    controls = np.stack([0.9 * (1 - share) for _ in range(count)]).astype(np.float32)
    rows = np.arange(count, dtype=np.float32)

    def field(values):
        return Field(values, share, rows, "share of the way", "target", "probability")

    figures = np.column_stack([limbs.min(1), limbs.min(1) > 0.8])
    return {
        "limbs": field(limbs),
        "controls": field(controls),
        "figures": Table.grid(
            figures, labels, ("lowest on the limb", "holds"), ("probability", "yes or no")
        ),
    }


def plane() -> Result:
    x = np.linspace(-0.1, 1.1, 13, dtype=np.float32)
    y = np.linspace(-0.2, 0.5, 8, dtype=np.float32)
    ground = np.clip(1 - x[None] + y[:, None], 0, 1).astype(np.float32)
    t = np.linspace(0, 1, 6, dtype=np.float32)

    def points(up, values):
        return Points(
            np.column_stack([t, up]), values.astype(np.float32), "along", "beside", "probability"
        )

    return {
        "field": Field(ground, x, y, "along", "beside", "probability"),
        "walk": points(0.3 * np.sin(3 * t), 0.9 + 0 * t),
        "line": points(0 * t, 1 - t),
    }


def tube() -> Result:
    x = np.array([0, 20, 40], np.float32)
    radii = np.array([0.5, 1, 2], np.float32)
    low = (0.9 - 0.2 * radii[:, None] * np.array([1.0, 0.5, 2.0])).astype(np.float32)
    confidences = np.full(3, 0.95, np.float32)

    def field(values):
        return Field(values, x, radii, "step", "distance", "probability")

    return {
        "low": field(low),
        "high": field(np.full_like(low, 0.97)),
        "confidence": Curve(x, confidences, "step", "confidence", "probability"),
    }


def grid(labels=("cat", HOSTILE, "cup"), lost=((0, 1),)) -> Result:
    count = len(labels)
    confidence = np.full((count, count), 0.99, np.float32)
    is_kept = np.ones((count, count), np.float32)
    for row, column in lost:
        confidence[row, column], is_kept[row, column] = 0.2, 0
    frames = np.stack([flat(CORNERS[row]) for row in range(count) for _ in range(count)])

    def table(values, unit):
        return Table.grid(values, labels, labels, (unit,) * count)

    return {
        "images": Path(frames, confidence.ravel(), "probability"),
        "confidence": table(confidence, "probability"),
        "kept": table(is_kept, "yes or no"),
        "rmse": table(1 - is_kept, "pixel value"),
    }
