"""Small networks trained together, against the same trainings one by one and a bare PyTorch loop.

Also what datamodels and KLoM wait for, within its budget: 200 networks of 600 steps, twenty at a
time, and KLoM itself. MLPs have one thread; LeNets are passed in halves, on two threads, while the
loops that they are compared with have one, as `train` has it. The bare loop has its images ready in
memory, keeps no curves and can neither be interrupted nor resumed; it is what a script would do.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.table import BenchmarkRow
from benchmarks.timing import paired, within
from engine.evaluation.forgetting.klom import BINS, GAUSSIAN, klom
from engine.vision import data as data_sets
from engine.vision.models.classifier import Classifier
from engine.vision.models.threads import one_thread
from engine.vision.training import Recipe, fresh, train, train_stacked

NETWORKS = 20
MANY, STEPS, BATCH = 200, 600, 64
BUDGETS = {"mlp": 60.0, "lenet": 300.0}  # seconds
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
    models, train_rows = begun(recipe), DIGITS.rows("train")
    pixels, targets = DIGITS.pixels(), DIGITS.targets()
    for seed, model in enumerate(models):
        model.train().requires_grad_(requires_grad=True)
        optimizer = torch.optim.SGD(model.parameters(), recipe.rate, recipe.momentum)
        for epoch in range(recipe.epochs):
            order = np.random.default_rng([seed, epoch]).permutation(train_rows)
            for part in np.array_split(order, -(-len(train_rows) // recipe.batch)):
                optimizer.zero_grad()
                F.cross_entropy(model(pixels[part]), targets[part]).backward()
                optimizer.step()
        model.eval().requires_grad_(requires_grad=False)
    return models


def many(recipe: Recipe) -> None:
    """As many networks as a datamodel may have, a part of them at a time."""
    for first in range(0, MANY, NETWORKS):
        seeds = range(first, first + NETWORKS)
        models = [fresh(DIGITS, recipe, seed) for seed in seeds]
        train_stacked(models, DIGITS, recipe, seeds)


def within_budgets(rounds: int) -> Iterator[BenchmarkRow]:
    """Seconds of all networks, once, and of KLoM."""
    steps_per_epoch = -(-len(DIGITS.rows("train")) // BATCH)
    for architecture, budget in BUDGETS.items():
        recipe = Recipe(architecture, epochs=round(STEPS / steps_per_epoch), batch=BATCH, rate=0.05)
        name = f"{MANY} × {architecture} on digits, {STEPS} steps, stacked"
        yield within(name, lambda r=recipe: many(r), budget, 1)
    margins = [np.random.default_rng(seed).normal(size=(100, 900)) for seed in (0, 1)]
    for form in (GAUSSIAN, BINS):
        name = f"KLoM of 900 images and 100 models, {form}"
        yield within(name, lambda f=form: klom(*margins, f), 1.0, rounds)


def furthest(recipe: Recipe) -> str:
    """How far the weights of both ways differ."""
    pairs = zip(together(recipe), one_by_one(recipe), strict=True)
    difference = max(
        (a - b).abs().max().item()
        for network, other in pairs
        for a, b in zip(network.parameters(), other.parameters(), strict=True)
    )
    return f"weights differ by {difference:.0e} at most"


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """MLPs and LeNets on the digits."""
    yield from within_budgets(rounds)
    with one_thread():
        for architecture, (trainer, script) in GOALS.items():
            recipe = Recipe(architecture, epochs=2, batch=64, rate=0.05, schedule="constant")
            name, note = f"{NETWORKS} × {architecture} on digits, stacked", furthest(recipe)
            yield paired(
                name,
                lambda r=recipe: together(r),
                lambda r=recipe: one_by_one(r),
                "train() one by one",
                trainer,
                rounds,
                note,
            )
            yield paired(
                name,
                lambda r=recipe: together(r),
                lambda r=recipe: bare(r),
                "a bare PyTorch loop",
                script,
                rounds,
            )
