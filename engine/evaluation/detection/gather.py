"""From a case to banks: the image, what is fitted to, what it is compared with, what is unknown.

The image is never compared with itself: where it is among the normal images it is left out, and
with it its group (its patient, its photograph).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadData, DoesNotFit
from engine.core.method import Progress, part_of, quiet
from engine.core.run import answer
from engine.evaluation.detection.bank import Bank, Doubles, Head, Ints
from engine.evaluation.detection.case import DataCase, FamiliarCase, headless
from engine.evaluation.detection.conformal import INDEPENDENT
from engine.evaluation.detection.extract import Extract, Outputs, forward_batches, key_of
from engine.evaluation.detection.nudge import OdinStep, nudged
from engine.vision.data import DataSet
from engine.vision.models.classifier import Classifier

FEW = 2 * INDEPENDENT  # held-out images, or groups of them, below which they are not parted
CLOSE = 1e-3  # of the logits' spread: how far the head may be from giving them


@dataclass(frozen=True, eq=False)
class Gathered:
    """What a detector is asked with.

    Args:
        subject: the image, a bank of one.
        fit: normal images that the detector is fitted to.
        normal: normal images that the image is compared with; nothing was fitted to them.
        held: other normal images, on which a line is tried out; the same ones as `normal` where
            there are too few to part.
        unknown: images that should be found unusual, if any.
        notes: what had to be done otherwise than usual, in sentences.
    """

    subject: Bank
    fit: Bank
    normal: Bank
    held: Bank
    unknown: Bank | None
    notes: tuple[str, ...] = ()


def gathered(case: FamiliarCase, progress: Progress = quiet) -> Gathered:
    """All banks of a case; features of data sets come from the store when they were seen before.

    Raises:
        BadData: no normal image is left beside the image itself.
        DoesNotFit: the model gives features or logits that are not finite.
    """
    progress(0.0, "looking at the image")
    subject = subject_bank(case)
    fit_case, held_case, unknown_case = case.parts
    fit = bank_of(fit_case, case.normal, part_of(progress, 0.0, 0.5), labeled=case.labeled)
    held_bank = bank_of(held_case, case.normal, part_of(progress, 0.5, 0.7), labeled=case.labeled)
    unknown = None
    if unknown_case is not None and case.unknown is not None:
        unknown = bank_of(unknown_case, case.unknown, part_of(progress, 0.7, 0.9), labeled=False)
        unknown = exclude_image(unknown, subject, None)[0]
    notes: list[str] = []
    fit, in_fit = exclude_image(fit, subject, case.group)
    held_bank, in_held_out = exclude_image(held_bank, subject, case.group)
    if in_fit or in_held_out:
        notes.append(
            "The image, or its group, is among the normal ones; it was not compared with itself."
        )
    if not len(fit) or not len(held_bank):
        raise BadData(
            f"{case.normal.card.title} has no normal image beside this one: give at least two more."
        )
    check_finite(subject, "this image")
    banks = {"normal images": fit, "held-out normal images": held_bank, "unknown images": unknown}
    for words, bank in banks.items():
        check_finite(bank, words)
    normal, rest = parted(held_bank, case)
    if not len(rest):
        rest = normal
        notes.append(
            "There are too few normal images to try the line out on others: the same ones drew it."
        )
    return Gathered(subject, fit, normal, rest, unknown, tuple(notes))


def check_finite(bank: Bank | None, words: str) -> None:
    """Raise DoesNotFit where features or logits are NaN or infinite."""
    if bank is None:
        return
    odd = ~(np.isfinite(bank.features).all(1) & np.isfinite(bank.logits).all(1))
    if odd.any():
        affected = words if len(bank) == 1 else f"{int(odd.sum())} of {len(bank)} {words}"
        raise DoesNotFit(
            f"The model gives features or logits that are not finite numbers (NaN or infinite) for "
            f"{affected}, so how unusual the image is cannot be measured. Choose another model, or "
            "other images."
        )


def subject_bank(case: FamiliarCase) -> Bank:
    """The image as a bank of one, looked at now."""
    outputs = Outputs(1)
    forward_batches(case.model, case.image[None], outputs)
    arrays = {name: values.astype(np.float64) for name, values in outputs.arrays.items()}

    def nudge(temperature: float, epsilon: float) -> Doubles:
        result = nudged(case.model, case.image[None], temperature, epsilon)
        return np.asarray(result, np.float64)

    return Bank(
        arrays.get("features", np.empty((1, 0))),
        arrays["logits"],
        head_of(case.model),
        keys=np.array([key_of(case.image)]),
        ids=np.array([-1]),
        nudge=nudge,
        model_id=case.model.fingerprint,
    )


def bank_of(case: DataCase, data: DataSet, progress: Progress, *, labeled: bool) -> Bank:
    """The bank of a data set's images. Their features are kept in the store."""
    views: Any = answer(Extract(), case, progress)
    view = views["features"]

    def nudge(temperature: float, epsilon: float) -> Doubles:
        result: Any = answer(OdinStep(temperature, epsilon), case)["features"]
        return np.asarray(result.logits, np.float64)

    groups = case.data.truth.get("group")
    return Bank(
        np.asarray(view.values, np.float64),
        np.asarray(view.logits, np.float64),
        head_of(case.model),
        labels=case.data.labels if labeled else None,
        groups=None if groups is None else np.asarray(groups, np.int64),
        ids=case.data.ids,
        keys=view.keys,
        maps=view.maps,
        nudge=nudge,
        model_id=case.model.fingerprint,
        data_id=data.fingerprint,
    )


def head_of(model: Classifier) -> Head | None:
    """The last linear layer in float64, or None."""
    if headless(model):
        return None
    weight = model.head.weight.detach().cpu().numpy().astype(np.float64)
    bias = model.head.bias
    zero = np.zeros(len(weight))
    return Head(weight, zero if bias is None else bias.detach().cpu().numpy().astype(np.float64))


def heads_agree(bank: Bank) -> bool:
    """Whether the logits are the head's, as they are unless something comes after it."""
    if bank.head is None or not bank.features.shape[1]:
        return False
    logits = bank.features @ bank.head.weight.T + bank.head.bias
    # float32 logits against a product in float64: they agree relative to their size only
    spread = max(1.0, float(np.abs(bank.logits).max()))
    return bool(np.abs(logits - bank.logits).max() <= CLOSE * spread)


def exclude_image(bank: Bank, subject: Bank, group: int | None) -> tuple[Bank, bool]:
    """The bank without the image and its group, and whether it was in there."""
    if bank.keys is None or subject.keys is None:
        return bank, False
    same: NDArray[np.bool_] = bank.keys == subject.keys[0]
    if group is not None and bank.groups is not None:
        same = same | (bank.groups == group)
    if not same.any():
        return bank, False
    if bank.groups is not None:
        # the image's patient goes with it: other slices of one head would make it look usual
        same = np.isin(bank.groups, bank.groups[same])
    return bank.take(~same), True


def parted(bank: Bank, case: FamiliarCase) -> tuple[Bank, Bank]:
    """Held-out images in two halves, whole groups together; drawn by the case's seed.

    A half is drawn by each image's own key or group, so that one image less moves no other.
    """
    group_ids: Ints = bank.groups if bank.groups is not None else np.asarray(bank.ids, np.int64)
    order = np.unique(group_ids)
    if len(order) < FEW:
        return bank, bank.take(np.arange(0))
    chance = np.array([np.random.default_rng([case.seed, int(n) % 2**63]).random() for n in order])
    first_half = order[np.argsort(chance, kind="stable")[: -(-len(order) // 2)]]
    inside = np.isin(group_ids, first_half)
    return bank.take(inside), bank.take(~inside)
