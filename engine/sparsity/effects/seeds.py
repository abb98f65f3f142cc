"""Seeds: what pruning changes, beside what another seed of the same training changes.

Several dense networks are trained by the model's own recipe from other first weights, and each is
pruned by the same rule. Two dense networks already disagree on some images: that is the floor under
every count of changed answers. Hooker et al. compare populations: an image is a pruning-identified
exemplar when the most frequent (modal) answer of the pruned networks is another one than that of
the dense ones. Hooker et al., "What Do Compressed Deep Neural Networks Forget?" (2019),
https://arxiv.org/abs/1911.05248
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import DoesNotFit
from engine.core.method import Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.core.run import answer
from engine.sparsity.criteria.learned import Learned
from engine.sparsity.masks.pruning import Pruning
from engine.vision.lab.case import TrainCase
from engine.vision.lab.train_seeds import TrainSeeds
from engine.vision.models.classifier import Classifier
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import outputs
from engine.vision.weights.case import PruneCase

Answers = NDArray[np.int64]  # (networks, images)

FIRST_SEED = 1001  # no model that ships begins there
UNDECIDED = -1  # two answers are equally frequent: there is no modal one


@dataclass(frozen=True)
class Seeds(Pruning):
    """What pruning changes, beside what another seed of the same training changes.

    Networks: for the model and others trained as it was, test accuracy before and after pruning
    without retraining, and the share of answers that pruning changes. Pairs: the share in which two
    dense networks differ; a change below it is no more than another seed makes. Classes: change of
    accuracy by pruning, its mean over the networks, and the range of the other dense networks.
    Images: modal answers of the dense and of the pruned networks; where they differ, the image is
    a pruning-identified exemplar.
    """

    name = "Seeds"
    title = "Beside other seeds"
    cost = "job"
    paper = "Hooker et al. 2019, https://arxiv.org/abs/1911.05248"
    needs = frozenset({"training"})
    proof = (
        "tests/engine/sparsity/test_seeds.py"
        "::test_changes_pairs_and_modal_answers_are_counted_by_hand"
    )
    revision = 3  # the other networks are trained together

    networks: int = setting(
        4, Slider(2, 9, 1), "Other networks", "Dense networks that are trained from other seeds."
    )
    images: int = setting(
        400,
        Slider(10, 2000, 10),
        "Images",
        "Test images at most, drawn by the seed, as many of each class.",
    )

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: networks, pairs, classes, images."""
        if self.criterion == Learned.title:
            raise DoesNotFit(f"{self.title}: learned scores belong to one network only.")
        rows = case.data.some("test", self.images, case.seed)
        models = [case.model, *others(case, self.networks, part_of(progress, 0.0, 0.8))]
        dense: list[Any] = []
        cut: list[Any] = []
        for place, model in enumerate(models):
            seeded = replace(case, model=model, learned=None)
            pruned = self.made(seeded, self.masks(seeded))
            for result, net in ((dense, model), (cut, pruned)):
                result.append(outputs(net, case.data, rows).argmax(1).numpy())
            progress(0.8 + 0.2 * (place + 1) / len(models), "pruned a network")
        return comparison_views(np.stack(dense), np.stack(cut), case, rows)


def others(case: PruneCase, count: int, progress: Progress) -> list[Classifier]:
    """Dense networks trained as the model was, from other seeds; they are kept once trained."""
    assert case.recipe is not None  # noqa: S101 - what `needs` promises
    train_case = TrainCase(case.data, case.recipe, FIRST_SEED)
    networks: Any = answer(TrainSeeds(networks=count), train_case, progress)["networks"]
    return [rebuilt(networks[place], f"seed-{FIRST_SEED + place}") for place in range(count)]


def comparison_views(dense: Answers, cut: Answers, case: PruneCase, rows: NDArray[Any]) -> Result:
    """The views from the answers of all networks; the first network is the case's model."""
    labels = case.data.labels[rows]
    names = ("this model", *(f"network {place}" for place in range(1, len(dense))))
    accuracy = np.stack([(predicted == labels).mean(1) for predicted in (dense, cut)], 1)
    changed = (dense != cut).mean(1)
    pairs = list(combinations(range(len(dense)), 2))
    disagreement = [[(dense[first] != dense[second]).mean()] for first, second in pairs]
    return {
        "networks": Table.grid(
            np.column_stack([accuracy, changed]),
            names,
            ("dense", "pruned", "answers changed"),
            ("share", "share", "share"),
        ),
        "pairs": Table.grid(
            np.array(disagreement),
            tuple(f"{names[first]} and {names[second]}" for first, second in pairs),
            ("answers that differ",),
            ("share",),
        ),
        "classes": classes(dense, cut, labels, case.data.classes),
        "images": modal_answers_table(dense, cut, case, rows),
    }


def classes(dense: Answers, cut: Answers, labels: Answers, names: Sequence[str]) -> Table:
    """Each class: change of accuracy by pruning, and how other dense networks differ from this."""
    lines, present = [], np.unique(labels)
    for label in present:
        members = labels == label
        before, after = ((predicted[:, members] == label).mean(1) for predicted in (dense, cut))
        differences = before[1:] - before[0]
        change = after - before
        lines.append(
            [members.sum(), change[0], change.mean(), differences.min(), differences.max()]
        )
    return Table.grid(
        np.array(lines, np.float64),
        tuple(names[label] for label in present),
        ("images", "change", "mean change", "lowest other seed", "highest other seed"),
        ("", "share", "share", "share", "share"),
    )


def modal_answers_table(dense: Answers, cut: Answers, case: PruneCase, rows: NDArray[Any]) -> Table:
    """Each image with both modal answers; those where they differ come first."""
    (dense_answers, dense_share), (pruned_answers, pruned_share) = modal(dense), modal(cut)
    order = np.argsort(~exemplars(dense_answers, pruned_answers), kind="stable")
    values = np.stack(
        [rows, case.data.labels[rows], dense_answers, pruned_answers, dense_share, pruned_share], 1
    )
    return Table.grid(
        values[order].astype(np.float64),
        tuple(str(image_id) for image_id in case.data.ids[rows][order]),
        ("row", "label", "modal dense", "modal pruned", "dense share", "pruned share"),
        ("", "", "", "", "share", "share"),
    )


def exemplars(first: Answers, second: Answers) -> NDArray[np.bool_]:
    """Where two modal answers are decided and differ."""
    return (first != second) & (first != UNDECIDED) & (second != UNDECIDED)


def modal(answers: Answers) -> tuple[Answers, NDArray[np.float64]]:
    """The most frequent answer for each image, UNDECIDED on a tie, and its share of networks."""
    counts = np.stack([(answers == index).sum(0) for index in range(int(answers.max()) + 1)])
    largest_counts = counts.max(0)
    # argmax would take the lower class, and so make exemplars of mere ties
    tied = (counts == largest_counts).sum(0) > 1
    return np.where(tied, UNDECIDED, counts.argmax(0)), largest_counts / len(answers)
