"""MHIM-MIL v1 and v2 on bags of tiles, beside ABMIL, max pooling and mean pooling.

Tang et al., "Multiple Instance Learning Framework with Masked Hard Instance Mining" (ICCV 2023),
https://arxiv.org/abs/2307.15254; v2 (2025), https://arxiv.org/abs/2509.11526
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from engine.attribution.mhim.bags import BagArrays, bags_of, layout_of
from engine.attribution.mhim.case import BagsCase
from engine.attribution.mhim.masks import Masking
from engine.attribution.mhim.mining import Mining, TrainedBagNetwork, learn
from engine.attribution.mhim.network import ATTENTION, MAX, MEAN
from engine.attribution.mhim.scores import (
    MEASURES,
    BagPredictions,
    evaluate_bags,
    figures,
    tile_auroc,
)
from engine.core.method import Method, Progress, Slider, defaults, part_of, quiet, setting
from engine.core.result import Result, Table, View
from engine.vision.data import Rows
from engine.vision.training import Recipe

MAX_POOLING, MEAN_POOLING, ABMIL = "max pooling", "mean pooling", "ABMIL"
TEACHER, STUDENT, BY_CLASS = "teacher", "student", "student, class score"
POOLINGS = {MAX_POOLING: MAX, MEAN_POOLING: MEAN, ABMIL: ATTENTION}
WATCHED = 6  # training bags whose masks are kept
RATE, BATCH, DECAY = 1e-3, 4, 1e-5


def recipe(epochs: int) -> Recipe:
    """How every network of bags is trained; a batch is of bags."""
    return Recipe(epochs=epochs, batch=BATCH, optimizer="Adam", rate=RATE, decay=DECAY)


@dataclass(frozen=True)
class BagMining(Method[BagsCase]):
    """What both versions share: three plain networks, then a teacher and its student."""

    version: ClassVar[str]

    epochs: int = setting(
        40, Slider(1, 200, 1), "Epochs", "How often each network is shown every training bag."
    )
    high: float = setting(
        0.05,
        Slider(0.0, 0.2, 0.01),
        "Masked at first",
        "r_h: share of a bag's tiles, the highest for the teacher, that the student does not see. "
        "It falls to 0 by the end. Above the share of key tiles, a bag can lose all of them.",
    )
    varied: float = setting(
        0.5,
        Slider(0.1, 1.0, 0.1),
        "Share of the candidates",
        "r_hr: the masked tiles are drawn from a set of the highest that is 1 / r_hr as large; 1 "
        "masks the highest themselves.",
    )
    consistency: float = setting(
        0.1,
        Slider(0.0, 1.0, 0.05),
        "Consistency",
        "α: how much it costs the student to differ from the teacher's summary of the whole bag.",
    )
    momentum: float = setting(
        0.995,
        Slider(0.9, 0.9999, 0.0001),
        "Momentum",
        "m: how slowly the teacher follows the student: it is the moving average of its weights.",
    )

    @abstractmethod
    def mining(self) -> Mining:
        """How the student is taught."""

    def __call__(self, case: BagsCase, progress: Progress = quiet) -> Result:
        """Views: figures, tiles and bags of the test, masks of training bags.

        Figures: a row for each network, with `MEASURES`, the tile AUROC, and the same against the
        tiles that are another class's key. Tiles: a row for each tile of each test bag, in order.
        Masks: a row for each tile of a watched bag at each step that it was shown, see `masks`.
        """
        self.mining().masking.check(layout_of(case.data).size)
        bags = bags_of(case, part_of(progress, 0.0, 0.1))
        how, rows = recipe(self.epochs), bags.slides.rows("test")
        models: dict[str, TrainedBagNetwork] = {}
        for at, (name, pooling) in enumerate(POOLINGS.items()):
            part = part_of(progress, 0.1 + 0.15 * at, 0.25 + 0.15 * at, lead=name)
            models[name] = learn(case, bags, how, pooling, progress=part)
        trained = learn(
            case,
            bags,
            how,
            how=self.mining(),
            begins=models[ABMIL].model,
            watched=watched(bags),
            progress=part_of(progress, 0.55, 0.98, lead=self.title),
        )
        outputs = {name: evaluate_bags(model.model, bags, rows) for name, model in models.items()}
        if trained.teacher is not None:
            outputs[TEACHER] = evaluate_bags(trained.teacher, bags, rows)
        outputs[STUDENT] = evaluate_bags(trained.model, bags, rows)
        progress(1.0, "measured")
        return {**views(outputs, bags, rows), "masks": masks(trained, bags)}

    def finding(self, case: BagsCase, result: Mapping[str, Any]) -> str:
        """How many of the key tiles the student and plain attention find."""
        table: Table = result["figures"]
        bags = len(np.unique(case.data.truth["group"][case.data.rows("test")]))
        if np.isnan(table.cell(STUDENT, "key tiles found")):
            return (
                f"{self.title} tells {bags} test bags apart with an AUC of "
                f"{table.cell(STUDENT, 'bag AUC'):.2f}; which tiles are key is not known."
            )

        def share(name: str, measure: str = "key tiles found") -> str:
            return f"{100 * table.cell(name, measure):.0f} %"

        return (
            f"{self.title} finds {share(STUDENT)} of the key tiles in {bags} test bags, plain "
            f"attention (ABMIL) {share(ABMIL)}; of the hard ones {share(STUDENT, 'hard ones')} and "
            f"{share(ABMIL, 'hard ones')}."
        )


@dataclass(frozen=True)
class MHIM(BagMining):
    """Which tiles of a slide make a network give its label, when training hides the easy ones.

    A slide is a bag of tiles with one label; nobody says which tiles make it. Attention (ABMIL)
    gives each tile a weight, but it may stop at the tile that is easiest to read. Here a teacher,
    the moving average of its student, looks at the whole bag; the student is not shown some of the
    tiles that the teacher finds most important, nor some drawn at random, and has to give the
    label from the rest. A tile's number is its attention: a sum of 1 over the bag. It is not a
    probability that the tile is the reason, and high attention alone proves nothing; on these bags
    the key tiles are known, so that it can be counted how many of them stand on top.
    """

    name = "MHIM"
    family = "attribution"
    title = "MHIM-MIL v1"
    version = "v1"
    cost = "job"
    paper = "Tang et al., Masked Hard Instance Mining (2023), https://arxiv.org/abs/2307.15254"
    proof = (
        "tests/engine/attribution/mhim/test_methods.py"
        "::test_every_figure_is_that_of_networks_trained_and_counted_by_hand"
    )
    example = defaults(epochs=3)

    random: float = setting(
        0.5,
        Slider(0.0, 0.9, 0.05),
        "Masked at random",
        "r: share of a bag's tiles that the student does not see besides, drawn anew at each step.",
    )
    low: float = setting(
        0.0,
        Slider(0.0, 0.9, 0.05),
        "Lowest masked",
        "r_l: share of a bag's tiles, the lowest for the teacher, that the student does not see.",
    )

    def mining(self) -> Mining:
        """Attention ranks the tiles; the student begins with the plain network's first layer."""
        masking = Masking(self.high, self.varied, self.low, self.random)
        return Mining(masking, self.consistency, self.momentum, warm=True)


@dataclass(frozen=True)
class MHIM2(BagMining):
    """The same idea with a score for each class, and a memory of what the student is not shown.

    The teacher ranks a tile by how clearly the tile's own part of the answer names a class, instead
    of by attention. Tiles that the student is not shown are summed up in a few tokens that it gets
    beside the others ("recycled"). Each tile has a score for each class: the share that the class
    has when the tile's part aₙ hₙ alone is classified. As parts are small, all shares are close to
    one over the number of classes: only their order within a bag says something.
    """

    name = "MHIM2"
    family = "attribution"
    title = "MHIM-MIL v2"
    version = "v2"
    cost = "job"
    paper = (
        "Tang et al., MHIM-MIL for gigapixel histopathology (2025), "
        "https://arxiv.org/abs/2509.11526"
    )
    proof = (
        "tests/engine/attribution/mhim/test_methods.py"
        "::test_every_figure_is_that_of_networks_trained_and_counted_by_hand"
    )
    example = defaults(epochs=3)

    recycled: float = setting(
        0.2,
        Slider(0.0, 0.9, 0.05),
        "Recycled",
        "1 − ρ: share of the tiles left that is not shown to the student but summed up in tokens.",
    )
    tokens: int = setting(
        1, Slider(0, 10, 1), "Tokens", "k: how many tokens sum them up; 0 drops them."
    )

    def mining(self) -> Mining:
        """Class scores rank the tiles."""
        masking = Masking(self.high, self.varied, recycled=self.recycled)
        return Mining(masking, self.consistency, self.momentum, tokens=self.tokens, by_class=True)


def watched(bags: BagArrays) -> list[int]:
    """Training bags whose masks are kept: with key tiles, easy and hard ones among them, first."""
    rows = bags.slides.rows("train")
    key, hard = bags.layout.key[rows], bags.layout.hard[rows]
    has_both = (key & hard).any(1) & (key & ~hard).any(1)
    order = np.argsort(~has_both, kind="stable")
    chosen: list[int] = rows[order[:WATCHED]].tolist()
    return chosen


def views(said: Mapping[str, BagPredictions], bags: BagArrays, rows: Rows) -> Result:
    """What came of each network on the test bags."""
    key, hard, rival = bags.layout.key[rows], bags.layout.hard[rows], bags.layout.rival[rows]
    all_tiles = np.ones_like(key)
    labels = bags.slides.labels[rows]
    scores = {name: output.attention for name, output in said.items()}
    label_shares = np.take_along_axis(said[STUDENT].by_class, labels[:, None, None], 2)[..., 0]
    scores[BY_CLASS] = label_shares
    columns: dict[str, list[float]] = {name: [] for name in (*MEASURES, "tile AUROC", "rivals")}
    for name, values in scores.items():
        prediction = said.get(name, said[STUDENT])
        measures = dict(
            figures(
                BagPredictions(prediction.probabilities, values, prediction.by_class), bags, rows
            )
        )
        measures["tile AUROC"] = tile_auroc(values, key, all_tiles)
        measures["rivals"] = tile_auroc(values, key, rival)
        for measure, value in measures.items():
            columns[measure].append(value)
    table = Table.of({name: (column, "share") for name, column in columns.items()}, list(scores))
    tiles: dict[str, tuple[Any, str]] = {
        "row": (bags.layout.rows[rows].ravel(), ""),
        "key": (key.ravel(), ""),
        "hard": (hard.ravel(), ""),
        "rival": (rival.ravel(), ""),
        **{name: (output.attention.ravel(), "share") for name, output in said.items()},
        **{
            by_class(name): (said[STUDENT].by_class[..., at].ravel(), "share")
            for at, name in enumerate(bags.slides.classes)
        },
    }
    bag_columns: dict[str, tuple[Any, str]] = {
        "bag": (bags.slides.ids[rows], ""),
        "label": (labels, ""),
        "key tiles": (key.sum(1), "tiles"),
        "hard": ((key & hard).sum(1), "tiles"),
        **{
            name: (np.take_along_axis(output.probabilities, labels[:, None], 1)[:, 0], "share")
            for name, output in said.items()
        },
    }
    return {"figures": table, "bags": Table.of(bag_columns), "tiles": Table.of(tiles)}


def by_class(name: str) -> str:
    """The column of the student's score of a class."""
    return f"score of {name}"


def masks(own: TrainedBagNetwork, bags: BagArrays) -> View:
    """What was masked: a row for each watched bag and step; a column for each tile, see `KINDS`."""
    rows = [
        (row, step, kinds)
        for row, steps in sorted(own.objective.masks.items())
        for step, kinds in steps
    ]
    columns: dict[str, tuple[Any, str]] = {
        "bag": (np.array([row for row, _, _ in rows], np.int64), ""),
        "step": (np.array([step for _, step, _ in rows], np.int64), "steps"),
    }
    kinds = np.array([kind for _, _, kind in rows], np.int8).reshape(len(rows), bags.layout.size)
    columns |= {f"tile {at}": (kinds[:, at], "") for at in range(bags.layout.size)}
    return Table.of(columns)
