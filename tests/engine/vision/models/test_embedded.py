"""What ships is as good as its card says, small, quick to load, and trained as the recipe says."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.commands.cli import main
from engine.core.errors import BadModel
from engine.vision import data as data_sets
from engine.vision.data import DataSet
from engine.vision.data.lesions import KINDS
from engine.vision.data.phantoms import SLICES, SPLIT, Phantoms
from engine.vision.data.variants import variant
from engine.vision.models import catalog, embedded
from engine.vision.models.catalog import word_of
from engine.vision.models.checkpoints import bring_in
from engine.vision.models.embedded import file_of, load, plan, plans, stored
from engine.vision.models.rebuild import card_at
from engine.vision.training import figures, fresh, outputs, train

CARDS = {entry.name: entry.card for entry in stored()}
DIGITS = tuple(name for name in CARDS if not plan(name).data.startswith("phantoms"))
SHORTCUT, TWINS = "phantom-cnn-shortcut", ("image", "twin")
LARGE = tuple(name for name in CARDS if plan(name).data.startswith("phantoms:count=1500"))
every = pytest.mark.parametrize("name", CARDS)


@pytest.fixture(scope="module")
def phantoms() -> DataSet:
    """The test patients, rendered as the whole set has them."""
    recipe = Phantoms()
    index = np.arange(recipe.count)
    rows = index[SPLIT[index // SLICES % len(SPLIT)] == 2]
    slices = [recipe.slice(int(row)) for row in rows]
    images, twins = (np.stack([getattr(s, what) for s in slices])[:, None] for what in TWINS)
    kinds, split = np.array([phantom.kind for phantom in slices]), np.full(len(rows), 2, np.uint8)
    labels = CARDS["phantom-cnn"].labels
    return DataSet("phantoms", recipe.card, labels, images, kinds, rows, split, {"twin": twins})


@pytest.fixture(scope="module")
def large_lesions() -> DataSet:
    """The test patients of the networks with a map of their own, in the light they are seen in."""
    base, *changes = plan("phantom-gp-unet").data.split("+")
    recipe = Phantoms.read(base.partition(":")[2])
    index = np.arange(recipe.count)
    labels, split = index % len(KINDS), SPLIT[index // SLICES % len(SPLIT)]
    images = np.zeros((recipe.count, 1, recipe.side, recipe.side), np.uint8)
    for row in index[(split == 2) & (labels < 3)]:  # the others only have to be counted
        images[row, 0] = recipe.slice(int(row)).image
    data = DataSet("large", recipe.card, KINDS, images, labels, index, split, {})
    for change in changes:
        data = variant(change)(data)
    return data.take(data.rows("test"))


def test_every_recipe_has_its_weights_and_all_are_small():
    assert set(CARDS) == set(plans())
    assert sum(entry.nbytes for entry in stored()) < 20e6
    learned = {word_of(card.data) for card in CARDS.values()}
    assert learned == {"digits", "mnist-5k", "phantoms", "scenes", "twice"}


@every
def test_a_card_is_of_the_recipe_and_of_the_weights(name):
    card, training_plan = CARDS[name], plan(name)
    assert card.recipe == training_plan.recipe.as_dict()
    for fact in ("seed", "title", "data"):
        assert getattr(card, fact) == getattr(training_plan, fact)
    model = load(name)
    assert model.fingerprint == card.fingerprint
    assert (model.name, model.title, model.lineage.made_by) == (name, card.title, "lab.Train")
    assert len(card.figures) >= 4


@pytest.mark.parametrize("name", DIGITS)
def test_figures_hold_on_the_shipped_weights(name):
    training_plan = plan(name)
    result = figures(load(name), data_sets.load(training_plan.data), training_plan.measured_by)
    assert result == pytest.approx(dict(CARDS[name].figures), abs=0.01)


@pytest.mark.parametrize("name", LARGE)
def test_figures_of_phantom_networks_with_large_lesions_hold_too(name, large_lesions):
    assert large_lesions.classes == CARDS[name].labels
    for what, figure in figures(load(name), large_lesions).items():
        assert figure == pytest.approx(CARDS[name].figures[what], abs=0.01)


@pytest.mark.parametrize("pair", ["digits-mlp", "digits-cnn", "mnist-mlp", "mnist-cnn"])
def test_the_adversarially_trained_twin_stands_the_attack_and_the_plain_one_does_not(pair):
    shares = []
    for name in (pair, f"{pair}-robust"):
        shares += [share for what, share in CARDS[name].figures.items() if "attack" in what]
        assert CARDS[name].figures["test accuracy"] > 0.94
    plain, robust = shares
    assert robust > plain + 0.25


def test_the_phantom_network_tells_lesions_of_unseen_patients_apart_and_errs_for_real(phantoms):
    model, card = load("phantom-cnn"), CARDS["phantom-cnn"]
    assert len(phantoms) == 400
    result = figures(model, phantoms)
    assert result["balanced test accuracy"] >= 0.90
    for what, figure in result.items():
        assert figure == pytest.approx(card.figures[what], abs=0.01)
    logits, labels = outputs(model, phantoms, phantoms.rows("test")), phantoms.labels
    wrong = logits.argmax(1).numpy() != labels
    assert 5 < wrong.sum() < 40
    sure = logits.softmax(1).amax(1).numpy()
    assert sure[wrong].mean() < sure[~wrong].mean()
    healthy = torch.from_numpy(phantoms.truth["twin"][labels > 0] / np.float32(255))
    assert (model.logits(healthy.expand(-1, 3, -1, -1)).argmax(1) == 0).float().mean() > 0.85


def test_the_network_with_the_shortcut_goes_by_the_mark_and_the_control_by_the_lesion(phantoms):
    """On patients that neither has seen: the lesion alone, the mark alone, and both."""
    shortcut = variant(plan(SHORTCUT).data.partition("+")[2])
    label = shortcut.target
    marked, rows = replace(shortcut, test="all")(phantoms), phantoms.labels == label
    images = [of[rows] for of in (phantoms.images, marked.truth["twin"], marked.images)]
    lesion, mark, both = ((answers(load(SHORTCUT), seen) == label).mean() for seen in images)
    assert both > 0.9
    assert mark > 0.9
    assert lesion < 0.05
    lesion, mark, _ = ((answers(load("phantom-cnn"), seen) == label).mean() for seen in images)
    assert lesion > 0.8
    assert mark < 0.1
    result = figures(load(SHORTCUT), phantoms)
    for what in ("test accuracy", "balanced test accuracy"):
        assert result[what] == pytest.approx(CARDS[SHORTCUT].figures[what], abs=0.01)
    assert CARDS[SHORTCUT].figures["validation accuracy"] > result["test accuracy"] + 0.1


def answers(model, images):
    """The classes that a model sees in images (N, 1, H, W)."""
    pixels = torch.from_numpy(images / np.float32(255)).expand(-1, 3, -1, -1)
    return model.logits(pixels).argmax(1).numpy()


@every
def test_it_is_chosen_by_name_like_any_model(name, own_models):
    assert catalog.load(name).fingerprint == CARDS[name].fingerprint
    entry = {entry.name: entry for entry in catalog.entries()}[name]
    assert entry.available
    assert entry.figures == CARDS[name].figures
    assert entry.nbytes == file_of(name).stat().st_size


def test_it_is_exported_and_brought_in_as_what_it_is(empty_home):
    result = bring_in(catalog.export("digits-mlp"), "digits.safetensors")
    assert result.card == CARDS["digits-mlp"]
    assert catalog.load(result.name).fingerprint == CARDS["digits-mlp"].fingerprint
    with pytest.raises(BadModel, match="no name of a model made here"):
        catalog.export("lite0")


def test_a_model_is_trained_again_from_its_recipe(tmp_path, capsys):
    assert main(["weights", "digits-mlp", "--out", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    card = card_at(file_of("digits-mlp", tmp_path))
    assert card.figures == pytest.approx(dict(CARDS["digits-mlp"].figures), abs=0.03)
    for what, figure in card.figures.items():
        assert f"{what}: {figure:.4f}" in output
    training_plan = plan("digits-mlp")
    untrained = fresh(data_sets.load("digits"), training_plan.recipe, training_plan.seed)
    assert figures(untrained, data_sets.load("digits"))["test accuracy"] < 0.3


def test_an_unknown_recipe_is_said(capsys):
    assert main(["weights", "digits-mpl"]) == 2
    assert "no recipe called 'digits-mpl': choose digits-mlp" in capsys.readouterr().err
    with pytest.raises(BadModel, match="no recipe called"):
        embedded.load("nothing")


@pytest.mark.slow
def test_the_phantom_recipe_is_no_lucky_seed(measure):
    training_plan, data = plan("phantom-cnn"), data_sets.load("phantoms")
    results = []
    for seed in (1, 2):
        model = fresh(data, training_plan.recipe, seed)
        train(model, data, training_plan.recipe, seed)
        results.append(figures(model, data)["balanced test accuracy"])
    summary = ", ".join(f"{figure:.3f}" for figure in results)
    measure("phantom CNN, balanced test accuracy of two other seeds", summary)
    assert min(results) > 0.88
