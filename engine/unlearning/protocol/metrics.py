"""How well a model has forgotten: shares of right answers, attacks, and how far it is from another.

All is measured in eval mode on plain images. The reference is always a model that was retrained
without the forgotten images: a figure is good when it is near the retrained model's, not when it
is large.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from engine.core.method import Progress, quiet
from engine.evaluation.forgetting.attack import (
    FEATURES,
    Answers,
    Doubles,
    attack,
    called_members,
    privacy,
)
from engine.unlearning.case import ForgetCase
from engine.vision.data.variants import Poisoned, stamp
from engine.vision.models.classifier import Classifier
from engine.vision.training import outputs

GAP = ("UA", "MIA", "RA", "TA")  # what the average gap is the mean of
WITHOUT = ("UA", "RA", "TA")  # and the one without the attack
FLOOR = 1e-12  # of a probability in a logarithm
PARTS = ("forget", "retain", "test", "gone")
OF_A_MODE = ("mode still right", "rest of the class", "other classes")


@dataclass(frozen=True)
class ModelAnswers:
    """A model's answers on every part of a case, the seed by which attackers are drawn, and the
    class of which a mode is to go.
    """

    forget: Answers
    retain: Answers
    test: Answers
    gone: Answers
    seed: int = 0
    label: int | None = None

    @property
    def finite(self) -> bool:
        """Whether every answer is a number."""
        return all(np.isfinite(getattr(self, part).probabilities).all() for part in PARTS)


def evaluate_model(model: Classifier, case: ForgetCase, progress: Progress = quiet) -> ModelAnswers:
    """What a model says of the forgotten, the retained and the test images."""
    rows = [getattr(case.splits, part) for part in PARTS]
    logits = outputs(model, case.data, np.concatenate(rows), progress)
    # double, so that confidences near 1 keep apart: the attacker looks at them
    shares = torch.softmax(logits.double(), 1).numpy()
    ends = np.cumsum([len(part_rows) for part_rows in rows])[:-1]
    parts = np.split(shares, ends)
    results = {
        name: Answers(part, case.data.labels[part_rows])
        for name, part, part_rows in zip(PARTS, parts, rows, strict=True)
    }
    label = case.request.label if case.request.mode else None
    return ModelAnswers(**results, seed=case.seed, label=label)


def accuracy(answers: Answers) -> float:
    """The share that is right; NaN of none."""
    return float(answers.right.mean()) if len(answers) else float("nan")


def figures(said: ModelAnswers) -> dict[str, float]:
    """The figures of one model: UA, RA, TA, MIA and what stands beside them.

    UA is the share of forgotten images it gets wrong, RA and TA the shares of retained and of test
    images it gets right, MIA the balanced attacker's MIA-Efficacy (see `attack`). Where a mode of a
    class is to go, the right shares of three kinds of test images stand beside them: of the mode,
    of the rest of its class, and of other classes. Without test images there is no attack: its
    figures are NaN.
    """
    efficacy = attack_accuracy = float("nan")
    if len(said.test):
        outcome = attack(said.retain, said.test, said.forget, seed=said.seed)
        efficacy, attack_accuracy = outcome.efficacy, outcome.accuracy
    return {
        "UA": 1 - accuracy(said.forget),
        "RA": accuracy(said.retain),
        "TA": accuracy(said.test),
        "MIA": efficacy,
        "attack accuracy": attack_accuracy,
        **({"TA of the class": accuracy(said.gone)} if said.label is None else of_a_mode(said)),
    }


def of_a_mode(answers: ModelAnswers) -> dict[str, float]:
    """Shares of right answers to test images of the mode, the rest of its class, and others."""
    rest = answers.test.labels == answers.label
    parts = (answers.gone, *(answers.test[np.flatnonzero(mask)] for mask in (rest, ~rest)))
    return dict(zip(OF_A_MODE, map(accuracy, parts), strict=True))


def attacks(answers: ModelAnswers) -> dict[str, float]:
    """MIA-Efficacy by every feature, with official counts, MIA-Privacy, and SSD's own.

    NaN without test images.
    """
    if not len(answers.test):
        names = (f"MIA, {feature}" for feature in FEATURES if feature != "confidence")
        others = ("MIA, official counts", "MIA-Privacy", "called members")
        return dict.fromkeys((*names, *others), float("nan"))
    parts, seed = (answers.retain, answers.test, answers.forget), answers.seed
    results = {
        f"MIA, {feature}": attack(*parts, feature, seed=seed).efficacy
        for feature in FEATURES
        if feature != "confidence"
    }
    results["MIA, official counts"] = attack(*parts, balanced=False, seed=seed).efficacy
    results["MIA-Privacy"] = privacy(answers.retain, answers.test, seed=seed)
    results["called members"] = called_members(*parts)
    return results


def gap(
    scores: Mapping[str, float], retrained: Mapping[str, float], names: Sequence[str] = GAP
) -> float:
    """The average gap: the mean of |UA|, |MIA|, |RA| and |TA| differences from the retrained."""
    return float(np.mean([abs(scores[name] - retrained[name]) for name in names]))


def divergence(retrained: Answers, unlearned: Answers) -> float:
    """Mean KL(retrained ‖ unlearned) over images, in nats; probabilities are floored at 1e-12."""
    if not len(retrained):
        return float("nan")
    p, q = (np.maximum(answers.probabilities, FLOOR) for answers in (retrained, unlearned))
    return float((p * np.log(p / q)).sum(1).mean())


def variation(retrained: Answers, unlearned: Answers) -> float:
    """Mean total variation over images, from 0 to 1."""
    if not len(retrained):
        return float("nan")
    return float(np.abs(retrained.probabilities - unlearned.probabilities).sum(1).mean() / 2)


def zero_forgetting(unlearned: Answers, random: Answers) -> float:
    """ZRF: 1 − the mean Jensen-Shannon divergence, in bits, from an untrained network's answers.

    1 where the model knows no more of the images than chance. Chundawat et al. (2023),
    https://arxiv.org/abs/2205.08096
    """
    p, q = unlearned.probabilities, random.probabilities
    # in bits the divergence is at most 1, so that ZRF lies between 0 and 1
    middle = (p + q) / 2
    return float(1 - (relative(p, middle) + relative(q, middle)).mean() / 2)


def relative(p: Doubles, q: Doubles) -> Doubles:
    """KL(p ‖ q) for each image, in bits; 0 log 0 is 0."""
    ratio = np.log2(np.maximum(p, FLOOR) / np.maximum(q, FLOOR))
    return np.where(p > 0, p * ratio, 0).sum(1)


def nearness(unlearned: ModelAnswers, retrained: ModelAnswers) -> dict[str, float]:
    """KL and total variation to the retrained model on forgotten and on test images."""
    return {
        "KL forget": divergence(retrained.forget, unlearned.forget),
        "KL test": divergence(retrained.test, unlearned.test),
        "TV forget": variation(retrained.forget, unlearned.forget),
        "TV test": variation(retrained.test, unlearned.test),
    }


def attack_rate(model: Classifier, case: ForgetCase) -> float:
    """Of a planted back door: how often a stamped test image of another class opens it.

    NaN where nothing is planted. The patch is the one that the data's name says.
    """
    if case.request.kind != "planted" or case.request.label is None:
        return float("nan")
    rows = case.splits.test
    # of the target's own class the right answer would count as an open back door
    rows = rows[case.data.labels[rows] != case.request.label]
    if not len(rows):
        return float("nan")
    images = torch.from_numpy(stamp(case.data.images[rows], patch_of(case)) / np.float32(255))
    predictions = model.logits(images.expand(-1, 3, -1, -1)).argmax(1)
    return float((predictions == case.request.label).float().mean())


def patch_of(case: ForgetCase) -> int:
    """The side of the planted patch, as the data's name has it."""
    for part in case.data.name.split("+"):
        word, _, settings = part.partition(":")
        if word == Poisoned.word:
            return Poisoned.read(settings).patch
    return 0


def forgetting(scores: Mapping[str, float], retrained: Mapping[str, float]) -> float:
    """How near to the retrained model it forgets, from 0 to 1: 1 − |UA difference|."""
    return 1 - abs(scores["UA"] - retrained["UA"])


def keeping(scores: Mapping[str, float], retrained: Mapping[str, float]) -> float:
    """How near to the retrained model it keeps the rest: 1 − mean of |RA| and |TA| differences."""
    return 1 - (abs(scores["RA"] - retrained["RA"]) + abs(scores["TA"] - retrained["TA"])) / 2
