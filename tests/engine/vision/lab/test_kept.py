"""A finished training becomes a model, whoever still looks."""

import threading

import pytest

from engine.core import run
from engine.vision.data import load
from engine.vision.lab import Train, TrainCase, keep, keep_when_done, under_way
from engine.vision.models import checkpoints
from engine.vision.training import Recipe, Unfinished


@pytest.fixture
def case(empty_home):
    return TrainCase(load("digits"), Recipe(architecture="mlp", epochs=1), seed=4711)


def kept_by(job):
    keep_when_done(job)
    keep_when_done(job)
    mine = [thread for thread in threading.enumerate() if thread.name == "keep a model"]
    assert all(thread.daemon for thread in mine)  # the app can be closed meanwhile
    job.wait(60)
    for keeper in mine:
        keeper.join(60)
    return mine


def test_a_model_is_kept_when_its_training_is_over_and_nobody_waits(case):
    job = run.ask(Train(), case, "somebody")
    job.leave("somebody")
    assert len(kept_by(job)) <= 1
    (entry,) = checkpoints.visible_models()
    assert keep(job.value()).name == entry.name
    assert entry.card.data == "digits"


def test_a_training_that_is_stopped_leaves_no_model(case):
    slow = TrainCase(case.data, Recipe(architecture="mlp", epochs=200), seed=4712)
    job = run.ask(Train(), slow, "somebody")
    unfinished = Unfinished(f"{slow.fingerprint}-1", 0.1, slow.facts())
    assert under_way(unfinished)
    job.stop("somebody")
    kept_by(job)
    assert checkpoints.visible_models() == ()
    assert not under_way(unfinished)
