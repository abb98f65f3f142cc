"""A network trained sparse: by OMP or IMP with rewinding, or by SynFlow before training.

So the originals are made that "Model Sparsity Can Simplify Machine Unlearning" (Jia et al. 2023,
https://arxiv.org/abs/2304.04934) makes forget. The paper cuts convolutions only; here hidden linear
layers are cut too, because small networks have most weights there. IMP's levels cut about a fifth
each, alike and exactly to the ratio, where the paper cuts a fifth each and ends near it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

import numpy as np
import torch
from torch import Tensor

from engine.core.keeping.store import remove
from engine.core.method import Case, Choice, Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Scores, TrainLog, View
from engine.core.run import digest
from engine.sparsity.method import SparsityMethod, unlearnable
from engine.sparsity.prune import Prune, layer_table, share_correct
from engine.sparsity.tickets.cut import cut_to_level, full_masks
from engine.vision.models.bits import unpacked_bits
from engine.vision.models.card import card_of, checkpoint
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recorder, train
from engine.vision.training.state import part, read_state, state_file, write_state
from engine.vision.weights.case import PruneCase
from engine.vision.weights.masks import Masks, masks_of

LEVEL = 0.2  # of the weights that stay, about what a level of IMP cuts
NOTE = {"kind": "tickets"}  # of the file of a run that was stopped
WAYS = ("OMP", "IMP", "SynFlow")


@dataclass(frozen=True)
class Rewound(SparsityMethod):
    """The model is trained by its recipe, from the weights that it has, and sparse at the end.

    OMP trains it dense, cuts the smallest weights once, goes back to the weights of an early step
    and trains what stays from there. IMP does so level by level. SynFlow cuts before any training,
    and trains once. The last layer stays whole. Test accuracy is that of the sparse network.
    """

    name = "Rewound"
    title = "Train sparse"
    cost = "job"
    paper = "Jia et al. 2023, https://arxiv.org/abs/2304.04934"
    needs = frozenset({"training"})
    proof = (
        "tests/engine/sparsity/test_rewound.py"
        "::test_each_way_is_trainings_from_the_early_weights_written_out"
    )

    way: str = setting("OMP", Choice(WAYS), "How", "Once, level by level, or before training.")
    ratio: float = setting(
        0.95,
        Slider(0.0, 0.99, 0.01),
        "Ratio",
        "The share of weights that is cut, of all but the head.",
    )
    rewind: float = setting(
        0.04,
        Slider(0.0, 0.5, 0.01),
        "Back to",
        "The share of the training's steps that OMP and IMP go back to; 0 for the first weights.",
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        return super().unmet(case) or unlearnable(case)

    @property
    def levels(self) -> int:
        """How many times it is cut."""
        if self.way != "IMP":
            return 1
        # from (1 − LEVEL)^levels ≈ 1 − ratio
        return max(1, round(log(1 - self.ratio) / log(1 - LEVEL)))

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: layers, figures, log of the last training, and model where it can be kept."""
        if self.way == "SynFlow":
            pruning = Prune(criterion="SynFlow", ratio=self.ratio)
            masks, model = (
                pruning.masks(case, part_of(progress, 0.0, 0.2)),
                trainable_copy(case.model),
            )
            curves = self.trained(case, model, masks, part_of(progress, 0.2, 0.95))
        else:
            masks, model, curves = self.found(case, part_of(progress, 0.0, 0.95))
        figures = {"test accuracy": share_correct(model, case)}
        views: dict[str, View] = {
            "layers": layer_table(masks),
            "figures": Scores(np.array([*figures.values()], np.float32), tuple(figures), "share"),
            "log": curves,
        }
        if case.model.architecture and case.recipe is not None:
            card = card_of(
                model,
                title=f"{case.model.title} · {self.way}",
                parent=case.model,
                made_by=self.full_name(),
                settings=self.settings(),
                data=case.data.name,
                recipe=case.recipe.as_dict(),
                seed=case.seed,
                figures=figures,
            )
            views["model"] = checkpoint(model, card)
        progress(1.0, "measured")
        return views

    def found(self, case: PruneCase, progress: Progress) -> tuple[Masks, Classifier, TrainLog]:
        """The masks of the last level, the network trained with them, and its curves.

        What a level before the last leaves is kept in a file, so that a run that was stopped goes
        on with the level under way.
        """
        back, count, name = self.back(case), self.levels + 1, f"{digest(self, case)}-levels"
        model, masks = trainable_copy(case.model), full_masks(case.model, head=False)
        early: dict[str, Tensor] = {}
        first = 0
        if (state := read_state(state_file(name), name)) is not None:
            place, tensors = state
            first, early = place["level"] + 1, part(tensors, "early/")
            model.network.load_state_dict(part(tensors, "model/"))
            bits = {key: tensor.numpy() for key, tensor in part(tensors, "masks/").items()}
            shapes = {layer.name: layer.shape for layer in masks.parts}
            masks = masks_of(unpacked_bits(bits, shapes), masks.parts)
        for level in range(first, count):
            recorder = None if level else Recorder((back,))
            if level:
                masks = cut_to_level(model, masks, 1 - self.ratio, level / self.levels)
                model = trainable_copy(case.model)
                model.network.load_state_dict(early)
            report = part_of(progress, level / count, (level + 1) / count)
            curves = self.trained(case, model, masks, report, back if level else 0, recorder)
            early = recorder.weights[back] if recorder else early
            if level < self.levels:
                place = {"question": name, "note": NOTE, "done": (level + 1) / count}
                write_state(
                    state_file(name),
                    place | {"level": level},
                    remaining_weights(early, model, masks),
                )
        remove(state_file(name))
        return masks, model, curves

    def back(self, case: PruneCase) -> int:
        """The step that is gone back to; at least one step is left."""
        assert case.recipe is not None  # noqa: S101 - what `needs` promises
        steps = case.recipe.epochs * -(-len(case.data.rows("train")) // case.recipe.batch)
        # a ticket rewound to the last step would not be trained at all
        return min(round(self.rewind * steps), steps - 1)

    def trained(
        self,
        case: PruneCase,
        model: Classifier,
        masks: Masks,
        progress: Progress,
        start: int = 0,
        recorder: Recorder | None = None,
    ) -> TrainLog:
        """Train the model in place by the recipe from that step on, under the masks."""
        assert case.recipe is not None  # noqa: S101 - what `needs` promises
        return train(
            model,
            case.data,
            case.recipe,
            case.seed,
            masks=masks,
            start=start,
            recorder=recorder,
            keep=state_file(f"{case.fingerprint[:16]}-{masks.digest[:16]}-{start}-sparse"),
            note={"kind": "retrain", "model": case.model.name, "data": case.data.name},
            progress=progress,
        )


def remaining_weights(
    early: Mapping[str, Tensor], model: Classifier, masks: Masks
) -> dict[str, Tensor]:
    """What a level leaves, as tensors of their own."""
    state = model.network.state_dict()
    results = {f"early/{name}": tensor.clone() for name, tensor in early.items()}
    results |= {f"model/{name}": tensor.cpu().clone() for name, tensor in state.items()}
    return results | {f"masks/{name}": torch.from_numpy(b) for name, b in masks.packed().items()}


def trainable_copy(model: Classifier) -> Classifier:
    """A copy to be trained; its sums are always added in the same order."""
    copy = model.twin(paced=False)
    copy.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return copy
