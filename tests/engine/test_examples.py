"""The core carries a method that trains, one that shows partial results, and one on a pair."""

from __future__ import annotations

import threading
from dataclasses import fields

import numpy as np
import pytest
import torch

from engine import run
from engine.case import PairCase
from engine.errors import BadSetting, BlindspotError, Cancelled
from engine.keeping.store import Store
from engine.lane import lane
from engine.run import answer, ask, digest, kept_answer
from tests import tiny
from tests.engine.examples import METHODS, Rows, Train, Walk
from tests.test_contract import assert_unchanged, state

every = pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.full_name())


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch):
    """A store in which nothing is known yet."""
    store = Store(tmp_path / "answers")
    monkeypatch.setattr(run, "store", lambda: store)
    return store


def pair() -> PairCase:
    return PairCase(tiny.cnn_case(), (tiny.image(seed=2), tiny.image(seed=3)))


def case_for(kind):
    return pair() if kind is Walk else tiny.cnn_case()


@every
def test_each_keeps_the_contract(kind):
    case = case_for(kind)
    before, reports = state(case.model), []
    method = kind()
    first = method(case, lambda done, words="", partial=None: reports.append((done, words)))
    second = method(case)
    assert_unchanged(before, case.model)
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)
    assert reports[-1][0] == pytest.approx(1.0)
    assert all(words for _, words in reports)
    for name, view in first.items():
        for field, array in view.arrays().items():
            assert np.array_equal(array, second[name].arrays()[field])
    for spec in fields(kind):
        with pytest.raises(BadSetting, match=spec.metadata["label"]):
            kind(**{spec.name: "no such thing"})
    assert len(kind.about()) > 80


@every
def test_each_is_asked_answered_kept_and_found_after_a_restart(kind, own_store, monkeypatch):
    case = case_for(kind)
    first_result = ask(kind(), case, "ann").value()
    assert not first_result.kept
    again = answer(kind(), case)
    assert again.kept
    monkeypatch.setattr(run, "store", lambda: Store(own_store.folder))
    result = kept_answer(kind(), case_for(kind))
    assert result is not None
    assert result.record["method"] == kind.full_name()
    assert result.record["case"]["kind"] == ("pair" if kind is Walk else "image")
    for name, view in first_result.items():
        assert result[name].facts() == view.facts()
        for field, array in view.arrays().items():
            assert np.array_equal(array, result[name].arrays()[field])


@every
def test_each_can_be_cancelled_and_leaves_nothing_behind(kind):
    case = case_for(kind)
    before = state(case.model)

    def stop(_done, _words="", partial=None):
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        kind()(case, stop)
    assert_unchanged(before, case.model)
    assert kept_answer(kind(), case) is None


def test_training_lowers_the_loss_and_gives_a_checkpoint():
    case = tiny.cnn_case()
    result = answer(Train(steps=12, rate=0.2), case)
    loss, model = result["loss"].y, result["model"]
    assert loss.shape == (12,)
    assert loss[-1] < loss[0] - 0.3
    assert model.parent == case.model.fingerprint
    assert model.made_by == "example.Train"
    network = tiny.cnn()
    network.network.load_state_dict({k: torch.tensor(v) for k, v in model.weights.items()})
    assert network.fingerprint != case.model.fingerprint
    shift = network.logits(case.image[None]) - case.model.logits(case.image[None])
    assert shift[0].argmax() == case.target.index


class Paused(Rows):
    """Rows that waits after the first few, until it may go on."""

    name = "Paused"

    def __call__(self, case, progress=lambda *_: None):
        def watched(done, words="", partial=None):
            progress(done, words, partial)
            if done > 0.2:
                paused.set()
                while not go.wait(0.005):
                    progress(done, words)

        return super().__call__(case, watched)


paused, go = threading.Event(), threading.Event()


def test_a_partial_result_is_seen_and_never_is_the_answer(own_store):
    paused.clear()
    go.clear()
    case = tiny.cnn_case()
    job = ask(Paused(), case, "ann")
    assert paused.wait(20)
    part = job.partial["map"].values
    assert 0 < np.isfinite(part).all(axis=1).sum() < 32
    assert kept_answer(Paused(), case) is None
    assert own_store.get(digest(Paused(), case)) is None
    go.set()
    whole = job.value()["map"].values
    np.testing.assert_array_equal(whole, case.image.mean(0).numpy())


def test_a_partial_result_stays_partial_after_a_cancel():
    paused.clear()
    go.clear()
    case = tiny.cnn_case()
    job = ask(Paused(), case, "ann")
    assert paused.wait(20)
    job.leave("ann")
    with pytest.raises(Cancelled):
        job.value()
    assert job.partial is not None
    assert kept_answer(Paused(), case) is None
    go.set()
    again = answer(Paused(), case)
    assert not again.kept
    assert np.isfinite(again["map"].values).all()
    assert lane("cpu").submit("after", lambda _progress: 4, "live").value() == 4


def test_a_walk_begins_at_the_source_and_ends_at_the_other():
    case = pair()
    walks = answer(Walk(steps=4), case)
    assert list(walks) == ["walk_0", "walk_1"]
    frames = walks["walk_1"].frames
    assert frames.shape == (4, 3, 32, 32)
    np.testing.assert_allclose(frames[0], case.source.image.numpy(), atol=1e-6)
    np.testing.assert_allclose(frames[-1], case.others[1].numpy(), atol=1e-6)
    scores = case.source.score(torch.stack([case.source.image, case.others[1]]))
    np.testing.assert_allclose(walks["walk_1"].values[[0, -1]], scores.numpy(), atol=1e-5)


def test_a_pair_is_named_by_all_its_images_and_their_order():
    first, second = tiny.image(seed=2), tiny.image(seed=3)
    source = tiny.cnn_case()
    names = {
        PairCase(source, others).fingerprint
        for others in [(first, second), (second, first), (first,), (first, first)]
    }
    assert len(names | {source.fingerprint}) == 5
    assert PairCase(tiny.cnn_case(target=1), (first,)).fingerprint not in names
    assert pair().fingerprint == PairCase(source, (first, second)).fingerprint
    with pytest.raises(BlindspotError, match="at least one"):
        PairCase(source, ())
    with pytest.raises(BlindspotError, match=r"differ in size.*16"):
        PairCase(source, (tiny.image(16),))
