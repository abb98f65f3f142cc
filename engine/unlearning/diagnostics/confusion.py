"""What the three models take images of each class for."""

from dataclasses import dataclass

import numpy as np

from engine.core.errors import BlindspotError
from engine.core.method import Choice, Progress, quiet, setting
from engine.core.result import Result, Table
from engine.unlearning.around import AfterCase
from engine.unlearning.diagnostics.base import Diagnostic, compared_models
from engine.vision.training import outputs


@dataclass(frozen=True)
class Confusion(Diagnostic):
    """How many images of each class (rows) each model calls what (columns).

    After a class was forgotten its row shows where its images went. Where they all go to one other
    class, the model has learned something new about them rather than forgotten them; the retrained
    model's row is what honest ignorance looks like.
    """

    name = "Confusion"
    title = "Confusion"
    proof = "tests/engine/unlearning/test_diagnostics.py::test_confusions_count_every_image_once"

    of: str = setting(
        "test", Choice(("test", "forgotten", "retained")), "Images", "Which images are counted."
    )

    def __call__(self, case: AfterCase, progress: Progress = quiet) -> Result:
        """Views: original, unlearned and retrained, counts (classes, classes)."""
        models = compared_models(case, progress)
        data, splits = case.case.data, case.case.splits
        match self.of:
            case "test":
                rows = np.sort(np.concatenate([splits.test, splits.gone]))
            case "forgotten":
                rows = splits.forget
            case _:
                rows = splits.retain
        if not len(rows):
            raise BlindspotError("There are no test images to count.")
        results = {}
        for name, model in models.items():
            predictions = outputs(model, data, rows).argmax(1).numpy()
            counts = np.zeros((len(data.classes), len(data.classes)))
            np.add.at(counts, (data.labels[rows], predictions), 1)
            units = ("images",) * len(data.classes)
            results[name] = Table.grid(counts.astype(np.float32), data.classes, data.classes, units)
        progress(1.0, "counted")
        return results
