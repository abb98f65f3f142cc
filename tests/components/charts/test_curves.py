"""What is said of a training's curves is where they stand, not where they began."""

from __future__ import annotations

import numpy as np

from components.charts.curves import finding
from engine.result import TrainLog


def logged(held: float) -> TrainLog:
    def row(*values: float) -> np.ndarray:
        return np.array(values, np.float32)

    return TrainLog(
        train_loss=row(2, 1),
        train_accuracy=row(0.25, 0.75),
        validation_loss=row(2, 1),
        validation_accuracy=row(0.1, held),
        seconds=row(1.5, 2),
        ids=np.arange(3),
        shown=np.arange(3),
        epochs=4,
    )


def test_the_last_epoch_is_told():
    assert finding(logged(0.5)) == (
        "After 2 of 4 epochs: 75.0 % right on what it learns from, 50.0 % on validation images it "
        "never learns from; 3.5 s of training."
    )
    assert "validation" not in finding(logged(float("nan")))
