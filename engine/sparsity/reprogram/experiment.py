"""Reprogramming as an experiment: what does a sparse ticket cost on another task?

"Reprogramming under Constraints: Revisiting Efficient and Reliable Transferability of Lottery
Tickets" (2023), https://arxiv.org/abs/2308.14969
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np
import torch

from engine.core.errors import DoesNotFit
from engine.core.method import Choice, Progress, Slider, defaults, part_of, quiet, setting
from engine.core.pictures import as_bytes
from engine.core.result import Pictures, Result, Table, View
from engine.evaluation.experiment import ExperimentCase, Figures, deviation_column, trained_model
from engine.evaluation.kept_experiment import KeptExperiment
from engine.evaluation.measures.calibration import Calibration, calibration, fitted_temperature
from engine.sparsity.effects.harm import reliability_table
from engine.sparsity.reprogram.claims import (
    BARE,
    CLAIMS,
    DENSE,
    LP,
    LP_COOLED,
    LP_ERROR,
    LP_FEW,
    SOURCE,
    TICKET_SHARES,
    TICKETS,
    VP,
    VP_COOLED,
    VP_ERROR,
    VP_FEW,
)
from engine.sparsity.reprogram.drawings import DRAWINGS
from engine.sparsity.reprogram.reprogrammed import (
    Probed,
    Prompted,
    Remap,
    bind,
    confusion,
    reprogrammed_classifier,
    resized,
)
from engine.sparsity.tickets.cut import full_masks, prune_smallest
from engine.vision import data as data_sets
from engine.vision.data import DataSet, Rows
from engine.vision.lab import TrainCase
from engine.vision.models.classifier import Classifier
from engine.vision.training import Recipe, Regime, fresh, outputs, shape_of, train
from engine.vision.weights.masks import Masks, masks_in

PROBE = Recipe("lenet", optimizer="Adam", rate=0.01)  # of what is learned on it; its network counts
PROMPT = replace(PROBE, rate=0.05)  # as far in 20 epochs as the published 0.01 in 100
MORE = 5  # times as many epochs with few images
WAYS = {LP: False, VP: False, LP_FEW: True, VP_FEW: True}  # each with few images, or with all
PROMPTED = (VP, VP_FEW)
RANDOM, ONCE, AGAIN = "random", "once", "each epoch"
PICTURED_IMAGES = 4  # images in pictures


@dataclass(frozen=True)
class Ticket(Regime):
    """The masks of a lottery ticket: found level after level, always from the first weights.

    Args:
        recipe: of every level's training.
        kept: the share of all weights that stays at each level, the ticket's own last.
    """

    recipe: Recipe
    kept: tuple[float, ...]

    def masks(self, model: Classifier, data: DataSet, seed: int) -> Masks:  # noqa: ARG002
        """What the smallest weights of the level before leave; that training is kept."""
        *before, latest = self.kept
        regime = Ticket(self.recipe, tuple(before)) if before else None
        case = TrainCase(data, self.recipe, seed, regime=regime)
        trained = trained_model(case)
        masks = masks_in(trained) or full_masks(trained)
        # from what the level before kept to what this one keeps, of all weights
        return prune_smallest(trained, masks, 1 - latest / masks.density)


@dataclass(frozen=True)
class Reprogram(KeptExperiment):
    """Does a ticket that is as good as the dense network on one task also serve another?

    A small network learns the angles of bars, and so do lottery tickets of it. Then all of them
    are frozen and serve digits in two ways: with a new linear head (*linear probe*), or as they
    are, with the digit in the middle of a learned border (*prompt*) and each digit bound to one of
    the angles. Each is learned from all train images and from few of each class. Calibration error
    (ECE) compares confidence with right answers over all test images, also at a temperature fitted
    on validation images. Small networks on small images. The prompt's rate was chosen after first
    trials with one seed that looked at test images, which may flatter the prompt, in the first
    claim too.
    """

    name = "Reprogram"
    family = "sparsity"
    title = "Tickets on another task (Reprogram LT)"
    paper = (
        "Reprogramming under Constraints: Revisiting Efficient and Reliable Transferability of "
        "Lottery Tickets (2023), https://arxiv.org/abs/2308.14969"
    )
    revision = 2  # calibration is judged over tickets, and no ticket where none is as good
    question = "Does a pruned network that lost nothing on its own task serve another one as well?"
    proof = (
        "tests/engine/sparsity/reprogram/test_reprogram.py"
        "::test_every_figure_is_that_of_networks_trained_and_asked_by_hand"
    )
    data = ("digits", "mnist-5k")
    measures = (VP, LP, VP_FEW, LP_FEW, SOURCE, BARE, VP_ERROR, LP_ERROR, VP_COOLED, LP_COOLED)
    charted = (VP, LP, SOURCE, BARE, VP_ERROR, LP_ERROR)
    axis = "%"
    claims = CLAIMS
    drawings = DRAWINGS
    recipe: ClassVar[Recipe] = Recipe("lenet", epochs=10, width=0.5)  # of the source
    example_constants = defaults(recipe=replace(recipe, epochs=1))

    border: int = setting(
        4,
        Slider(0, 7, 1, "px"),
        "Border",
        "How wide what is learned around an image of 16 px is; "
        "the digit takes the rest. 0 leaves nothing to learn.",
    )
    shots: int = setting(
        10,
        Slider(1, 50, 1),
        "Few images",
        "How many of each class the figures with few images are learned from.",
    )
    mapping: str = setting(
        AGAIN,
        Choice((AGAIN, ONCE, RANDOM)),
        "Classes are bound",
        "By how often train images of a "
        "digit are taken for an angle: at each epoch or once, before the prompt is learned; or "
        "drawn.",
    )
    epochs: int = setting(
        20,
        Slider(1, 40, 1),
        "Epochs",
        "How often each train image is learned from by head and "
        f"prompt; {MORE} times as often where there are few.",
    )

    def conditions(self, case: ExperimentCase) -> Mapping[str, TrainCase]:
        """The dense source network, and its tickets from the same first weights.

        Raises:
            BlindspotError: images are not square, or the source has fewer classes than the data.
        """
        source, classes = data_sets.load("bars"), shape_of(case.data).classes
        if classes > len(source.classes):
            raise DoesNotFit(
                f"{case.data.card.title} has {classes} classes, and the source network only "
                f"{len(source.classes)} to bind them to: choose data with fewer."
            )
        dense = TrainCase(source, self.recipe, case.seed)
        return {DENSE: dense} | {
            name: replace(dense, regime=Ticket(self.recipe, TICKET_SHARES[: level + 1]))
            for level, name in enumerate(TICKETS)
        }

    def condition(
        self, name: str, case: ExperimentCase, progress: Progress
    ) -> tuple[Figures, Result]:
        """Accuracy of each way, and the calibration of those with all images.

        Views: prompts, a row for each network; bound, the dense network's classes; and bins of
        confidence ("probe dense", "prompt ticket").
        """
        data, training = case.data, self.conditions(case)[name]
        ends = np.linspace(0.2, 1.0, len(WAYS) + 1)
        source = trained_model(training, part_of(progress, 0.0, ends[0], "training"))
        models = {}
        for place, way in enumerate(WAYS):
            part = part_of(progress, ends[place], ends[place + 1], lead=way.removeprefix("right "))
            models[way] = self.adapt(source, way, case, part)
        bare = self.bare(source, data, data.rows("train"), case.seed)
        figures = {way: share_correct(model, data) for way, model in models.items()}
        figures |= {SOURCE: share_correct(source, training.data), BARE: share_correct(bare, data)}
        views: dict[str, View] = {"prompts": border_pictures(name, models[VP], data)}
        if name == DENSE:
            views["bound"] = bound(models[VP], data)
        suffix = {DENSE: "dense", TICKETS[-1]: "ticket"}.get(name)
        for way, word, error, cooled in (
            (LP, "probe", LP_ERROR, LP_COOLED),
            (VP, "prompt", VP_ERROR, VP_COOLED),
        ):
            plain, cool = sureness(models[way], data)
            figures |= {error: plain.ece} | ({cooled: cool.ece} if cool else {})
            if suffix:
                views[f"{word} {suffix}"] = reliability_table(plain)
        return figures, views

    def adapt(
        self, source: Classifier, way: str, case: ExperimentCase, progress: Progress
    ) -> Classifier:
        """Train a head or a prompt on the frozen source."""
        data, few = case.data, WAYS[way]
        rows = few_of_each(data, self.shots, case.seed) if few else data.rows("train")
        epochs = self.epochs * (MORE if few else 1)
        if way not in PROMPTED:
            model = reprogrammed_classifier(Probed(source, len(data.classes), case.seed), data)
            train(
                model, data, replace(PROBE, epochs=epochs), case.seed, rows=rows, progress=progress
            )
            return model
        model = self.bare(source, data, rows, case.seed)
        batches = -(-len(rows) // PROMPT.batch)
        remap = Remap(data, rows, batches, batches * epochs) if self.mapping == AGAIN else None
        train(
            model,
            data,
            replace(PROMPT, epochs=epochs),
            case.seed,
            rows=rows,
            after_step=remap,
            progress=progress,
        )
        return model

    def bare(self, source: Classifier, data: DataSet, rows: Rows, seed: int) -> Classifier:
        """The source around whose images nothing is learned yet: a gray border, classes bound."""
        # a start without repeats; unless the binding is random it is replaced at once
        source_order = np.random.default_rng([seed, 29]).permutation(len(source.labels))
        mapping = torch.from_numpy(source_order[: len(data.classes)]).to(source.device)
        model = reprogrammed_classifier(Prompted(source, self.border, mapping), data)
        if self.mapping != RANDOM:
            bind(model, data, rows)
        return model

    def __call__(self, case: ExperimentCase, progress: Progress = quiet) -> Result:
        """Views: those of every experiment; transfer, a row for each share of weights."""
        result = super().__call__(case, progress)
        table = result["table"]
        assert isinstance(table, Table)  # noqa: S101 - what an experiment gives
        return {**result, "transfer": transfer(table)}

    def before(self, case: ExperimentCase) -> str:
        """What is learned, and that it is kept."""
        return (
            "Four heads and prompts are learned on a network of bars, and on tickets of it. "
            f"{super().before(case)}"
        )

    def picture(self, case: ExperimentCase) -> Pictures:
        """Source images, and those of the new task as each way shows them to the source."""
        source, data = self.conditions(case)[DENSE].data, case.data
        model = fresh(source, self.recipe, case.seed)
        network = Prompted(model, self.border, torch.arange(len(data.classes)))
        bars, digits = one_of_each(source), one_of_each(data)
        count = min(len(bars), len(digits))
        batches = (
            source.pixels(bars),
            resized(data.pixels(digits), source.side),
            network.seen(data.pixels(digits)),
        )
        angles, names = source.class_names(bars[:count]), data.class_names(digits[:count])
        return Pictures(
            np.stack([as_bytes(batch[:count].detach().cpu()) for batch in batches]),
            ("learned by the source", "new task, for a new head", "new task, inside a border"),
            tuple(f"{word} image" for word in ("first", "second", "third", "fourth")[:count]),
            "The network that learned bars stays as it is; a new head is learned for the new task, "
            "or the border.",
            captions=(*angles, *names, *names),
        )


def share_correct(model: Classifier, data: DataSet) -> float:
    """The share of test images that are right."""
    rows = data.rows("test")
    return float((outputs(model, data, rows).argmax(1) == data.targets(rows)).double().mean())


def sureness(model: Classifier, data: DataSet) -> tuple[Calibration, Calibration | None]:
    """Calibration on all test images; and at a temperature, where validation images can fit one."""
    test, validation = data.rows("test"), data.rows("validation")
    logits, labels = outputs(model, data, test).numpy(), data.labels[test]
    if not len(validation):
        return calibration(logits, labels), None
    heat = fitted_temperature(outputs(model, data, validation).numpy(), data.labels[validation])
    return calibration(logits, labels), calibration(logits, labels, heat)


def few_of_each(data: DataSet, count: int, seed: int) -> Rows:
    """Rows of so many train images of each class, drawn; all where there are fewer."""
    rows = np.random.default_rng([seed, 31]).permutation(data.rows("train"))
    labels = data.labels[rows]
    return np.sort(np.concatenate([rows[labels == label][:count] for label in np.unique(labels)]))


def one_of_each(data: DataSet) -> Rows:
    """A test image of each of some classes, from the first to the last."""
    test = data.rows("test")
    labels = data.labels[test]
    classes = np.unique(np.linspace(0, len(data.classes) - 1, PICTURED_IMAGES).round().astype(int))
    return np.array(
        [test[labels == label][0] for label in classes if (labels == label).any()], np.int64
    )


def border_pictures(name: str, model: Classifier, data: DataSet) -> Pictures:
    """A row: a network's border alone, and around images, with what they are read as."""
    rows = one_of_each(data)
    pixels = data.pixels(rows)
    network = cast("Prompted", model.network)
    empty = torch.zeros_like(pixels[:1])
    images = as_bytes(network.seen(torch.cat([empty, pixels]).to(model.device)).detach().cpu())
    read = outputs(model, data, rows).argmax(1).tolist()
    return Pictures(
        images[None],
        (name,),
        ("the border", *data.class_names(rows)),
        "Each network has a border of its own, the same for every image.",
        captions=("", *(f"read as {data.classes[label]}" for label in read)),
    )


def bound(model: Classifier, data: DataSet) -> Table:
    """How often test images of each new class (columns) are taken for each of the source's (rows).

    A row's note is the new class that its own is bound to, or "".
    """
    network = cast("Prompted", model.network)
    counts = confusion(model, data, data.rows("test"))
    units = ("images",) * len(data.classes)
    table = Table.grid(counts, network.source.labels, data.classes, units)
    notes = [""] * len(counts)
    for name, label in zip(table.order, network.mapping.tolist(), strict=True):
        notes[label] = name
    return replace(table, notes=tuple(notes))


def transfer(table: Table) -> Table:
    """Accuracy of each way and on the source's own task, over the share of weights that is left."""
    columns: dict[str, tuple[Any, str]] = {"weights kept": ((1.0, *TICKET_SHARES), "share")}
    for name in (SOURCE, *WAYS):
        columns |= {column: (table[column], "share") for column in (name, deviation_column(name))}
    return Table.of(columns, table.rows)
