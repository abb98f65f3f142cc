"""What each recipe draws, in a few numbers: `python -m tests.engine.data.drawn` writes them anew.

Networks ship that were trained on these images: a recipe that draws others makes their cards and
their answers false.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.data.registry import make
from engine.data.tabular import Cohort
from engine.method import quiet

FILE = Path(__file__).with_suffix(".json")
NAMES = (
    "digits",
    "mnist-5k",
    "phantoms:count=40,side=48",
    "phantoms:count=40,side=48,contrast=0.5,size=1.4,shift=1,seed=3",
    "scenes:count=20",
    "scenes:count=20,kind=broken,clean=yes",
    "scenes:count=20,kind=counter,habit=0.7,side=32",
    "scenes:count=20,kind=dense,seed=2",
    "scenes:count=20,kind=ood",
    "twice:count=40",
    "twice:count=20,side=48,contrast=0.6",
    "bags:count=20,size=40",
    "bags:count=20,size=20,kind=three,hard=0.8",
    "bars:count=190",
    "textured:count=120",
    "digits+long-tailed+noisy:share=0.3",
    "digits+noisy:share=0.3,kind=asymmetric",
    "digits+poisoned:share=0.2,target=3,attack=yes",
    "digits+open-set:held=3",
    "digits+classes:first=4,count=3",
    "digits+relabeled",
)
TABLES = (Cohort(), Cohort(shift=2.0, tie=0.3, seed=5))


def drawn() -> dict[str, dict[str, list[float]]]:
    """Of every set and table: the numbers of each of its arrays."""
    results = {}
    for name in NAMES:
        data = make(name, quiet)
        arrays = {"images": data.images, "labels": data.labels, "ids": data.ids}
        results[name] = numbers({**arrays, "split": data.split, **data.truth})
    for recipe in TABLES:
        table = recipe.make()
        arrays = {"values": table.values, "labels": table.labels, "split": table.split}
        results[recipe.name] = numbers({**arrays, "origin": table.origin, **table.truth})
    return results


def numbers(arrays: Mapping[str, NDArray]) -> dict[str, list[float]]:
    """The mean and the spread of each array, and a sum in which every entry counts otherwise."""
    results = {}
    for name, array in sorted(arrays.items()):
        if not np.issubdtype(array.dtype, np.number) and array.dtype != bool:
            continue
        values = array.ravel().astype(np.float64)
        wave = values @ np.cos(0.7 * np.arange(len(values))) / np.sqrt(len(values))
        results[name] = [round(statistic, 5) for statistic in (values.mean(), values.std(), wave)]
    return results


if __name__ == "__main__":
    lines = (f"{json.dumps(name)}: {json.dumps(arrays)}" for name, arrays in drawn().items())
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
