"""Late rewinding over three seeds, at a rate at which ResNets are said to need it."""

from __future__ import annotations

import numpy as np
import pytest

from engine import data as data_sets
from engine.experiment import OUTCOMES
from engine.lab import TrainCase
from engine.sparsity import Rewinding
from engine.training import Recipe

SEEDS = 3


def point_text(table, row):
    """The figures of one rewind point."""
    value = {name: float(table[name][row]) for name in table.order}
    return (
        f"ticket {100 * value['ticket']:.1f} % ({100 * value['lowest ticket']:.1f} to "
        f"{100 * value['highest ticket']:.1f}), dense {100 * value['dense']:.1f} %, random mask "
        f"{100 * value['random']:.1f} %; distance to dense {value['pruning distance']:.2f} "
        f"({value['pruning angle']:.0f}°), random {value['pruning distance, random']:.2f} "
        f"({value['pruning angle, random']:.0f}°); between orders {value['order distance']:.2f} "
        f"({value['order angle']:.0f}°), random {value['order distance, random']:.2f} "
        f"({value['order angle, random']:.0f}°); barrier {100 * value['barrier']:.1f} points"
    )


@pytest.mark.slow
@pytest.mark.parametrize(("name", "epochs"), [("digits", 6), ("mnist-5k", 4)])
def test_a_ticket_lies_nearer_to_the_dense_network_than_a_random_mask(name, epochs, measure):
    case = TrainCase(data_sets.load(name), Recipe("resnet8", epochs=epochs, rate=0.1))
    method = Rewinding(points=4, seeds=SEEDS)
    result = method(case)
    table, claims = result["rewinding"], result["claims"]
    title = f"Late rewinding, ResNet-8 on {name}, 10 % kept, {epochs} epochs, {SEEDS} seeds"
    for row, point in enumerate(table.rows):
        measure(f"{title}, {point}", point_text(table, row))
    outcomes = [
        f"{row}: {OUTCOMES[int(at)]}"
        for row, at in zip(claims.rows, claims["outcome"], strict=True)
    ]
    measure(f"{title}, claims", "; ".join(outcomes))
    late = (table["rewound to"] >= 0.005) & (table["rewound to"] < 1)
    assert late.sum() == 2
    nearer = table["pruning distance"] < table["pruning distance, random"]
    assert nearer[late].all()
    assert table["pruning distance"][-1] == table["order distance"][-1] == 0
    assert np.isfinite(table.values).all()
