"""Training as a question like any other: asked, killed, gone on with, kept."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.core.errors import BadModel, BadSetting, BlindspotError, DoesNotFit
from engine.core.run import answer, ask, digest, kept_answer
from engine.evaluation.maps.gradient import Gradient
from engine.vision import data as data_sets
from engine.vision.lab import Train, TrainCase, again
from engine.vision.models import checkpoints
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import Pgd, Recipe, figures, fresh, outputs, pgd, train
from engine.vision.training.state import unfinished
from tests import tiny
from tests.engine.vision.training.test_loop import same, striped

ROOT = Path(__file__).parents[4]
MOVED = {"shift": 1, "mirror": True, "epsilon": 0.1, "attack_steps": 1}
RECIPE = Recipe("resnet8", epochs=3, batch=32, rate=0.02, **MOVED)
FEW = "digits+classes:count=3"

CHILD = """
import json, sys, time
from engine.vision.lab import Train, TrainCase
from engine.vision import data
from engine.vision.training import Recipe, loop
loop.KEEP_SECONDS = loop.REPORT_SECONDS = 0.0
def told(done, words="", partial=None):
    print(f"{done:.4f}", flush=True)
    if done > 0.45:  # in the middle of the second of three epochs
        time.sleep(600)
Train()(TrainCase(data.load(sys.argv[2]), Recipe.from_dict(json.loads(sys.argv[1])), 3), told)
"""


pytestmark = pytest.mark.usefixtures("own_store")


@pytest.fixture(scope="module")
def data():
    return striped()


def case_of(data, seed=0, **given):
    return TrainCase(data, Recipe("mlp", epochs=4, batch=8, **given), seed)


def child(home):
    environment = os.environ | {"BLINDSPOT_HOME": str(home), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, json.dumps(RECIPE.as_dict()), FEW],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
    )


def test_a_killed_training_goes_on_to_the_same_bits(empty_home, reporting):
    first = child(empty_home)
    for line in first.stdout:
        if float(line) > 0.45:
            break
    first.send_signal(signal.SIGKILL)
    assert first.wait(20) == -signal.SIGKILL
    (left,) = unfinished()
    assert left.done > 0.4
    data = data_sets.load(FEW)
    assert again(left.note).fingerprint == TrainCase(data, RECIPE, 3).fingerprint
    shares = []
    resumed = Train()(TrainCase(data, RECIPE, 3), lambda done, *_: shares.append(done))
    assert shares[0] > 0.4
    assert unfinished() == ()
    whole = fresh(data, RECIPE, 3)
    log = train(whole, data, RECIPE, 3)
    assert same(rebuilt(resumed["model"]), whole)
    assert resumed["log"].train_loss.tolist() == log.train_loss.tolist()


def test_it_is_answered_once_and_its_model_is_as_good_as_its_figures_say(data):
    case = case_of(data)
    result = answer(Train(), case)
    assert not result.kept
    assert answer(Train(), case).kept
    model = rebuilt(result["model"])
    by_label = dict(zip(result["figures"].labels, result["figures"].values, strict=True))
    assert by_label == pytest.approx(figures(model, data), abs=1e-6)
    for split in ("train", "validation", "test"):
        rows = data.rows(split)
        right = (model.logits(data.pixels(rows)).argmax(1) == data.targets(rows)).numpy()
        assert by_label[f"{split} accuracy"] == pytest.approx(right.mean(), abs=1e-4)
    labels = data.labels[rows]
    of_classes = [right[labels == label].mean() for label in np.unique(labels)]
    assert by_label["balanced test accuracy"] == pytest.approx(np.mean(of_classes), abs=1e-4)
    assert model.labels == data.classes
    assert json.loads(result["model"].card)["recipe"] == case.recipe.as_dict()
    stored = checkpoints.keep(result["model"])
    loaded = checkpoints.load(stored.name)
    assert loaded.fingerprint == model.fingerprint == stored.card.fingerprint
    rows = data.rows("test")
    assert np.array_equal(outputs(loaded, data, rows), outputs(model, data, rows))


@pytest.mark.parametrize(("count", "passes"), [(0, 1), (10, 1), (11, 2), (20, 2), (23, 3)])
def test_images_are_passed_some_at_a_time_and_the_mode_is_put_back(
    data, monkeypatch, count, passes
):
    monkeypatch.setattr(sys.modules[figures.__module__], "LOOK", 10)
    model = fresh(data, Recipe("resnet8", epochs=1), 0)
    rows, sizes, reports = data.rows("train")[:count], [], []
    expected = model.eval()(data.pixels(rows)).detach()
    model.train().network.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    result = outputs(model, data, rows, lambda *report: reports.append(report))
    assert torch.allclose(result, expected, atol=1e-5)
    assert model.training
    assert sum(sizes) == count
    assert max(sizes) <= 10
    shares = [(at + 1) / passes for at in range(passes)]
    assert reports == [(share, "looking at images") for share in shares]
    outputs(model.eval(), data, rows)
    assert not model.training


@pytest.mark.parametrize("epsilon", [0.0, 0.1])
def test_the_figures_are_under_an_attack_of_the_recipe_s_reach(data, monkeypatch, epsilon):
    """An eighth of it in each of 20 steps; at most as many test images as are attacked."""
    attacks = []
    module = sys.modules[Train.__module__]
    monkeypatch.setattr(
        module, "figures", lambda *given: attacks.append(given[2]) or figures(*given)
    )
    monkeypatch.setattr(sys.modules[figures.__module__], "ATTACKED", 4)
    result = Train()(TrainCase(data, Recipe("mlp", epochs=1, epsilon=epsilon, attack_steps=1)))
    assert attacks == ([Pgd(0.1, 20, 0.0125)] if epsilon else [None])
    by_label = dict(zip(result["figures"].labels, result["figures"].values, strict=True))
    assert ("test accuracy under attack, ε = 0.1" in by_label) == bool(epsilon)
    if epsilon:
        model, rows = rebuilt(result["model"]), data.some("test", 4)
        images, targets = data.pixels(rows)[:, :1], data.targets(rows)
        attacked = pgd(model, images, targets, attacks[0], torch.Generator().manual_seed(0))
        right = model.logits(attacked.expand(-1, 3, -1, -1)).argmax(1) == targets
        share = by_label["test accuracy under attack, ε = 0.1"]
        assert share == pytest.approx(right.float().mean().item(), abs=1e-4)


def test_a_wider_network_is_another_question_and_is_kept_and_loaded_as_it_is(data):
    usual = TrainCase(data, Recipe("mlp", epochs=1))
    wide = TrainCase(data, Recipe("mlp", epochs=1, width=2.0))
    assert wide.fingerprint != usual.fingerprint
    result = answer(Train(), wide)
    card = json.loads(result["model"].card)
    assert card["width"] == card["recipe"]["width"] == 2.0
    assert card["title"].endswith("MLP × 2")
    loaded = checkpoints.load(checkpoints.keep(result["model"]).name)
    assert loaded.head.in_features == 2 * fresh(data, usual.recipe).head.in_features
    assert same(loaded, rebuilt(result["model"]))
    assert "width" not in json.loads(answer(Train(), usual)["model"].card)
    with pytest.raises(BadSetting, match="Width cannot be 5"):
        Recipe(width=5.0)


def test_progress_hands_over_the_curves(data):
    reports = []
    Train()(case_of(data), lambda *report: reports.append(report))
    learned = [report for report in reports if len(report) > 2 and report[2]]
    shares, words, partial = zip(*learned, strict=True)
    assert shares == pytest.approx([0.97 * epoch / 4 for epoch in (1, 2, 3, 4)])
    assert words == tuple(f"epoch {epoch} of 4" for epoch in (2, 3, 4, 4))  # the one that begins
    assert [part["log"].done for part in partial] == [1, 2, 3, 4]
    assert reports[-1] == (1.0, "measured")


def test_a_cancelled_training_is_no_answer_and_goes_on_when_asked_again(data, interrupted):
    case = case_of(data)
    whole = Train()(case)["model"].digest
    interrupted(Train(), case, beyond=0.5)
    assert kept_answer(Train(), case) is None
    assert len(unfinished()) == 1
    assert answer(Train(), case)["model"].digest == whole
    assert unfinished() == ()


def test_a_case_is_named_by_data_recipe_and_seed(data):
    others = (case_of(data, 1), case_of(data, rate=0.1), case_of(striped(seed=1)))
    names = {digest(Train(), case) for case in (case_of(data), *others)}
    assert len(names) == 4
    assert digest(Train(), case_of(data)) in names
    facts = case_of(data, 2).facts()
    assert (facts["kind"], facts["seed"], facts["data"]) == ("train", 2, "stripes")
    recipe = Recipe("mlp", epochs=4, batch=8).as_dict()
    assert (facts["recipe"], facts["alike"]) == (recipe, f"stripes|{json.dumps(recipe)}")
    assert "regime" not in facts
    assert json.dumps(facts)


def test_what_cannot_be_trained_is_said_before_it_starts(data):
    for arguments, error, words in (
        ((data, Recipe(), -1), BlindspotError, "A seed is a whole number"),
        ((data.take(data.rows("test")), Recipe()), BlindspotError, "has no images to train on"),
        ((striped(side=13), Recipe("vit")), BadModel, "side of 13 pixels cannot be parted"),
        ((tiny.columns(8, ("a",)), Recipe("mlp")), BlindspotError, "has one class"),
    ):
        with pytest.raises(error, match=words):
            TrainCase(*arguments)
    assert TrainCase(tiny.columns(8, ("a", "b")), Recipe("mlp"), 0).fingerprint
    with pytest.raises(DoesNotFit, match="needs a data set and a recipe"):
        answer(Train(), tiny.cnn_case())


def test_an_unfinished_training_that_cannot_be_gone_on_with_says_so(data):
    facts = TrainCase(data_sets.load("digits"), RECIPE).facts()
    assert again(facts).recipe == RECIPE
    for other, words in (
        (facts | {"data_fingerprint": "other"}, "is not what this training began with"),
        ({}, "begin it anew"),
        (case_of(data).facts(), "no data set called"),
    ):
        with pytest.raises(BlindspotError, match=words):
            again(other)


def test_live_questions_are_answered_while_it_trains_and_change_no_bit(reporting):
    case = TrainCase(data_sets.load(FEW), Recipe("resnet8", epochs=15, shift=1))
    whole = Train()(case)["model"].digest
    job = ask(Train(), case, "ann")
    while job.done == 0:
        time.sleep(0.01)
    for target in range(3):
        answer(Gradient(), tiny.cnn_case(target=target), visitor="ben")
    assert not job.finished
    assert job.value()["model"].digest == whole
