"""An answer as files: result.json, arrays as .npy, pictures as .png, weights as .safetensors.

`result.json` is written last: a folder that has it is complete.
"""

import json
import re
from collections.abc import Collection
from itertools import chain, count
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.numpy import save_file

from engine.core.case_base import Case
from engine.core.keeping.store import sweep_strays, write_atomic
from engine.core.method import Method
from engine.core.pictures import Pixels, as_bytes, labeled_grid, overlay, scale_ends, tint
from engine.core.result import Checkpoint, HeatMap, Pictures, Table, View
from engine.core.run import Answer, digest
from engine.vision.case import ImageCase, PairCase
from engine.vision.case.wrapped import WrappedCase

LONGEST = 100  # bytes of a part of a file's name
DIGITS = 12  # of a question's digest, in the name of its folder


def folder_of(method: Method[Any], case: Case, out: Path) -> Path:
    """The folder below `out` for one question, such as attribution.GradCam-1a2b3c4d5e6f.

    The same question has the same folder, and no other question has it.
    """
    return out / f"{method.full_name()}-{digest(method, case)[:DIGITS]}"


def write(answer: Answer, case: Case, folder: Path) -> Path:
    """Write everything; where result.json lies."""
    sweep_strays(folder, ours=False)
    record, facts = answer.record, case.facts()
    source = case.source if isinstance(case, PairCase) else case
    numbers: dict[str, float] = {}
    if isinstance(source, ImageCase):
        numbers["score"] = source.score(source.image[None]).item()
    views: dict[str, Any] = {}
    for name, view in answer.items():
        views[name] = write_view(view, name, folder)
        if isinstance(view, Pictures):
            views[name]["picture"] = f"{file_name(name)}.png"
            Image.fromarray(labeled_grid(view)).save(folder / views[name]["picture"])
        if isinstance(view, HeatMap):
            views[name] |= write_map(view, name, background(case, view), folder)
            numbers[f"{name}.low"] = float(np.nanmin(view.values))
            numbers[f"{name}.high"] = float(np.nanmax(view.values))
    content = {
        "method": record["method"],
        "settings": record["settings"],
        "case": facts,
        "views": views,
        "numbers": numbers,
        "provenance": {
            "model": facts.get("model"),
            "model_fingerprint": facts.get("model_fingerprint"),
            "kept": answer.kept,
            **{key: record[key] for key in PROVENANCE},
        },
    }
    path = folder / "result.json"
    write_atomic(path, (json.dumps(strict(content), indent=1, ensure_ascii=False) + "\n").encode())
    return path


PROVENANCE = (
    "device", "seconds", "kept_parts", "compiled_forwards", "forwards", "versions", "when",
    "digest", "title", "paper", "revision",
)  # fmt: skip


def strict(value: Any) -> Any:
    """The value without NaN and infinity, which JSON does not have: null instead."""
    match value:
        case float() if not isfinite(value):
            return None
        case dict():
            return {name: strict(part) for name, part in value.items()}
        case list() | tuple():
            return [strict(part) for part in value]
    return value


def write_view(view: View, name: str, folder: Path) -> dict[str, Any]:
    """A table as CSV; of another view its first array, and further ones beside it; what they are.

    The members of a mapping lie in a folder of their own: `normal.parts/distance.npy`.
    """
    stem = file_name(name)
    described: dict[str, Any] = {
        "kind": type(view).__name__,
        "unit": getattr(view, "unit", ""),
        "facts": view.facts(),
    }
    if isinstance(view, Checkpoint):
        file = f"{stem}.safetensors"
        save_file(dict(view.weights), folder / file)
        return described | {
            "shape": [sum(weight.size for weight in view.weights.values())],
            "file": file,
        }
    if isinstance(view, Table):
        file = f"{stem}.csv"
        (folder / file).write_text(view.csv(), encoding="utf-8")
        return described | {"shape": [len(view), len(view.order)], "file": file}
    files: dict[str, str] = {}
    for place, (field, array) in enumerate(view.arrays().items()):
        group, _, member = field.partition("/")
        file = f"{stem}.npy" if not place else f"{stem}.{file_name(group)}.npy"
        if member:
            file = f"{stem}.{file_name(group)}/{file_name(member)}.npy"
        file = free(file, files.values())
        (folder / file).parent.mkdir(exist_ok=True)
        np.save(folder / file, array)
        files[field] = file
        described |= {} if place else {"shape": list(array.shape), "file": file}
    described |= {"files": dict(list(files.items())[1:])} if len(files) > 1 else {}
    return described


def file_name(name: str) -> str:
    """A name without what a file system does not take, or takes for a folder."""
    plain = re.sub(r'[\x00-\x1f<>:"/\\|?*]|^\.+', "_", name).encode()[:LONGEST]
    return plain.decode(errors="ignore").rstrip(" .") or "_"


def free(file: str, taken: Collection[str]) -> str:
    """The file's name, with a number where another one, upper and lower case alike, has it."""
    lower = {name.lower() for name in taken}
    numbered = (f"{file.removesuffix('.npy')}~{number}.npy" for number in count(2))
    return next(
        candidate for candidate in chain([file], numbered) if candidate.lower() not in lower
    )


def write_map(heat: HeatMap, name: str, image: Pixels | None, folder: Path) -> dict[str, Any]:
    """The map in colors, and over the image where there is one; names, and the scale's ends."""
    stem = file_name(name)
    results: dict[str, Any] = {
        "signed": heat.signed,
        "picture": f"{stem}.png",
        "ends": scale_ends(heat),
    }
    Image.fromarray(tint(heat)).save(folder / results["picture"])
    if image is not None:
        results["overlay"] = f"{stem}.overlay.png"
        Image.fromarray(overlay(image, heat)).save(folder / results["overlay"])
    return results


def background(case: Case, heat: HeatMap) -> Pixels | None:
    """The image that a map is of, as bytes (H, W, 3); None where the case has none of its size."""
    pixels = getattr(case.inner if isinstance(case, WrappedCase) else case, "image", None)
    if pixels is None or tuple(pixels.shape[1:]) != heat.values.shape:
        return None
    return as_bytes(pixels)
