"""Small networks trained together, against the same trainings one by one and a bare PyTorch loop.

All in one thread. The bare loop has its images ready in memory, keeps no curves and can neither be
interrupted nor resumed; it is what a script would do.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.timing import Ratio, paired
from engine import data as data_sets
from engine.models.classifier import Classifier
from engine.models.threads import one_thread
from engine.training import Recipe, fresh, train, train_stacked

NETWORKS = 20
GOALS = {"mlp": (2.5, 2.0), "lenet": (1.5, 1.3)}  # against train(), against the bare loop
DIGITS = data_sets.load("digits")


def begun(recipe: Recipe) -> list[Classifier]:
    """Networks with first weights of their own."""
    return [fresh(DIGITS, recipe, seed) for seed in range(NETWORKS)]


def together(recipe: Recipe) -> list[Classifier]:
    """All at once."""
    models = begun(recipe)
    train_stacked(models, DIGITS, recipe, range(NETWORKS))
    return models


def one_by_one(recipe: Recipe) -> list[Classifier]:
    """Each by the trainer."""
    models = begun(recipe)
    for seed, model in enumerate(models):
        train(model, DIGITS, recipe, seed)
    return models


def bare(recipe: Recipe) -> list[Classifier]:
    """Each in a plain PyTorch loop, without curves."""
    models, rows = begun(recipe), DIGITS.rows("train")
    pixels, targets = DIGITS.pixels(), DIGITS.targets()
    for seed, model in enumerate(models):
        model.train().requires_grad_(requires_grad=True)
        optimizer = torch.optim.SGD(model.parameters(), recipe.rate, recipe.momentum)
        for epoch in range(recipe.epochs):
            order = np.random.default_rng([seed, epoch]).permutation(rows)
            for part in np.array_split(order, -(-len(rows) // recipe.batch)):
                optimizer.zero_grad()
                F.cross_entropy(model(pixels[part]), targets[part]).backward()
                optimizer.step()
        model.eval().requires_grad_(requires_grad=False)
    return models


def furthest(recipe: Recipe) -> str:
    """How far the weights of both ways differ."""
    pairs = zip(together(recipe), one_by_one(recipe), strict=True)
    apart = max(
        (a - b).abs().max().item()
        for one, other in pairs
        for a, b in zip(one.parameters(), other.parameters(), strict=True)
    )
    return f"weights differ by {apart:.0e} at most"


def rows(rounds: int) -> Iterator[Ratio]:
    """MLPs and LeNets on the digits."""
    with one_thread():
        for architecture, (trainer, script) in GOALS.items():
            recipe = Recipe(architecture, epochs=2, batch=64, rate=0.05, schedule="constant")
            name, note = f"{NETWORKS} × {architecture} on digits, stacked", furthest(recipe)
            yield paired(
                name, lambda r=recipe: together(r), lambda r=recipe: one_by_one(r),
                "train() one by one", trainer, rounds, note,
            )  # fmt: skip
            yield paired(
                name, lambda r=recipe: together(r), lambda r=recipe: bare(r),
                "a bare PyTorch loop", script, rounds,
            )  # fmt: skip
