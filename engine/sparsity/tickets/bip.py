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
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.errors import BlindspotError
from engine.lab.case import TrainCase
from engine.lab.train import Train
from engine.method import Method, Progress, Slider, Switch, part_of, quiet, setting
from engine.models.bits import Bits
from engine.models.card import card_of, checkpoint
from engine.models.classifier import Classifier
from engine.models.rebuild import rebuilt
from engine.result import Result, Table, TrainLog
from engine.run import answer
from engine.sparsity.masks.compare import overlap, ratio
from engine.sparsity.tickets.cut import cut, whole
from engine.training import Recipe, cross_entropy, fresh, outputs, train
from engine.training.batch_loss import BatchLoss
from engine.training.masks import plain
from engine.training.state import state_file
from engine.weights.masks import Masks

REVISION = 1
NOTE = {"kind": "bip"}  # of the files of a search that was stopped: no training of its own
OTHER_ORDER = 0x9E3779B9  # added to the seed: the second batches are the same images, drawn anew
MOMENTUM = 0.9  # of the scores
FALLS = ((0.9, 0.01), (0.75, 0.1))  # from that share of the training on, this part of their rate
DENSE, ONCE, BIP = "dense", "one-shot magnitude", "BiP"
SAME = "IoU with the final mask"
COLUMNS = {"right": "share", "kept": "share", "steps": "", "seconds": "s"}


def hypergradient(
    by_mask: Tensor, by_weight: Tensor, signs: Tensor, strength: float, *, compat: bool = False
) -> Tensor:
    """dℓ by each score, straight through the mask and |s|: every argument is (n,).

    Args:
        by_mask: θ⊙g, the gradient of the loss by the mask.
        by_weight: m⊙g, that by the weights.
        signs: of the scores.
        strength: 1/γ.
        compat: the term as released: −strength (θ⊙g)², and not turned by the score's sign.
    """
    if compat:
        return signs * by_mask - strength * by_mask.square()
    return signs * (by_mask - strength * by_weight.square())  # m is 0 or 1: g⊙(m⊙g) = (m⊙g)²


@dataclass
class MaskSearch:
    """The upper level: a step on the scores after every `lower` steps on the weights.

    It is no loop of its own: `train` takes the steps on the weights, and calls it after each.

    Args:
        losses: of the second batches.
        every: all prunable weights of the model.
        keep: how many stay.
        rate: of the scores, at first.
        strength: 1/γ of the implicit term; None for the accelerated variant without it.
        lower: steps on the weights to one on the scores.
        compat: the term as released.

    Raises:
        BlindspotError: a layer would be left without a weight.
    """

    losses: BatchLoss
    every: Masks
    keep: int
    rate: float
    strength: float | None = None
    lower: int = 1
    compat: bool = False
    done: int = 0  # steps on the weights
    history: list[NDArray[np.uint8]] = field(default_factory=list)  # bits at the epochs' ends

    def __post_init__(self) -> None:
        network, device = self.losses.network, self.losses.model.device
        weights = [network.get_parameter(part.name).detach() for part in self.every.parts]
        self.scores = torch.cat([weight.flatten() for weight in weights]).clone()
        self.speed = torch.zeros_like(self.scores)
        self.masks = {
            part.name: torch.ones(part.shape, dtype=weight.dtype, device=device)
            for part, weight in zip(self.every.parts, weights, strict=True)
        }
        self.batches = len(self.losses.parts(0))
        self.choose()
        self.history.append(np.packbits(self.bits))

    def __call__(self, model: Classifier, rate: float) -> None:  # noqa: ARG002 - a hook has both
        """Count a step on the weights; after the last of `lower`, take one on the scores."""
        self.done += 1
        epoch, batch = divmod(self.done - 1, self.batches)
        if self.done % self.lower == 0:
            slope = self.slope(model, epoch, batch)
            self.speed.mul_(MOMENTUM).add_(slope)
            self.scores.sub_(self.rate_now() * self.speed)
            self.choose()
        if self.done % self.batches == 0:
            self.history.append(np.packbits(self.bits))

    def slope(self, model: Classifier, epoch: int, batch: int) -> Tensor:
        """The gradient by the scores from that second batch; BatchNorm's averages stay."""
        masks = [mask.requires_grad_() for mask in self.masks.values()]
        weights = {plain(name): weight for name, weight in model.network.named_parameters()}
        asked = [] if self.strength is None else [weights[name] for name in self.masks]
        averages = {name: one.clone() for name, one in self.averages(model)}
        try:
            with torch.enable_grad():
                loss, _, _ = self.losses(self.losses.parts(epoch)[batch], (epoch, batch))
                found = torch.autograd.grad(loss, [*masks, *asked])
        finally:
            for mask in masks:
                mask.requires_grad = False
            for name, one in self.averages(model):
                one.copy_(averages[name])
        by_mask, signs = row_of(found[: len(masks)]), self.scores.sign()
        if self.strength is None:
            return signs * by_mask
        by_weight = row_of(found[len(masks) :])
        return hypergradient(by_mask, by_weight, signs, self.strength, compat=self.compat)

    def averages(self, model: Classifier) -> list[tuple[str, Tensor]]:
        """The network's buffers that are no masks."""
        own = {id(mask) for mask in self.masks.values()}
        return [one for one in model.network.named_buffers() if id(one[1]) not in own]

    def rate_now(self) -> float:
        """The scores' rate: it falls late, so that the mask settles."""
        share = self.done / (self.batches * self.losses.recipe.epochs)
        return self.rate * next((part for start, part in FALLS if share > start), 1.0)

    def choose(self) -> None:
        """The mask of the largest |s|, exactly `keep` of them; of equal ones the last stay."""
        order = torch.sort(self.scores.abs(), stable=True).indices
        flat = torch.zeros_like(self.scores)
        flat[order[len(order) - self.keep :]] = 1
        sizes = [part.size for part in self.every.parts]
        for part, own in zip(self.every.parts, flat.split(sizes), strict=True):
            if not own.any():
                raise BlindspotError(
                    f"With {100 * self.keep / len(flat):.2g} % of all weights nothing is left of "
                    f"{part.layer}: keep more."
                )
            self.masks[part.name].copy_(own.view(part.shape))

    @property
    def bits(self) -> Bits:
        """The mask as one row."""
        return row_of(tuple(self.masks.values())).cpu().numpy().astype(np.bool_)

    def at(self, epoch: int) -> Masks:
        """The mask at the end of an epoch: 0 for the one it began with, −1 for the last."""
        bits = np.unpackbits(self.history[epoch], count=self.every.total)
        return replace(self.every, flat=bits.astype(np.bool_))

    def memory(self) -> dict[str, Tensor]:
        """Scores, their speed, the masks at the epochs' ends, and the place."""
        bits = torch.from_numpy(np.stack(self.history))
        place = torch.tensor(self.done)
        return {"scores": self.scores, "speed": self.speed, "history": bits, "done": place}

    def recall(self, memory: dict[str, Tensor]) -> None:
        """Go on from there."""
        self.scores.copy_(memory["scores"])
        self.speed.copy_(memory["speed"])
        self.history, self.done = [*memory["history"].numpy()], int(memory["done"])
        self.choose()


def row_of(tensors: tuple[Tensor, ...]) -> Tensor:
    """All of them one after another, flat."""
    return torch.cat([tensor.flatten() for tensor in tensors])


def kept_of(total: int, share: float) -> int:
    """How many of so many weights stay: n − int((1 − k) n), as the released code counts."""
    return total - int((1 - share) * total)


@dataclass(frozen=True)
class BiP(Method[TrainCase]):
    """A trained network is cut to the target at once; then mask and weights are learned in turn.

    One step changes the weights that stay. The next, from another batch, changes a score for each
    weight of the network, cut or not, and the highest scores stay: what was cut can come back, and
    exactly as many stay at every step. Beside it, from the same dense network: its largest weights,
    trained with their mask fixed for as many steps (one-shot), and iterative magnitude pruning
    (IMP), which goes back to the first weights at every level and trains each for as many epochs.
    “Steps” are gradients of a batch after the dense training, which all need; seconds are of
    training alone. “Flipped” is the share of all weights that an epoch's end keeps and the one
    before did not, or the other way round. IoU is the overlap of kept weights, and chance is that
    of independent masks with the same layer densities. One run says nothing about other seeds.
    """

    name = "BiP"
    family = "sparsity"
    title = "Mask and weights in turn (BiP)"
    cost = "job"
    paper = "Zhang et al. 2022, https://arxiv.org/abs/2210.04092"
    needs = frozenset({"recipe"})
    revision = REVISION
    proof = (
        "tests/engine/sparsity/test_bip.py"
        "::test_it_is_the_alternation_of_the_paper_written_out_plainly"
    )

    kept: float = setting(
        0.05, Slider(0.01, 1.0, 0.01, log=True), "Kept", "The share of weights that stays.",
    )  # fmt: skip
    epochs: int = setting(
        10, Slider(1, 50, 1), "Epochs", "How often the weights see each image after the dense "
        "training; a level of IMP takes as many.",
    )  # fmt: skip
    lower: int = setting(
        1, Slider(1, 5, 1), "Steps on weights", "To each step on the scores.",
    )  # fmt: skip
    rate: float = setting(
        0.1, Slider(0.001, 10.0, 0.001, log=True), "Rate of scores", "A tenth of it from three "
        "quarters of the training on, and a hundredth in the last tenth.",
    )  # fmt: skip
    implicit: float | None = setting(
        1e-4, Slider(1e-5, 0.1, 1e-5, log=True, off="none", start=1e-4), "Implicit term", "1/γ: "
        "how strongly it counts that the best weights depend on the mask. Without it the two steps "
        "merely alternate (the accelerated variant).",
    )  # fmt: skip
    compat: bool = setting(
        default=False, control=Switch(), label="Term as released", help="−(1/γ)(θ⊙g)² as in the "
        "published code, and not the paper's −(1/γ) g⊙(m⊙g).",
    )  # fmt: skip
    levels: int = setting(
        10, Slider(0, 15, 1), "Levels of IMP", "To the same number of weights; 0 leaves it out.",
    )  # fmt: skip

    def __call__(self, case: TrainCase, progress: Progress = quiet) -> Result:
        """Views: figures, mask, overlap, log, model."""
        made = answer(Train(), case, part_of(progress, 0.0, 0.15, lead=DENSE))
        dense = rebuilt(made["model"], DENSE)
        search, model, log = self.learned(case, dense, part_of(progress, 0.15, 0.35, lead=BIP))
        first, found = search.at(0), search.at(-1)
        steps = search.done + search.done // self.lower
        rows = {
            DENSE: row(dense, case, 1.0, 0, 0.0),
            BIP: row(model, case, found.density, steps, log.seconds.sum()),
        }
        progress(0.35, "learned the mask", {"figures": table_of(rows)})
        once = ceil(self.epochs * (1 + 1 / self.lower))
        other, spent = self.trained(
            case, deepcopy(dense), first, once, part_of(progress, 0.35, 0.5, lead=ONCE)
        )
        rows[ONCE] = row(other, case, first.density, once * search.batches, spent)
        others = {ONCE: first} | self.iterated(
            case, dense, search, rows, part_of(progress, 0.5, 0.97, lead="IMP")
        )
        right = {"test accuracy": BIP, "test accuracy of the dense model": DENSE}
        card = card_of(
            model, title=f"{dense.title} · BiP", parent=dense, made_by=self.full_name(),
            settings=self.settings(), data=case.data.name, recipe=self.recipe(case).as_dict(),
            seed=case.seed, figures={name: round(rows[one][0], 4) for name, one in right.items()},
        )  # fmt: skip
        progress(1.0, "measured")
        return {
            "figures": table_of(rows),
            "mask": churn(search),
            "overlap": overlaps(found, others),
            "log": log,
            "model": checkpoint(model, card),
        }

    def recipe(self, case: TrainCase, epochs: int = 0) -> Recipe:
        """The case's own, for so many epochs."""
        return replace(case.recipe, epochs=epochs or self.epochs)

    def learned(
        self, case: TrainCase, dense: Classifier, progress: Progress = quiet
    ) -> tuple[MaskSearch, Classifier, TrainLog]:
        """The search when it is over, the model that it leaves, and the curves of the weights."""
        model, recipe = deepcopy(dense), self.recipe(case)
        seed = (case.seed + OTHER_ORDER) % 2**32
        losses = BatchLoss(
            model, case.data, case.data.rows("train"), recipe, seed, cross_entropy,
            case.data.targets(),
        )  # fmt: skip
        every = whole(model)
        search = MaskSearch(
            losses, every, kept_of(every.total, self.kept), self.rate, self.implicit, self.lower,
            self.compat,
        )  # fmt: skip
        settings = blake2b(repr(self).encode(), digest_size=8).hexdigest()
        name = f"{case.fingerprint[:16]}-bip-{settings}-{REVISION}"
        log = train(
            model, case.data, recipe, case.seed, masks=search.masks, after_step=search,
            keep=state_file(name), note=NOTE, progress=progress,
        )  # fmt: skip
        return search, model, log

    def trained(
        self, case: TrainCase, model: Classifier, masks: Masks, epochs: int, progress: Progress
    ) -> tuple[Classifier, float]:
        """A model trained in place with a mask that stays, and the seconds it took."""
        recipe = self.recipe(case, epochs)
        keep = state_file(f"{case.fingerprint[:16]}-{masks.digest[:16]}-{epochs}-{REVISION}")
        log = train(
            model, case.data, recipe, case.seed, masks=masks, keep=keep, note=NOTE,
            progress=progress,
        )  # fmt: skip
        return model, float(log.seconds.sum())

    def iterated(
        self, case: TrainCase, dense: Classifier, search: MaskSearch,
        rows: dict[str, list[float]], progress: Progress,
    ) -> dict[str, Masks]:  # fmt: skip
        """IMP's last mask, if it has levels; each level's figures are put into `rows`."""
        model, masks, seconds = dense, search.every, 0.0
        for level in range(1, self.levels + 1):
            wanted = round(masks.total * (search.keep / masks.total) ** (level / self.levels))
            masks = cut(model, masks, 1 - wanted / masks.kept)
            start = fresh(case.data, case.recipe, case.seed)
            told = part_of(progress, (level - 1) / self.levels, level / self.levels)
            model, spent = self.trained(case, start, masks, self.epochs, told)
            seconds += spent
            steps = level * self.epochs * search.batches
            rows[f"IMP, level {level}"] = row(model, case, masks.density, steps, seconds)
        return {"IMP": masks} if self.levels else {}

    def finding(self, case: TrainCase, found: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Accuracy beside one-shot and IMP, and how much of the mask was exchanged."""
        if "overlap" not in found:
            return ""
        figures = found["figures"]
        right = [f"{100 * share:.1f} %" for share in figures["right"]]
        at = dict(zip(figures.rows, right, strict=True))
        words = (
            f"With {100 * figures.cell(BIP, 'kept'):.3g} % of the weights, BiP gets {at[BIP]} "
            f"right, and the largest weights in as many steps {at[ONCE]}"
        )
        if self.levels:
            last = figures.rows[-1]
            more = figures.cell(last, "steps") / figures.cell(BIP, "steps")
            words += f"; IMP {at[last]}, in {more:.2g} times the steps"
        alike = 100 * found["overlap"].cell(ONCE, "IoU")
        return f"{words}. Its mask and that of the largest weights overlap by {alike:.0f} % (IoU)."


def row(model: Classifier, case: TrainCase, kept: float, steps: int, seconds: float) -> list[float]:
    """One network in the table of figures."""
    rows = case.data.rows("test")
    right = outputs(model, case.data, rows).argmax(1) == case.data.targets(rows)
    return [right.float().mean().item(), kept, steps, seconds]


def table_of(rows: Mapping[str, list[float]]) -> Table:
    """A row for each network: right on test images, kept, steps and seconds after the dense one."""
    values = np.array(list(rows.values()), np.float64)
    return Table.grid(values, tuple(rows), tuple(COLUMNS), tuple(COLUMNS.values()))


def churn(search: MaskSearch) -> Table:
    """For each epoch the share of weights whose bit flipped, and the IoU with the final mask.

    The first row is the mask that it began with.
    """
    bits = [search.at(epoch).flat for epoch in range(len(search.history))]
    before = [bits[0], *bits[:-1]]
    flips = [np.mean(one != other) for one, other in zip(bits, before, strict=True)]
    last = bits[-1]
    same = [ratio(float((one & last).sum()), float((one | last).sum())) for one in bits]
    return Table.of(
        {
            "flipped": (np.array(flips), "share"),
            SAME: (np.array(same), "share"),
        },
        ("start", *(f"epoch {epoch}" for epoch in range(1, len(bits)))),
    )


def overlaps(found: Masks, others: Mapping[str, Masks]) -> Table:
    """How much the mask shares with each other one, beside chance."""
    each = [overlap(found, other) for other in others.values()]
    return Table.of(
        {
            "IoU": (np.array([one.iou for one in each]), "share"),
            "chance": (np.array([one.chance for one in each]), "share"),
        },
        tuple(others),
    )
