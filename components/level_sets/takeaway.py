"""What a person takes along from a walk or a grid of walks; each file is made when asked for."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import streamlit as st

from components.exports import as_json, encoded
from components.level_sets.animation import as_gif, as_webp, statistics_csv
from components.widgets import image_grid
from components.widgets.downloads import download
from engine.run import Answer


def walk(answer: Answer, key: str) -> None:
    """Animation, end image, images of the path, statistics and record."""
    offered: tuple[tuple[str, Callable[[], str | bytes], str], ...] = (
        ("GIF", lambda: as_gif(answer), "walk.gif"),
        ("WebP", lambda: as_webp(answer), "walk.webp"),
        ("End image", lambda: end_png(answer), "end.png"),
        ("Path (NPY)", lambda: path_npy(answer), "path.npy"),
        ("CSV", lambda: statistics_csv(answer), "steps.csv"),
        ("JSON", lambda: as_json(answer), "walk.json"),
    )
    for column, (label, make, name) in zip(st.columns(len(offered)), offered, strict=True):
        download(label, make, f"blindspot-{name}", f"{key}.{name}", place=column, wide=True)


def grid(answer: Answer, key: str) -> None:
    """The figure as one picture, and the record."""
    png, said = st.columns(2)
    download(
        "PNG", lambda: image_grid.as_png(answer), "blindspot-grid.png", f"{key}.png", place=png
    )
    download("JSON", lambda: as_json(answer), "blindspot-grid.json", f"{key}.json", place=said)


def end_png(answer: Answer) -> bytes:
    """The last image of a walk."""
    frame = np.asarray(answer["end"].frames[-1], np.float32).transpose(1, 2, 0)
    return encoded(np.rint(np.clip(frame, 0, 1) * 255).astype(np.uint8))


def path_npy(answer: Answer) -> bytes:
    """The kept images of a walk, (n, 3, H, W)."""
    held = io.BytesIO()
    np.save(held, answer["path"].frames)
    return held.getvalue()
