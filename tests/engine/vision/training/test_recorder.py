"""What is kept on the way is what was there, and an interruption changes none of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.core.errors import BlindspotError
from engine.vision.training import Recorder, fresh, loop
from tests.engine.vision.training.test_loop import EVERYTHING, RECIPE, same, trained
from tests.engine.vision.training.test_objective import by_hand

STEPS = 12  # three epochs of four batches


def weights_of(model):
    return {name: tensor.clone() for name, tensor in model.network.state_dict().items()}


def equal(weights, other):
    return weights.keys() == other.keys() and all(torch.equal(weights[k], other[k]) for k in other)


def followed(data, recipe=RECIPE, **given):
    """The model, and its weights before the first step and after each."""
    met = [weights_of(fresh(data, recipe, 0))]
    hook = {"after_step": lambda model, _rate: met.append(weights_of(model))}
    return trained(data, recipe, **given, **hook)[0], met


@pytest.mark.parametrize("recipe", [RECIPE, EVERYTHING], ids=["plain", "everything"])
def test_snapshots_are_the_weights_after_their_steps(data, recipe):
    recorder = Recorder((0, 5, STEPS))
    model, met = followed(data, recipe, recorder=recorder)
    assert sorted(recorder.weights) == [0, 5, STEPS]
    for step, weights in recorder.weights.items():
        assert equal(weights, met[step])
    assert equal(recorder.weights[STEPS], weights_of(model))
    assert same(model, trained(data, recipe)[0])
    again = fresh(data, recipe, 7)
    again.network.load_state_dict(recorder.weights[5])
    assert equal(weights_of(again), met[5])


def test_snapshots_of_a_masked_network_have_its_zeros(data):
    mask = torch.arange(128 * 64).view(128, 64) % 3 == 0
    recorder = Recorder((0, 3), decay=0.5)
    model, _ = trained(data, masks={"fc1.weight": mask}, recorder=recorder)
    for weights in (*recorder.weights.values(), weights_of(recorder.average)):
        assert set(weights) == set(model.network.state_dict())
        assert (weights["fc1.weight"][~mask] == 0).all()
        assert (weights["fc1.weight"][mask] != 0).any()
    assert recorder.average.masks.keys() == model.masks.keys()


@pytest.mark.parametrize("recipe", [RECIPE, EVERYTHING], ids=["plain", "everything"])
def test_the_average_is_the_exponential_one_of_all_steps_with_the_last_buffers(data, recipe):
    recorder = Recorder(decay=0.8)
    model, met = followed(data, recipe, recorder=recorder)
    parts = [0.8**STEPS] + [0.2 * 0.8 ** (STEPS - step) for step in range(1, STEPS + 1)]
    buffers = {name for name, _ in model.network.named_buffers()}
    for name, result in recorder.average.network.state_dict().items():
        if name in buffers:
            assert torch.equal(result, model.network.state_dict()[name])
        else:
            expected = sum(part * state[name] for part, state in zip(parts, met, strict=True))
            assert torch.allclose(result, expected, atol=1e-6), name
    assert not recorder.average.training
    assert same(model, trained(data, recipe)[0])


def test_an_objective_sees_the_average_of_the_steps_before_it(data):
    def noting(model, batch):
        if model.training:
            averages.append(weights_of(batch.average))
        return by_hand(model, batch)

    averages = []
    _, met = followed(data, recorder=Recorder(decay=0.5), objective=noting)
    assert equal(averages[0], met[0])
    name = "fc1.weight"
    expected = 0.25 * met[0][name] + 0.25 * met[1][name] + 0.5 * met[2][name]
    assert torch.allclose(averages[2][name], expected, atol=1e-6)
    without = []
    trained(data, objective=lambda m, b: without.append(b.average) or by_hand(m, b))
    assert set(without) == {None}


def test_the_curve_is_of_the_loss_before_each_step(data):
    def noting(model, batch):
        losses = by_hand(model, batch)
        if model.training:
            noted.append(losses.mean().item())
        return losses

    noted, recorder = [], Recorder()
    _, log = trained(data, recorder=recorder, objective=noting)
    curve = recorder.curve()
    np.testing.assert_array_equal(curve.x, np.arange(1, STEPS + 1))
    np.testing.assert_allclose(curve.y, noted, rtol=1e-6)
    sizes = [7, 7, 7, 6]  # 27 images in four parts
    np.testing.assert_allclose(np.average(curve.y[4:8], weights=sizes), log.train_loss[1], 1e-5)


def test_a_second_training_begins_with_nothing(data):
    recorder = Recorder((2,), decay=0.5)
    trained(data, recorder=recorder)
    first = recorder.weights[2]
    trained(data, seed=1, recorder=recorder)
    assert len(recorder.losses) == STEPS
    assert not equal(first, recorder.weights[2])


@pytest.mark.parametrize("recipe", [RECIPE, EVERYTHING], ids=["plain", "everything"])
@pytest.mark.parametrize("calls", [1, 4, 8])
def test_an_interruption_changes_no_bit_of_it(data, recipe, calls, tmp_path, interrupted):
    whole = Recorder((0, 2, 7), decay=0.9)
    trained(data, recipe, recorder=whole)
    keep, begun = tmp_path / "state.safetensors", Recorder((0, 2, 7), decay=0.9)
    interrupted(trained, data, recipe, keep=keep, recorder=begun, calls=calls)
    again = Recorder((0, 2, 7), decay=0.9)
    trained(data, recipe, keep=keep, recorder=again)
    assert again.losses == whole.losses
    assert sorted(again.weights) == [0, 2, 7]
    assert all(equal(again.weights[step], whole.weights[step]) for step in whole.weights)
    assert equal(weights_of(again.average), weights_of(whole.average))


def test_what_is_kept_is_part_of_the_question(data, tmp_path, interrupted):
    interrupted(trained, data, keep=tmp_path / "state", beyond=0.5)
    trained(data, keep=tmp_path / "state", recorder=(recorder := Recorder((2,))))
    assert len(recorder.losses) == STEPS
    assert list(recorder.weights) == [2]


def test_a_state_from_before_there_was_a_recorder_is_gone_on_with(
    data, tmp_path, monkeypatch, interrupted
):
    def older(path, place, tensors):
        write(path, place, {k: t for k, t in tensors.items() if not k.startswith("recorder/")})

    write = loop.write_state
    monkeypatch.setattr(loop, "write_state", older)
    keep = tmp_path / "state.safetensors"
    interrupted(trained, data, keep=keep, beyond=0.5)
    assert same(trained(data, keep=keep)[0], trained(data)[0])


def test_a_decay_that_is_none_is_said():
    for decay in (-0.1, 1.0):
        with pytest.raises(BlindspotError, match="from 0 to below 1"):
            Recorder(decay=decay)


@pytest.mark.parametrize("step", [-1, STEPS + 1])
def test_a_step_that_is_none_of_the_training_is_said(data, step):
    with pytest.raises(BlindspotError, match=f"steps 0 to 12 of this training, not {step}"):
        trained(data, replace(RECIPE, decay=0.0), recorder=Recorder((step,)))
