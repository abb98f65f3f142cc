"""An answer as files: result.json, the arrays as .npy, heat maps as .png, weights as .safetensors.

`result.json` is written last: a folder that has it is complete.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

from engine.case import ImageCase, PairCase
from engine.pictures import Pixels, as_bytes, ends, overlay, tint
from engine.result import Checkpoint, HeatMap, Table, View
from engine.run import Answer
from engine.store import write_atomic


def write(answer: Answer, case: ImageCase | PairCase, folder: Path) -> Path:
    """Write everything; where result.json lies."""
    record, facts = answer.record, case.facts()
    source = case.source if isinstance(case, PairCase) else case
    numbers: dict[str, float] = {"score": source.score(source.image[None]).item()}
    views = {}
    for name, view in answer.items():
        views[name] = write_view(view, name, folder)
        if isinstance(view, HeatMap):
            views[name] |= draw(view, name, shown(source), folder)
            numbers[f"{name}.low"] = float(np.nanmin(view.values))
            numbers[f"{name}.high"] = float(np.nanmax(view.values))
    said = {
        "method": record["method"],
        "settings": record["settings"],
        "case": facts,
        "views": views,
        "numbers": numbers,
        "provenance": {
            "model": facts["model"],
            "model_fingerprint": facts["model_fingerprint"],
            "kept": answer.kept,
            **{key: record[key] for key in PROVENANCE},
        },
    }
    path = folder / "result.json"
    write_atomic(path, (json.dumps(said, indent=1, ensure_ascii=False) + "\n").encode())
    return path


PROVENANCE = (
    "device", "seconds", "compiled_forwards", "versions", "when", "digest", "title", "paper",
    "revision",
)  # fmt: skip


def write_view(view: View, name: str, folder: Path) -> dict[str, Any]:
    """The view's first array as its file, further ones beside it; what they are."""
    said: dict[str, Any] = {"kind": type(view).__name__, "unit": getattr(view, "unit", "")}
    if isinstance(view, Checkpoint):
        file = f"{name}.safetensors"
        save_file(dict(view.weights), folder / file)
        return said | {"shape": [sum(one.size for one in view.weights.values())], "file": file}
    (_, first), *others = view.arrays().items()
    np.save(folder / f"{name}.npy", first)
    said |= {"shape": list(first.shape), "file": f"{name}.npy"}
    for field, array in others:
        np.save(folder / f"{name}.{field}.npy", array)
        said.setdefault("files", {})[field] = f"{name}.{field}.npy"
    if isinstance(view, Table):
        said |= {"rows": view.rows, "columns": view.columns, "units": view.units}
    return said


def draw(heat: HeatMap, name: str, image: Pixels, folder: Path) -> dict[str, Any]:
    """The map in colors, and over the image; their names and the ends of the scale."""
    picture, over = f"{name}.png", f"{name}.overlay.png"
    Image.fromarray(tint(heat)).save(folder / picture)
    Image.fromarray(overlay(image, heat)).save(folder / over)
    return {"signed": heat.signed, "picture": picture, "overlay": over, "ends": ends(heat)}


def shown(case: ImageCase) -> Pixels:
    """The image as bytes (H, W, 3)."""
    return as_bytes(case.image)
