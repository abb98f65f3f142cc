"""Untrained: networks that are pruned at their first weights and then trained.

SNIP, GraSP and SynFlow were made for this. Random masks are the control, and a network of which
nothing is cut says what the cut costs. Frankle et al., "Pruning Neural Networks at Initialization:
Why Are We Missing the Mark?" (2021), https://arxiv.org/abs/2009.08576
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from engine.core.method import Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Scores, Table
from engine.core.run import answer
from engine.sparsity.criteria.chance import Random
from engine.sparsity.criteria.grasp import Grasp
from engine.sparsity.criteria.learned import Learned
from engine.sparsity.criteria.snip import Snip
from engine.sparsity.criteria.synflow import SynFlow
from engine.sparsity.masks.pruning import Pruning
from engine.sparsity.prune import RetrainPruned
from engine.vision.training import Recipe, fresh
from engine.vision.weights.case import PruneCase

DENSE = "nothing cut"
COLUMNS = ("right after pruning", "trained", "stays in the sparsest layer")
CRITERIA = (Snip.title, Grasp.title, SynFlow.title, Random.title)


@dataclass(frozen=True)
class Untrained(Pruning):
    """Networks that are pruned at their first weights and then trained, all from the same ones.

    One is not cut. The others lose the same share by SNIP, GraSP and SynFlow, which were made for
    untrained networks, by the chosen criterion, and by chance: a criterion that does no better than
    random masks finds nothing here but how much of each layer to keep. All are trained alike with
    their zeros held, once; test accuracy right after pruning is that of an untrained network. A
    layer of which nothing stays lets nothing through (layer collapse).
    """

    name = "Untrained"
    title = "Pruned before training"
    cost = "job"
    paper = "Frankle et al. 2021, https://arxiv.org/abs/2009.08576"
    needs = frozenset({"training"})
    proof = (
        "tests/engine/sparsity/test_seeds.py"
        "::test_each_row_is_the_untrained_network_cut_and_trained_by_itself"
    )

    epochs: int = setting(10, Slider(1, 50, 1), "Epochs of training", "For all networks alike.")

    def __call__(self, case: PruneCase, progress: Progress = quiet) -> Result:
        """Views: networks, a row for each."""
        assert case.recipe is not None  # noqa: S101 - what `needs` promises
        untrained_case = PruneCase(
            fresh(case.data, case.recipe, case.seed), case.data, seed=case.seed
        )
        networks = self.networks()
        rows: dict[str, list[float]] = {}
        for at, (name, method) in enumerate(networks.items()):
            low, high = at / len(networks), (at + 1) / len(networks)
            result = answer(method, untrained_case, part_of(progress, low, high, lead=name))
            figures: Scores = result["figures"]
            before, after = figures["test accuracy right after pruning"], figures["test accuracy"]
            rows[name] = [before, after, float(result["layers"]["density"].min())]
            progress(high, f"{name}: trained", {"networks": table_of(rows)})
        return {"networks": table_of(rows)}

    def networks(self) -> dict[str, RetrainPruned]:
        """How each network is cut and trained, by its name; learned scores fit no other network."""
        settings = {spec.name: getattr(self, spec.name) for spec in fields(Pruning)}
        settings |= {"epochs": self.epochs, "rate": Recipe().rate}
        names = [
            criterion
            for criterion in dict.fromkeys((*CRITERIA, self.criterion))
            if criterion != Learned.title
        ]
        dense = RetrainPruned(ratio=0.0, epochs=self.epochs, rate=Recipe().rate)
        return {DENSE: dense} | {
            name: RetrainPruned(**settings | {"criterion": name}) for name in names
        }


def table_of(rows: Mapping[str, Sequence[float]]) -> Table:
    """A row for each network that is trained."""
    columns = dict(zip(COLUMNS, np.array(list(rows.values())).T, strict=True))
    return Table.of({name: (values, "share") for name, values in columns.items()}, tuple(rows))
