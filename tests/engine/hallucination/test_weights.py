"""The files that ship: read, damaged, and made again."""

import pytest
import torch
from safetensors.torch import load_file

from engine.errors import BadModel
from engine.hallucination import BEAF, CHAIR, POPE, Greedy, ScenesCase
from engine.hallucination.tiny_vlm import bands
from engine.hallucination.tiny_vlm.parts import fresh
from engine.hallucination.tiny_vlm.training import TrainingPlan, quick
from engine.hallucination.tiny_vlm.weights import (
    HABIT,
    HONEST,
    LONG,
    LONG_PLAN,
    MIXTURE,
    SEEING,
    TITLES,
    card,
    file_of,
    load,
    names,
    read,
    retrain,
    retrain_long,
    retrain_mixture,
    write_model,
)


def test_all_five_ship_and_differ_and_say_their_plan():
    assert names() == (HABIT, HONEST, SEEING, MIXTURE, LONG)
    assert len({load(name).fingerprint for name in names()}) == 5
    eyes = [load(name).parts.encoder.state_dict() for name in names()]
    for name, tensor in eyes[0].items():
        assert all(torch.equal(tensor, other[name]) for other in eyes[1:])
    assert card(HABIT)["plan"]["seed"] == 3
    assert card(HABIT)["plan"]["together"] == 0.9


def test_a_file_that_is_no_model_is_refused(tmp_path, monkeypatch):
    with pytest.raises(BadModel, match=HONEST):
        load("huge-vlm")
    path = tmp_path / "tiny-vlm-habit.safetensors"
    path.write_bytes(file_of(HABIT).read_bytes()[:1000])
    with pytest.raises(BadModel, match="cannot be read"):
        read(path, HABIT)
    monkeypatch.setattr(bands, "figures", lambda _vlm: {})
    parts = fresh(0)
    parts.experts = 3
    weights_file = write_model(parts, HABIT, tmp_path, TrainingPlan())
    with pytest.raises(BadModel, match="3 experts"):
        read(weights_file.path, HABIT)


def test_retraining_writes_all_files_with_their_figures(tmp_path, monkeypatch):
    monkeypatch.setattr(bands, "figures", lambda _vlm: {"recall": 0.5})
    shares = []
    weight_files = retrain(
        tmp_path, quick(TrainingPlan()), lambda done, _words="", _partial=None: shares.append(done)
    )
    assert [trained.title for trained in weight_files] == [
        TITLES[kind] for kind in (HABIT, HONEST, SEEING)
    ]
    assert all(trained.figures == {"recall": 0.5} for trained in weight_files)
    assert shares == sorted(shares)
    assert read(weight_files[0].path, HABIT).fingerprint != load(HABIT).fingerprint


def test_the_mixture_is_made_of_the_honest_model_and_says_how_many_experts_it_has(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(bands, "figures", lambda _vlm: {"recall": 0.5})
    weights_file = retrain_mixture(tmp_path, quick(TrainingPlan()))
    model = read(weights_file.path, MIXTURE)
    assert (weights_file.title, model.spec.experts) == (TITLES[MIXTURE], 8)
    eyes = load(HONEST).parts.encoder.state_dict()
    for name, tensor in model.parts.encoder.state_dict().items():
        assert torch.equal(tensor, eyes[name]), name
    assert weights_file.path.stat().st_size <= 4_000_000


def test_the_long_winded_model_is_made_of_the_one_with_the_habit_and_may_say_twice_as_much(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(bands, "figures", lambda _vlm: {"recall": 0.5})
    weights_file = retrain_long(tmp_path, quick(LONG_PLAN))
    model = read(weights_file.path, LONG)
    assert (weights_file.title, model.spec.wordy) == (TITLES[LONG], 2)
    eyes = load(HABIT).parts.encoder.state_dict()
    for name, tensor in model.parts.encoder.state_dict().items():
        assert torch.equal(tensor, eyes[name]), name
    assert weights_file.path.stat().st_size <= 4_000_000
    assert [load(name).spec.wordy for name in names() if name != LONG] == [1] * 4


def test_the_long_winded_model_is_asked_by_the_protocols_and_describes_at_length():
    case = ScenesCase(load(LONG), Greedy(), 20, "biased")
    rates = CHAIR()(case)["rates"]
    assert 40 <= rates["words"][0] <= 80
    assert rates["recall"][0] >= 0.6
    for method in (POPE(), BEAF()):
        assert not method.unmet(case)
        assert method.finding(case, method(case))


def test_what_is_written_is_what_was_measured_in_half_as_many_bits(tmp_path, monkeypatch):
    measured = []
    monkeypatch.setattr(bands, "figures", lambda vlm: measured.append(vlm.fingerprint) or {})
    parts = fresh(1)
    exact = {name: tensor.clone() for name, tensor in parts.state_dict().items()}
    weights_file = write_model(parts, HABIT, tmp_path / "new", TrainingPlan())
    assert measured == [read(weights_file.path, HABIT).fingerprint]
    file = load_file(weights_file.path)
    for name, tensor in exact.items():
        if tensor.is_floating_point():
            assert torch.equal(file[name], tensor.half())
        else:  # how many batches a norm has seen
            assert file[name].dtype == torch.int64
            assert torch.equal(file[name], tensor)
