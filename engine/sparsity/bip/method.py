"""BiP: one training that learns which weights stay and what they are, at the target sparsity.

Upper level: the mask m, min ℓ(m⊙θ*(m)) with k·n ones at most. Lower level: the weights,
θ*(m) = argmin ℓ(m⊙θ) + γ/2 ‖θ‖². Because ℓ depends on z = m⊙θ alone, the implicit gradient needs
no second derivatives: with g = ∂ℓ/∂z,

    dℓ/dm = θ⊙g − (1/γ) g⊙(m⊙g).

Each step on the weights, with the mask fixed, is followed by one on real-valued scores s, from
another batch: the mask keeps the largest |s| of the whole network, and its gradient passes to s
straight through. Zhang et al., "Advancing Model Pruning via Bi-level Optimization" (2022),
https://arxiv.org/abs/2210.04092; code: OPTML-Group/BiP.

Deviations: the scores are a copy of the weights (in the released code they share memory, so that
the mask is always that of the largest weights), the optimizer of the weights is the recipe's, and
the scores do not decay.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np

from engine.core.errors import BlindspotError
from engine.core.method import Method, Progress, Slider, Switch, part_of, quiet, setting
from engine.core.result import Result, Table, TrainLog
from engine.core.run import answer, digest
from engine.sparsity.bip.mask_search import MaskSearch, churn, kept_of
from engine.sparsity.masks.compare import overlap
from engine.sparsity.prune import share_correct
from engine.sparsity.tickets.cut import cut_to_level, full_masks
from engine.vision.lab.case import TrainCase
from engine.vision.lab.train import Train
from engine.vision.models.card import card_of, checkpoint
from engine.vision.models.classifier import Classifier
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import cross_entropy, fresh, train
from engine.vision.training.batch_loss import BatchLoss
from engine.vision.training.state import state_file
from engine.vision.weights.masks import Masks

NOTE = {"kind": "bip"}  # of the files of a search that was stopped: no training of its own
OTHER_ORDER = 0x9E3779B9  # added to the seed: the second batches are the same images, drawn anew
DENSE, ONCE, BIP = "dense", "one-shot magnitude", "BiP"
COLUMNS = {"right": "share", "kept": "share", "epochs": "", "steps": "", "seconds": "s"}


@dataclass(frozen=True)
class BiP(Method[TrainCase]):
    """A trained network is cut to the target at once; then mask and weights are learned in turn.

    One step changes the weights that stay. The next, from another batch, changes a score for each
    weight of the network, cut or not, and the highest scores stay: what was cut can come back, and
    exactly as many stay at every step. Beside it, from the same dense network: its largest weights,
    trained with their mask fixed for as many steps (one-shot), and iterative magnitude pruning
    (IMP), which goes back to the first weights at every level and trains each for as many epochs.
    “Epochs” is how often a network's weights saw each image: those of BiP and of the largest
    weights carry the dense training, a level of IMP only its own, so that IMP may be worse for its
    short trainings and not for its mask. “Steps” are gradients of a batch after the dense training,
    which all need; seconds are of training alone. “Flipped” is the share of all weights that an
    epoch's end keeps and the one before did not, or the other way round. IoU is the overlap of kept
    weights, and chance is that of independent masks with the same layer densities. One run says
    nothing about other seeds.
    """

    name = "BiP"
    family = "sparsity"
    title = "Mask and weights in turn (BiP)"
    cost = "job"
    paper = "Zhang et al. 2022, https://arxiv.org/abs/2210.04092"
    needs = frozenset({"recipe"})
    revision = 2  # figures have epochs
    proof = (
        "tests/engine/sparsity/bip/test_bip.py"
        "::test_it_is_the_alternation_of_the_paper_written_out_plainly"
    )

    kept: float = setting(
        0.05, Slider(0.01, 1.0, 0.01, log=True), "Kept", "The share of weights that stays."
    )
    epochs: int = setting(
        10,
        Slider(1, 50, 1),
        "Epochs",
        "How often the weights see each image after the dense "
        "training; a level of IMP takes as many, from the first weights.",
    )
    lower: int = setting(1, Slider(1, 5, 1), "Steps on weights", "To each step on the scores.")
    rate: float = setting(
        0.1,
        Slider(0.001, 10.0, 0.001, log=True),
        "Rate of scores",
        "A tenth of it from three quarters of the training on, and a hundredth in the last tenth.",
    )
    implicit: float | None = setting(
        1e-4,
        Slider(1e-5, 0.1, 1e-5, log=True, off="none", start=1e-4),
        "Implicit term",
        "1/γ: "
        "how strongly it counts that the best weights depend on the mask. Without it the two steps "
        "merely alternate (the accelerated variant).",
    )
    compat: bool = setting(
        default=False,
        control=Switch(),
        label="Term as released",
        help="−(1/γ)(θ⊙g)² as in the published code, and not the paper's −(1/γ) g⊙(m⊙g).",
    )
    levels: int = setting(
        10, Slider(0, 15, 1), "Levels of IMP", "To the same number of weights; 0 leaves it out."
    )

    def __call__(self, case: TrainCase, progress: Progress = quiet) -> Result:
        """Views: figures, mask, overlap, log, model."""
        dense_result = answer(Train(), case, part_of(progress, 0.0, 0.15, lead=DENSE))
        dense = rebuilt(dense_result["model"], DENSE)
        search, model, log = self.learned(case, dense, part_of(progress, 0.15, 0.35, lead=BIP))
        first, final, before = search.at(0), search.at(-1), case.recipe.epochs
        # a step on the scores costs a gradient as one on the weights does
        steps = search.done + search.done // self.lower
        rows = {
            DENSE: [share_correct(dense, case), 1.0, before, 0, 0.0],
            BIP: [
                share_correct(model, case),
                final.density,
                before + self.epochs,
                steps,
                spent(log),
            ],
        }
        progress(0.35, "learned the mask", {"figures": table_of(rows)})
        # as many gradients as BiP takes on weights and scores together, all of them on weights
        oneshot_epochs = ceil(self.epochs * (1 + 1 / self.lower))
        step_progress = part_of(progress, 0.35, 0.5, lead=ONCE)
        oneshot_model, seconds = train_masked(
            case, deepcopy(dense), first, oneshot_epochs, step_progress
        )
        steps = oneshot_epochs * search.batches
        rows[ONCE] = [
            share_correct(oneshot_model, case),
            first.density,
            before + oneshot_epochs,
            steps,
            seconds,
        ]
        step_progress, other_masks = part_of(progress, 0.5, 0.97, lead="IMP"), {ONCE: first}
        notes: dict[str, str] = {}
        if self.levels:
            masks = self.iterated(case, dense, search, rows, notes, step_progress)
            other_masks |= {} if notes else {"IMP": masks}
        figures = {
            "test accuracy": round(rows[BIP][0], 4),
            "test accuracy of the dense model": round(rows[DENSE][0], 4),
        }
        card = card_of(
            model,
            title=f"{dense.title} · BiP",
            parent=dense,
            made_by=self.full_name(),
            settings=self.settings(),
            data=case.data.name,
            seed=case.seed,
            figures=figures,
            recipe=replace(case.recipe, epochs=self.epochs).as_dict(),
        )
        progress(1.0, "measured")
        return {
            "figures": table_of(rows, notes),
            "mask": churn(search),
            "overlap": overlaps(final, other_masks),
            "log": log,
            "model": checkpoint(model, card),
        }

    def learned(
        self, case: TrainCase, dense: Classifier, progress: Progress = quiet
    ) -> tuple[MaskSearch, Classifier, TrainLog]:
        """The search when it is over, the model that it leaves, and the curves of the weights."""
        model, data, recipe = deepcopy(dense), case.data, replace(case.recipe, epochs=self.epochs)
        # a second order of the train images, not held-out ones: so does the released "val" loader
        seed, all_weights = (case.seed + OTHER_ORDER) % 2**32, full_masks(model)
        losses = BatchLoss(
            model, data, data.rows("train"), recipe, seed, cross_entropy, data.targets()
        )
        search = MaskSearch(
            losses,
            all_weights,
            kept_of(all_weights.total, self.kept),
            self.rate,
            self.implicit,
            self.lower,
            self.compat,
        )
        log = train(
            model,
            data,
            recipe,
            case.seed,
            masks=search.masks,
            after_step=search,
            keep=state_file(f"{digest(self, case)}-search"),
            note=NOTE,
            progress=progress,
        )
        return search, model, log

    def iterated(
        self,
        case: TrainCase,
        dense: Classifier,
        search: MaskSearch,
        rows: dict[str, list[float]],
        notes: dict[str, str],
        progress: Progress,
    ) -> Masks:
        """IMP's last mask; each level's figures are put into `rows`.

        Where a layer would be left without a weight IMP ends, and the last row has a note of it.
        """
        model, masks, seconds = dense, search.every, 0.0
        density = search.keep / masks.total
        for level in range(1, self.levels + 1):
            try:
                masks = cut_to_level(model, masks, density, level / self.levels)
            except BlindspotError:
                notes[[*rows][-1]] = ended(level, masks)
                break
            # always the first weights: of the level before only the mask is taken along
            start = fresh(case.data, case.recipe, case.seed)
            level_progress = part_of(progress, (level - 1) / self.levels, level / self.levels)
            model, level_seconds = train_masked(case, start, masks, self.epochs, level_progress)
            seconds, steps = seconds + level_seconds, level * self.epochs * search.batches
            row = [share_correct(model, case), masks.density, self.epochs, steps, seconds]
            rows[f"IMP, level {level}"] = row
        return masks

    def finding(self, case: TrainCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Accuracy beside one-shot and IMP, with the epochs of both where IMP has fewer."""
        figures: Table = result["figures"]
        if ONCE not in figures.rows:
            return ""
        accuracy_words = {row: f"{100 * figures.cell(row, 'right'):.1f} %" for row in figures.rows}
        words = (
            f"With {100 * figures.cell(BIP, 'kept'):.3g} % of the weights, learning the mask too "
            f"(BiP) gets {accuracy_words[BIP]} right, the largest weights in as many steps "
            f"{accuracy_words[ONCE]}"
        )
        if notes := "".join(figures.notes):
            return f"{words}. {notes}"
        if not self.levels:
            return f"{words}."
        last = figures.rows[-1]
        step_ratio = figures.cell(last, "steps") / figures.cell(BIP, "steps")
        last_epochs, bip_epochs = (figures.cell(row, "epochs") for row in (last, BIP))
        return (
            f"{words}; cutting level by level (IMP) {accuracy_words[last]} in {step_ratio:.2g} "
            "times the steps, but "
            f"with {last_epochs:.0f} epochs behind its last weights and not {bip_epochs:.0f}."
        )


def train_masked(
    case: TrainCase, model: Classifier, masks: Masks, epochs: int, progress: Progress
) -> tuple[Classifier, float]:
    """A model trained in place with a mask that stays, and the seconds it took."""
    keep = state_file(f"{case.fingerprint[:16]}-{masks.digest[:16]}-{epochs}-bip")
    log = train(
        model,
        case.data,
        replace(case.recipe, epochs=epochs),
        case.seed,
        masks=masks,
        keep=keep,
        note=NOTE,
        progress=progress,
    )
    return model, spent(log)


def spent(log: TrainLog) -> float:
    return float(log.seconds.sum())


def ended(level: int, masks: Masks) -> str:
    """Why IMP has no such level, and what the one before kept."""
    return (
        f"IMP ends before level {level}, with {100 * masks.density:.3g} % of the weights: the next "
        "cut would leave a layer without any."
    )


def table_of(rows: Mapping[str, list[float]], notes: Mapping[str, str] | None = None) -> Table:
    """A row for each network; steps and seconds are those after the dense training."""
    values = np.array(list(rows.values()), np.float64)
    table = Table.grid(values, tuple(rows), tuple(COLUMNS), tuple(COLUMNS.values()))
    return replace(table, notes=tuple(notes.get(row, "") for row in rows)) if notes else table


def overlaps(masks: Masks, others: Mapping[str, Masks]) -> Table:
    """How much the mask shares with each other one, beside chance."""
    similarities = [overlap(masks, other) for other in others.values()]
    values = np.array([[similarity.iou, similarity.chance] for similarity in similarities])
    return Table.grid(values, tuple(others), ("IoU", "chance"), ("share", "share"))
