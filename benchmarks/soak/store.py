"""Whether a home is sound: each file in it whole, or said to be unfinished by its name."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from engine.core.keeping.packing import DAMAGE, unpack
from engine.core.keeping.store import PART
from engine.vision.data.keeping import unpacked

TOLERANCE = 1e-5  # of an array's largest number

Numbers = dict[str, NDArray[Any]]


def damage(home: Path) -> Iterator[str]:
    """What of a home is broken; nothing is changed or removed by looking."""
    for path in sorted(home.rglob("*")):
        if not path.is_file() or path.name.startswith(PART):
            continue
        try:
            look(path)
        except (*DAMAGE, SafetensorError, OSError) as error:
            yield f"{path.relative_to(home)}: {error}"


def look(path: Path) -> None:
    """Read a file as the app does. Raises one of DAMAGE."""
    if path.suffix == ".json":
        record = json.loads(path.read_bytes())
        if path.parent.name == "answers":
            unpack(record, path.with_suffix(".safetensors").read_bytes())
    elif path.suffix == ".safetensors" and path.parent.name == "data":
        unpacked(path.read_bytes())
    elif path.suffix == ".safetensors":
        load(path.read_bytes())


def leftovers(home: Path) -> int:
    """Unfinished files, which the next start sweeps once they are an hour old."""
    return sum(path.name.startswith(PART) for path in home.rglob("*"))


def arrays(out: Path) -> Numbers:
    """The arrays that the command line wrote, without seconds; none where it did not finish."""
    result = next(out.glob("*/result.json"), None)  # below the folder of its one question
    if result is None:
        return {}
    folder = result.parent
    return {
        path.name: np.load(path, allow_pickle=False)
        for path in sorted(folder.glob("*.npy"))
        if "seconds" not in path.name
    }


def alike(actual: Numbers, expected: Numbers) -> bool:
    """Whether they are the same but for the last bits of sums, which other batches may change."""
    return (
        bool(expected)
        and actual.keys() == expected.keys()
        and all(
            array.shape == expected[name].shape
            and np.allclose(
                array,
                expected[name],
                rtol=0,
                equal_nan=True,
                atol=TOLERANCE * float(np.abs(expected[name]).max(initial=0)),
            )
            for name, array in actual.items()
        )
    )
