"""What a person takes along from a walk or a grid of walks; each file is made when asked for."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import streamlit as st

from components.exports import as_json, encoded
from components.level_sets.animation import as_gif, as_webp, statistics_csv
from components.widgets import image_grid
from engine.run import Answer


def walk(answer: Answer, key: str) -> None:
    """Animation, end image, images of the path, statistics and record."""
    offered: tuple[tuple[str, Callable[[], str | bytes], str, str], ...] = (
        ("GIF", lambda: as_gif(answer), "walk.gif", "image/gif"),
        ("WebP", lambda: as_webp(answer), "walk.webp", "image/webp"),
        ("End image", lambda: end_png(answer), "end.png", "image/png"),
        ("Path (NPY)", lambda: path_npy(answer), "path.npy", "application/octet-stream"),
        ("CSV", lambda: statistics_csv(answer), "steps.csv", "text/csv"),
        ("JSON", lambda: as_json(answer), "walk.json", "application/json"),
    )
    for column, (label, make, name, kind) in zip(st.columns(len(offered)), offered, strict=True):
        column.download_button(
            label, make, f"blindspot-{name}", kind, key=f"{key}.{name}", width="stretch"
        )


def grid(answer: Answer, key: str) -> None:
    """The figure as one picture, and the record."""
    png, said = st.columns(2)
    png.download_button(
        "PNG", lambda: image_grid.as_png(answer), "blindspot-grid.png", "image/png",
        key=f"{key}.png",
    )  # fmt: skip
    said.download_button(
        "JSON", lambda: as_json(answer), "blindspot-grid.json", "application/json",
        key=f"{key}.json",
    )  # fmt: skip


def end_png(answer: Answer) -> bytes:
    """The last image of a walk."""
    frame = np.asarray(answer["end"].frames[-1], np.float32).transpose(1, 2, 0)
    return encoded(np.rint(np.clip(frame, 0, 1) * 255).astype(np.uint8))


def path_npy(answer: Answer) -> bytes:
    """The kept images of a walk, (n, 3, H, W)."""
    held = io.BytesIO()
    np.save(held, answer["path"].frames)
    return held.getvalue()
