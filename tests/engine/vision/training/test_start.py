"""A training that starts later goes on where the whole one was, with a new optimizer."""

from dataclasses import replace

import numpy as np
import pytest

from engine.core.errors import BlindspotError
from engine.vision.training import Recorder, fresh, train
from tests.engine.vision.training.test_loop import EVERYTHING, RECIPE, same

MEMORYLESS = replace(EVERYTHING, optimizer="SGD", momentum=0.0, rate=0.05)
STEPS = 12  # three epochs of four batches


def from_step(data, recipe, start, **given):
    """A training from the weights that the whole one has after so many steps."""
    recorder = Recorder((start,))
    whole = fresh(data, recipe, 0)
    train(whole, data, recipe, recorder=recorder)
    model = fresh(data, recipe, 5)
    model.network.load_state_dict(recorder.weights[start])
    return model, train(model, data, recipe, start=start, **given), whole


@pytest.mark.parametrize("start", [0, 4, 5, STEPS - 1])
def test_without_momentum_it_ends_at_the_weights_of_the_whole_training(data, start):
    model, _, whole = from_step(data, MEMORYLESS, start)
    assert same(model, whole)


def test_the_optimizer_remembers_nothing_of_the_steps_before(data):
    last = STEPS - 1
    model, _, whole = from_step(data, RECIPE, last)
    other = fresh(data, RECIPE, 0)
    recorder = Recorder((last,))
    train(other, data, RECIPE, recorder=recorder)
    other.network.load_state_dict(recorder.weights[last])
    train(other, data, replace(RECIPE, momentum=0.0), start=last)
    assert same(model, other)
    assert not same(model, whole)


def test_its_curves_are_of_the_images_it_was_shown(data):
    recorder = Recorder()
    _, log, _ = from_step(data, RECIPE, 5, recorder=recorder)
    assert (log.done, log.epochs) == (2, 2)
    curve = recorder.curve()
    np.testing.assert_array_equal(curve.x, np.arange(6, STEPS + 1))
    np.testing.assert_allclose(np.average(curve.y[:3], weights=[7, 7, 6]), log.train_loss[0], 1e-5)
    assert log.shown.sum() == 20 + 27
    assert (log.train_accuracy <= 1).all()


@pytest.mark.parametrize("calls", [1, 4])
def test_an_interruption_changes_no_bit_of_it(data, calls, tmp_path, interrupted):
    whole, full, _ = from_step(data, RECIPE, 5)
    keep = tmp_path / "state.safetensors"
    reports = interrupted(from_step, data, RECIPE, 5, keep=keep, calls=calls)
    assert reports[0] == pytest.approx(6 / STEPS)
    again, log, _ = from_step(data, RECIPE, 5, keep=keep)
    assert same(whole, again)
    np.testing.assert_array_equal(log.train_loss, full.train_loss)
    np.testing.assert_array_equal(log.shown, full.shown)


def test_where_it_starts_is_part_of_the_question(data, tmp_path, interrupted):
    keep, steps = tmp_path / "state.safetensors", []
    interrupted(train, fresh(data, RECIPE), data, RECIPE, start=5, keep=keep)
    hook = {"after_step": lambda _model, rate: steps.append(rate)}
    train(fresh(data, RECIPE), data, RECIPE, start=4, keep=keep, **hook)
    assert len(steps) == STEPS - 4


def test_a_start_that_is_no_step_is_said(data):
    for start in (-1, STEPS):
        with pytest.raises(BlindspotError, match=f"has 12 steps: it cannot start after {start}"):
            train(fresh(data, RECIPE), data, RECIPE, start=start)
    with pytest.raises(BlindspotError, match="steps 5 to 12 of this training, not 3"):
        train(fresh(data, RECIPE), data, RECIPE, start=5, recorder=Recorder((3,)))
