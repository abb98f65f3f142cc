"""What SalUn does to the generators that ship, over three seeds, for docs/measured.md.

The seed is that of the noise, of the images at each step and of the chance mask. A class is taken
as forgotten when at most a tenth of its samples are read as it, and the others as kept when at
most five points fewer of theirs are read as asked than before.
"""

from __future__ import annotations

import numpy as np
import pytest

from engine.unlearning import GeneratorSalUn
from engine.unlearning.generator.salun import AFTER, BEFORE, CHANCE
from engine.unlearning.generator.weights import plan, shipped_case

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
SEEDS = 3
COLUMNS = ("forgotten class", "other classes", "distance of the others")


def spread(values) -> str:
    """Mean and standard deviation."""
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"


@pytest.mark.parametrize(
    ("name", "label", "share"),
    [
        ("digits-generator", "3", 0.5),
        ("digits-generator", "3", 0.1),
        ("digits-generator", "3", 0.02),
        ("mnist-generator", "3", 0.5),
    ],
)
def test_a_class_is_forgotten_and_how_a_chance_mask_does(name, label, share, measure):
    method = GeneratorSalUn(label=label, share=share)
    figures = [method(shipped_case(name, seed))["figures"] for seed in range(SEEDS)]
    results = {
        (row, column): [figure.cell(row, column) for figure in figures]
        for row in ("real images", BEFORE, AFTER, CHANCE)
        for column in COLUMNS
    }
    for row in (BEFORE, AFTER, CHANCE):
        forgotten, others, far = (spread(results[row, column]) for column in COLUMNS)
        measure(
            f"{plan(name).title}, class {label}, share {share:g}, {SEEDS} seeds: {row}",
            f"read as itself {forgotten}; others as asked {others}; distance of the others {far}",
        )
    floor = spread(results["real images", COLUMNS[2]])
    measure(f"{plan(name).title}, class {label}: distance of real images", floor)
    assert min(results[BEFORE, COLUMNS[0]]) >= 0.5
    if share == 0.5:
        assert max(results[AFTER, COLUMNS[0]]) <= 0.1
        lost = np.subtract(results[BEFORE, COLUMNS[1]], results[AFTER, COLUMNS[1]])
        assert max(lost) <= 0.05
