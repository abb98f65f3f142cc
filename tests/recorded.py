"""The numbers that each method answered about its tiny case when it was last changed on purpose.

A stored answer is found again by its method's revision: one that computes something else under the
same revision shows people old numbers. So what is red here means: raise `revision`, and record
again with `python -m tests.recorded`, which writes recorded_answers.json and takes some minutes.
Without a method's name it also writes what data sets and others draw:
tests/engine/vision/data/drawn.py.

Each array is kept as its norm and its product with a fixed wave, and how far both may move: ten
times as far as they do where the processor's wide instructions are switched off, as on an older
machine. What moves much then, such as the end of a long training, is not kept.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch

from engine.core.result import View
from tests.answers import timed

FILE = Path(__file__).with_name("recorded_answers.json")
RECORDING = "BLINDSPOT_RECORDING"  # names the file that summaries are added to
TESTS = [
    "tests/test_contract.py::test_it_answers_what_was_recorded",
    "tests/test_contract_answers.py::test_every_setting_changes_an_answer",
]
OLDER = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "OPENBLAS_CORETYPE": "Nehalem",
}
"""An older processor, as torch and numpy take it."""
MARGIN = 10.0
LEAST, MOST = 1e-5, 1e-2  # of an array's norm: what any may move; where one is not kept
TORCH = ".".join(torch.__version__.split(".")[:2])


def summary(answer: Mapping[str, View]) -> dict[str, list[float]]:
    """For each array by view and field: its norm, and its product with a wave."""
    return {
        f"{name}/{field}": norm_and_product(array)
        for name, view in answer.items()
        for field, array in view.arrays().items()
        if not timed(field) and array.dtype.kind in "biuf"
    }


def norm_and_product(array: np.ndarray) -> list[float]:
    """An array's norm and product; what is not finite counts as a number of its own."""
    values = np.nan_to_num(array.astype(np.float64).ravel(), nan=0.1, posinf=0.2, neginf=0.3)
    wave = np.cos(np.sqrt(2) * np.arange(1, values.size + 1))
    return [float(np.linalg.norm(values)), float(values @ wave)]


def assert_recorded(name: str, answer: Mapping[str, View]) -> None:
    """The answer's arrays are those that were recorded."""
    ours = summary(answer)
    if path := os.environ.get(RECORDING):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps({name: ours}) + "\n")
        return
    if record()["torch"] != TORCH:
        pytest.skip(f"recorded with torch {record()['torch']}")
    theirs = record()["answers"].get(name)
    method = ".".join(name.split(".")[:2])
    assert theirs is not None, f"record it: python -m tests.recorded {method}"
    assert theirs.keys() <= ours.keys(), sorted(theirs.keys() - ours.keys())
    moved = [
        field
        for field, (tolerance, *numbers) in theirs.items()
        if not np.allclose(ours[field], numbers, rtol=0, atol=tolerance)
    ]
    assert not moved, f"{name} answers something else: raise its revision; see tests/recorded.py"


@cache
def record() -> dict[str, Any]:
    """What the file holds."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def computed(names: list[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """The summaries of these methods' answers, of all if none is named, in a process apart."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "answers.jsonl"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
        chosen = ["-m", "not slow", "-k", " or ".join(f"[{name}]" for name in names)]
        subprocess.run(
            [*command, *chosen], env=os.environ | environment | {RECORDING: str(path)}, check=True
        )
        answers: dict[str, Any] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            answers |= json.loads(line)
    return answers


def with_tolerance(here: list[float], there: list[float]) -> list[float] | None:
    """How far an array's numbers may move, and they; None if they move too far."""
    norm = max(here[0], 1e-9)
    moved = max(abs(a - b) for a, b in zip(here, there, strict=True)) / norm
    if moved > MOST:
        return None
    tolerance = max(LEAST, MARGIN * moved) * norm
    return [float(f"{tolerance:.1e}"), *(float(f"{number:.6g}") for number in here)]


def main(names: list[str]) -> None:
    """Record these methods' answers; without names all, and what is drawn from a seed."""
    if not names:
        subprocess.run([sys.executable, "-m", "tests.engine.vision.data.drawn"], check=True)
    here, there = computed(names, {}), computed(names, OLDER)
    answers = dict(record()["answers"]) if names else {}
    for name, arrays in here.items():
        kept = {
            field: with_tolerance(numbers, there[name][field]) for field, numbers in arrays.items()
        }
        answers[name] = {field: numbers for field, numbers in kept.items() if numbers}
    lines = [
        f"{json.dumps(name)}:{json.dumps(answers[name], separators=(',', ':'))}"
        for name in sorted(answers)
    ]
    body = ",\n".join(lines)
    FILE.write_text(f'{{"torch": "{TORCH}", "answers": {{\n{body}\n}}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
