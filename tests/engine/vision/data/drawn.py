"""What is drawn from a seed, in two numbers for each array, as it was last changed on purpose.

Networks ship that were trained on these images, and answers are kept: a recipe that draws others
makes both false. After a change on purpose, `python -m tests.engine.vision.data.drawn` writes
drawn.json anew in seconds, and `python -m tests.recorded` does so too. Names and fingerprints are
left out.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from engine.core.method import quiet
from engine.vision.data.dataset import DataSet
from engine.vision.data.lesions import KINDS, RADII
from engine.vision.data.phantoms import Phantoms
from engine.vision.data.registry import make
from engine.vision.data.tabular import Cohort
from engine.vision.data.units import Units, gabor_units, on_off_units
from engine.vision.data.whole_slide import CELL, MadeSlide, made_slide
from tests.recorded import LEAST, norm_and_product

FILE = Path(__file__).with_suffix(".json")
GRAY = 1e-3  # of the norm of gray levels: a hundredth may be rounded the other way elsewhere
PHANTOMS, TEXTURED = "phantoms:count=40,side=48", "textured:count=120"
SETS = (
    *("digits", "mnist-5k", TEXTURED, "bars:count=190", "bars:count=190,noise=0.3,seed=2"),
    *(PHANTOMS, f"{PHANTOMS},contrast=0.5,size=1.4,shift=1,seed=3"),
    *("scenes:count=20", "scenes:count=20,kind=broken,clean=yes", "scenes:count=20,kind=ood"),
    *("scenes:count=20,kind=counter,habit=0.7,side=32", "scenes:count=20,kind=dense,seed=2"),
    *("twice:count=40", "twice:count=20,side=48,contrast=0.6", "bags:count=20,size=40"),
    *("bags:count=20,size=20,kind=three,hard=0.8", "interactions:count=60,items=210,groups=4"),
    *("digits+long-tailed+noisy:share=0.3", "digits+noisy:share=0.3,kind=asymmetric"),
    *("digits+poisoned:share=0.2,target=3,attack=yes", "digits+shuffled:seed=1"),
    *("digits+open-set:held=3", "digits+open-set:held=3,seed=2", "digits+classes:first=4,count=3"),
    *("digits+relabeled", f"{TEXTURED}+relabeled:how=coarse", "digits+merged:into=3"),
    *("digits+cuda:share=0.5,strength=0.8", f"{TEXTURED}+cuda:split=test,filters=next,size=5"),
    *(f"{PHANTOMS}+shortcut:target=1,test=all+brightness", f"{PHANTOMS}+healthy"),
)
FINE = Phantoms(side=128)  # which shows how thick a rim is
LARGE = partial(made_slide, 1500, 1100)  # px, so that a planted region is some 100 px wide


def parts(made: Any) -> Mapping[str, Any]:
    """The arrays and texts of what was made."""
    match made:
        case Units():
            return {"filters": made.filters, "group": made.group, "answers": made(made.filters[0])}
        case MadeSlide():
            top, left = (int(place) - 40 for place in made.regions[made.strengths.argmax(), :2])
            cell = top // CELL, left // CELL
            place = top, top + 300, left, left + 300
            small = {f"{n} times": made.smaller(n, 0, made.height, 0, made.width) for n in (3, 4)}
            drawn = {"cell": made.covered(*cell), "piece": made.piece(*place), **small}
            return {**vars(made), "mask": made.mask(*place), **drawn}
        case DataSet():
            return {**vars(made), "some": made.some("train", 25, seed=1)}
    return vars(made)


DRAWN: dict[str, Callable[[], Any]] = {
    **{name: partial(make, name, quiet) for name in SETS},
    "cohort": Cohort().make,
    "cohort of other settings": Cohort(shift=2.0, tie=0.3, seed=5).make,
    **{f"volume, {KINDS[kind]}": partial(FINE.volume, kind, kind, 24.0) for kind in RADII},
    "gabor units": partial(gabor_units, 8),
    "gabor units of other settings": partial(gabor_units, 9, 3, 15, 0.3, seed=2),
    "on and off cells": partial(on_off_units, 8),
    "on and off cells of other settings": partial(on_off_units, 9, 15, 0.2, seed=2),
    "slide": LARGE,
    "slide of other settings": partial(LARGE, seed=3, regions=2),
}


def numbers(made: Any) -> dict[str, list[float]]:
    """Of each array: how far its norm and its product with a wave may move, and the two."""
    results = {}
    for name, array in arrays(parts(made)):
        is_text, is_gray = array.dtype.kind == "U", array.ndim > 2 and array.dtype.kind in "ui"
        letters = np.frombuffer("\n".join(array.tolist()).encode(), np.uint8) if is_text else array
        norm, product = norm_and_product(letters)
        tolerance = (GRAY if is_gray else LEAST) * max(norm, 1e-9)
        results[name] = [float(f"{tolerance:.1e}"), float(f"{norm:.8g}"), float(f"{product:.8g}")]
    return results


def arrays(parts: Mapping[str, Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Those among the parts and in what they hold, and the classes' names."""
    for name, part in parts.items():
        if isinstance(part, Mapping):
            yield from arrays(part)
        elif name == "classes" or isinstance(part, np.ndarray | Tensor):
            yield name, np.asarray(part)


def main() -> None:
    """Write the numbers of all."""
    with TemporaryDirectory() as home:  # not with phantoms kept from before the change
        os.environ["BLINDSPOT_HOME"] = home
        lines = (f"{json.dumps(name)}: {json.dumps(numbers(do()))}" for name, do in DRAWN.items())
        FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
