"""The digits CNN, trained from its recipe with several seeds."""

from __future__ import annotations

from engine import data as data_sets
from engine.models import embedded
from engine.sparsity import PruneCase
from engine.training import fresh, train


def of_seeds(count: int) -> list[PruneCase]:
    """A case for each seed from 0 on."""
    plan, data = embedded.plan("digits-cnn"), data_sets.load("digits")
    results = []
    for seed in range(count):
        model = fresh(data, plan.recipe, seed)
        train(model, data, plan.recipe, seed)
        results.append(PruneCase(model, data, seed))
    return results
