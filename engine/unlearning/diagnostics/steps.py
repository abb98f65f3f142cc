"""The unlearner watched at work: the model after every few steps, kept as models like any other."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from engine.core.method import Progress, Slider, part_of, quiet, setting
from engine.core.result import Checkpoint, Result, Table, View
from engine.unlearning.around import WAY, AfterCase
from engine.unlearning.diagnostics.base import Diagnostic
from engine.unlearning.diagnostics.judgment import distance
from engine.unlearning.protocol.metrics import accuracy, evaluate_model
from engine.unlearning.ways.network import own_copy, settled
from engine.vision.models.card import card_of, checkpoint
from engine.vision.models.classifier import Classifier
from engine.vision.training import outputs

WORKING = 0.6  # share of the progress that goes to the unlearner


@dataclass(frozen=True)
class Steps(Diagnostic):
    """How forgetting and keeping go as the unlearner works, with the model at some of its steps.

    It is run once more and watched after every epoch; a method of one step has a start and an end.
    The last model is the unlearned one. Take any of them to Heatmaps to see what it looks at.
    """

    name = "Steps"
    title = "Step by step"
    needs = frozenset({WAY})
    proof = (
        "tests/engine/unlearning/test_diagnostics.py"
        "::test_steps_begin_at_the_original_and_end_at_it"
    )

    most: int = setting(
        8, Slider(2, 20, 1), "Snapshots", "At most so many, evenly over the steps, ends included."
    )

    def __call__(self, case: AfterCase, progress: Progress = quiet) -> Result:
        """Views: steps, a row for each snapshot; model_0, model_1 …, the snapshots themselves."""
        recorded: list[tuple[int, dict[str, Tensor]]] = []

        def watch(step: int, model: Classifier) -> None:
            state = model.network.state_dict()
            recorded.append(
                (step, {name: weight.detach().clone() for name, weight in state.items()})
            )

        result = case.method(case.case, part_of(progress, 0.0, WORKING), watch)
        final, run = cast(Checkpoint, result["model"]), cast(Table, result["run"])
        last = {name: torch.from_numpy(np.array(weight)) for name, weight in final.weights.items()}
        step = int(run["steps"][0])
        snapshots = [*(snapshot for snapshot in recorded if snapshot[0] < step), (step, last)]
        places = np.unique(np.linspace(0, len(snapshots) - 1, self.most).round().astype(int))
        rows, views = [], {}
        for number, place in enumerate(places):
            step, state = snapshots[place]
            model = own_copy(case.model)
            model.network.load_state_dict(state)
            settled(model)
            rows.append(snapshot_figures(model, case, step))
            views[f"model_{number}"] = self.snapshot(model, case, step)
            done = WORKING + (1 - WORKING) * (number + 1) / len(places)
            progress(done, f"measured step {step}")
        units = {"step": "", "loss forget": "nat", "loss retain": "nat", "from original": ""}
        columns = {n: ([row[n] for row in rows], units.get(n, "share")) for n in rows[0]}
        return {"steps": Table.of(columns), **views}

    def snapshot(self, model: Classifier, case: AfterCase, step: int) -> View:
        """A model on the way as a checkpoint."""
        method = case.method
        card = card_of(
            model,
            title=f"{case.case.request.words[:60]} · {method.short} · step {step}",
            parent=case.model,
            made_by=method.full_name(),
            settings=method.settings(),
            data=case.case.data.name,
            recipe=case.case.recipe.as_dict(),
            seed=case.case.seed,
        )
        return checkpoint(model, card)


def snapshot_figures(model: Classifier, case: AfterCase, step: int) -> dict[str, float]:
    """The figures of a snapshot."""
    answers, data = evaluate_model(model, case.case), case.case.data
    losses = {
        f"loss {part}": F.cross_entropy(outputs(model, data, rows), data.targets(rows)).item()
        for part in ("forget", "retain")
        for rows in [getattr(case.case.splits, part)]
    }
    return {
        "step": step,
        "UA": 1 - accuracy(answers.forget),
        "RA": accuracy(answers.retain),
        "TA": accuracy(answers.test),
        **losses,
        "from original": distance(model, case.model),
    }
