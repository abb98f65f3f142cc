"""What a person takes along: the call in Python, the map as NPY, the record as JSON."""

import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from components.sidebar.subject import Subject
from engine.core.method import Method
from engine.core.result import HeatMap
from engine.core.run import Answer
from engine.vision.case.target import Target
from engine.vision.images import SliceChoice
from engine.vision.models.classifier import Classifier
from engine.vision.models.own_file import FILE_PREFIX


def python_call(
    method: Method[Any], subject: Subject, view: str = "map", target: Target | None = None
) -> str:
    """The lines that give this very answer, about another target than the subject's if given."""
    kind = type(method)
    case = subject.case if method.fast else subject.case.at("exact")
    case = replace(case, target=target or case.target)
    settings = ", ".join(f"{spec.name}={value!r}" for spec, value in method.changed())
    source, picture = python_picture(subject)
    about = f"Target({case.target.index}"
    about += f", versus={case.target.versus}" if case.target.versus is not None else ""
    about += f', reading="{case.target.reading}"' if case.target.reading != "logit" else ""
    crop = subject.crop
    where = "" if (crop.x, crop.y) == (0.5, 0.5) else f"{crop.x!r}, {crop.y!r}"
    rest = f', precision="{case.precision}"' if case.precision != "exact" else ""
    rest += f", seed={case.seed}" if case.seed else ""
    loader, model = python_model(case.model)
    imports = sorted(
        [
            f"from engine.attribution import {kind.__name__}",
            "from engine.vision.case import image_case",
            f"from engine.vision.images import {', '.join(python_images(subject))}",
            f"from engine.vision.models.catalog import {loader}",
            "from engine.core.run import answer",
            *source,
            "from engine.vision.case.target import Target",
        ]
    )
    if "Path(" in picture + model:
        imports = ["from pathlib import Path", "", *imports]
    lines = "\n".join(imports)
    variable = "heat" if view == "map" else "found"
    return f"""\
{lines}

case = image_case({model}, {picture}, Crop({where}), {about}){rest})
{variable} = answer({kind.__name__}({settings}), case)["{view}"]
"""


def python_picture(subject: Subject) -> tuple[list[str], str]:
    if subject.chosen.example:
        call = f'example("{subject.name}").picture()'
        return ["from engine.vision.data.example import example"], call
    if subject.name:
        return ["from engine.vision.images.samples import sample"], f'sample("{subject.name}")'
    return [], python_upload(subject.view)


def python_upload(view: SliceChoice | None) -> str:
    if view is None:
        return 'read(Path("your-image.png"))'
    arguments = [f"{view.plane!r}, {view.slice}"]
    arguments += [f"volume={view.volume}"] if view.volume else []
    arguments += [f"window={view.window!r}"] if view.window else []
    return f'read(Path("your-scan.dcm"), view=SliceChoice({", ".join(arguments)}))'


def python_images(subject: Subject) -> list[str]:
    view = subject.view
    names = ["Crop"]
    names += ["SliceChoice"] if view else []
    names += ["Window"] if view and view.window else []
    return names if subject.name else [*names, "read"]


def python_model(model: Classifier) -> tuple[str, str]:
    if not model.name.startswith(FILE_PREFIX):
        return "load", f"load({model.name!r})"
    architecture = model.title.rpartition("(")[2].removesuffix(")")
    return "load_from_file", f'load_from_file(Path("your-weights.safetensors"), {architecture!r})'


def provenance(answer: Answer) -> str:
    """One line: which model, which method, about what, how long, where, and whether it was kept."""
    record = answer.record
    case = record["case"]
    model = f"{case.get('model', '')} {case.get('model_fingerprint', '')[:8]}".strip()
    about = case.get("target", "")
    if reading := case.get("reading"):
        about += f" ({reading})"
    data = case.get("normal") or case.get("data")
    among = f"among {data}" if data else ""
    method = f"{record['method']} r{record['revision']}"
    origin = "kept from before" if answer.kept else "computed now"
    if (parts := record.get("kept_parts") or 0) > record["seconds"]:
        origin += f", from kept answers that took {in_seconds(parts)}"
    spent = (
        f"{in_seconds(record['seconds'])} on {record['device']}{configuration(answer)}, {origin}"
    )
    fast = "FAST (bfloat16): for exploring only" if case.get("precision") == "fast" else ""
    return " · ".join(part for part in (model, method, about, among, spent, fast) if part)


def in_seconds(seconds: float) -> str:
    """A time in seconds with two digits, or to the second from 100 on."""
    return f"{seconds:.2g} s" if seconds < 99.5 else f"{seconds:,.0f} s"


def configuration(answer: Answer) -> str:
    """Batch size, memory format and compiled share; "" where an older record does not say."""
    forward_settings = answer.record.get("forwards") or []
    phrases = [
        f"batch {settings['batch']}, {settings['memory_format']}"
        + (f", {settings['compiled_share']:.0%} compiled" if settings["compiled_share"] else "")
        for settings in forward_settings
    ]
    return f" ({'; '.join(phrases)})" if phrases else ""


def as_npy(heat: HeatMap) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, heat.values)
    return buffer.getvalue()


def as_json(answer: Answer) -> str:
    return json.dumps(answer.record, indent=2)


def model_input(subject: Subject) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """What the model saw, (side, side, 3)."""
    pixels = subject.case.image.permute(1, 2, 0).numpy()
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def encoded(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
