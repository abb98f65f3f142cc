"""Many small networks of a case's recipe, trained together and kept, a part of them at a time.

Originals learn from all images, oracles from what stays, and datamodels need networks of which each
learns from half of the images. Originals and halves depend on neither the request nor the model
that is asked, so that all requests share them. Parts are kept as soon as they are there: what was
computed before somebody stopped is not computed again, and more networks begin where fewer ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BlindspotError
from engine.core.method import Case, Choice, Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import Networks, Result, Table, View
from engine.core.run import Answer, answer, digest, kept_answer, note_part
from engine.unlearning.case import ForgetCase
from engine.unlearning.request import of_ids
from engine.vision.data import Rows
from engine.vision.models.card import card_of, networks
from engine.vision.models.classifier import Classifier
from engine.vision.models.rebuild import rebuilt
from engine.vision.models.stack import form
from engine.vision.training import fresh, outputs, train_stacked
from engine.vision.training.state import state_file

PART = 20  # networks
ALL, STAYS, HALF = "all", "what stays", "half"
OWN_SEEDS = 1_000_000  # below this are the seeds of runs, whose retrained networks never judge
SEEDS = {ALL: 1_000_000, STAYS: 2_000_000, HALF: 3_000_000}  # of the first network of each kind
LEARNING = 0.9  # share of the progress that goes to the training
SMALL_SIDE = 16  # px; of larger images, networks with convolutions take too long
MOST_WEIGHTS = 1_000_000  # of a network
MOST_IMAGES = 20_000
MOST_LOGITS = 20_000_000  # of a part, of every image
MOST_SHOWN = 20_000_000  # images in all epochs of a part
WORKS = "Digits MLP, Digits CNN and MNIST MLP can be asked, and models trained here as they were."

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class ManyTrainings(Method[ForgetCase]):
    """Twenty networks of the case's recipe that differ in seed and images, and their answers.

    They learn from all images, from what stays, or each from another half of all images. Logits are
    of every image of the data, one network after the other. Neither the weights of the case's model
    nor its seed count here.
    """

    name = "ManyTrainings"
    family = "unlearning"
    title = "Many trainings"
    cost = "job"
    needs = frozenset({"retraining"})
    paper = "Georgiev et al. 2024, https://arxiv.org/abs/2410.23232"
    proof = (
        "tests/engine/unlearning/dmm/test_trainings.py"
        "::test_each_network_is_that_of_a_training_alone"
    )

    learns: str = setting(
        STAYS, Choice((ALL, STAYS, HALF)), "Learns from", "Which images each network learns from."
    )
    part: int = setting(
        0, Slider(0, 99, 1), "Part", f"Which {PART} networks: each part has seeds of its own."
    )

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        return super().unmet(case) or too_many_for(case)

    def __call__(self, case: ForgetCase, progress: Progress = quiet) -> Result:
        """Views: logits, (networks · images, classes); networks, where they are originals."""
        seeds = [SEEDS[self.learns] + PART * self.part + index for index in range(PART)]
        data, recipe = case.data, case.recipe
        models = [fresh(data, recipe, seed) for seed in seeds]
        train_stacked(
            models,
            data,
            recipe,
            seeds,
            rows=[self.rows(case, seed) for seed in seeds],
            keep=state_file(f"many-{common(case, self.learns).fingerprint}-{self.part}"),
            note={"kind": "unlearn", "model": case.model.name, "data": data.name},
            progress=part_of(progress, 0.0, LEARNING, f"training {PART} networks together"),
        )
        every = np.arange(len(data))
        logits = [outputs(model, data, every).numpy() for model in models]
        columns = {
            str(place): (column, "") for place, column in enumerate(np.concatenate(logits).T)
        }
        views: dict[str, View] = {"logits": Table.of(columns)}
        if self.learns == ALL:
            cards = [
                card_of(
                    model,
                    data=data.name,
                    recipe=recipe.as_dict(),
                    seed=seed,
                    made_by=self.full_name(),
                    settings=self.settings(),
                )
                for model, seed in zip(models, seeds, strict=True)
            ]
            views["networks"] = networks(models, cards)
        progress(1.0, "asked about every image")
        return views

    def rows(self, case: ForgetCase, seed: int) -> Rows:
        """What the network of a seed learns from, ascending."""
        splits = case.splits
        if self.learns == HALF:
            return half(splits.train, seed)
        return splits.train if self.learns == ALL else splits.retain


def half(rows: Rows, seed: int) -> Rows:
    """Half of some rows, drawn by the seed, ascending."""
    order = np.random.default_rng([seed, 41]).permutation(rows)
    return np.sort(order[: len(rows) // 2])


def too_many_for(case: Case) -> str:
    """Why dozens of networks cannot be trained for a case, or ""; with what would work."""
    if not isinstance(case, ForgetCase) or case.lacks("retraining"):
        return ""
    model, recipe = case.model, case.recipe
    weights = sum(parameter.numel() for parameter in model.parameters())
    images = len(case.splits.train)
    if recipe.attack is not None:
        reason = "which takes too long against attacks"
    elif recipe.architecture == "vit":
        reason = "which takes too long for transformers"
    elif recipe.architecture != "mlp" and model.side > SMALL_SIDE:
        reason = f"which must be MLPs or see images of at most {SMALL_SIDE} pixels"
    elif weights > MOST_WEIGHTS:
        reason = f"of at most {MOST_WEIGHTS:,} weights each, and this one has {weights:,}"
    elif images > MOST_IMAGES:
        reason = f"on at most {MOST_IMAGES:,} images, and there are {images:,}"
    elif (logits := PART * len(case.data) * len(case.data.classes)) > MOST_LOGITS:
        reason = (
            f"{PART} at a time, whose logits of all images may be {MOST_LOGITS:,} numbers, and "
            f"these would be {logits:,}"
        )
    elif (images_shown := PART * images * recipe.epochs) > MOST_SHOWN:
        reason = (
            f"{PART} at a time, which may be shown {MOST_SHOWN:,} images in all their epochs, and "
            f"this recipe shows {images_shown:,}"
        )
    elif model.masks:
        reason = "which have all their weights, and this one was pruned"
    elif form(model)[:-1] != form(fresh(case.data, recipe))[:-1]:  # on whichever device
        reason = (
            "and those of its recipe would be other networks than it is: it has another size, or "
            "sees its images normalized in another way"
        )
    else:
        return ""
    return f"it trains dozens of networks, {reason}. {WORKS}"


def common(case: ForgetCase, learns: str) -> ForgetCase:
    """The case under which networks are kept: the same for all that share them.

    The model is an untrained one, and where the request does not count, it is the first image.
    """
    first = case.data.ids[case.splits.train[:1]]
    request = case.request if learns == STAYS else of_ids(case.data, first)
    return replace(case, model=fresh(case.data, case.recipe), request=request, seed=0)


def train_part(case: ForgetCase, learns: str, part: int, progress: Progress = quiet) -> Answer:
    """One part of the networks, kept or trained now.

    Kept ones are taken also where a way is timed anew: they can be had before anybody asks.
    """
    method, shared = ManyTrainings(learns=learns, part=part), common(case, learns)
    if (stored := kept_answer(method, shared)) is None:
        return answer(method, shared, progress)
    note_part(digest(method, shared), stored.record["seconds"])
    return stored


def logits_of(trained_part: Answer) -> Floats:
    """The logits of a part, (networks, images, classes)."""
    table: Table = trained_part["logits"]
    result: Floats = table.values.reshape(PART, -1, len(table.order))
    return result


def models_of(trained_part: Answer, name: str) -> list[Classifier]:
    """The originals of a part. Raises BlindspotError where their weights were not kept."""
    if "networks" not in trained_part:
        raise BlindspotError("Only the networks that learned from all images are kept.")
    view: Networks = trained_part["networks"]
    return [rebuilt(view[place], name) for place in range(len(view))]


def seconds_of(parts: Sequence[Answer]) -> float:
    """What the parts once took."""
    return sum(float(part.record["seconds"]) for part in parts)


def every_part(
    case: ForgetCase, learns: str, parts: Sequence[int], progress: Progress = quiet
) -> list[Answer]:
    """Several parts, one after the other."""
    results = []
    for place, part in enumerate(parts):
        words = f"networks {PART * place + 1}–{PART * (place + 1)} of {PART * len(parts)}"
        part_progress = part_of(progress, place / len(parts), (place + 1) / len(parts), lead=words)
        results.append(train_part(case, learns, part, part_progress))
    return results


def judges(part: int) -> int:
    """The part of oracles by which KLoM judges: every third one."""
    # interleaved, so that each kind can have more parts without meeting another one
    return 3 * part


def others(part: int) -> int:
    """The part of oracles that make KLoM's noise."""
    return 3 * part + 1


def teachers(part: int) -> int:
    """The part of oracles that teach OM: none of those that judge or make the noise."""
    return 3 * part + 2
