"""A hook may move masks from step to step, and an interruption changes none of it."""

import pytest
import torch

from engine.vision.training import Recorder
from engine.vision.training.hooks import HookWithMemory
from tests.engine.vision.training.test_loop import same, trained

NAME, SHAPE = "fc1.weight", (128, 64)
STEPS = 12


class Turning:
    """Masks every third weight, and another third after each step."""

    def __init__(self):
        self.steps = torch.zeros(1)
        self.mask = torch.zeros(SHAPE)
        self.turn()

    def turn(self):
        self.mask.copy_((torch.arange(self.mask.numel()).view(SHAPE) + int(self.steps)) % 3 > 0)

    def __call__(self, model, rate):
        self.steps += 1
        self.turn()

    def memory(self):
        return {"steps": self.steps}

    def recall(self, memory):
        self.steps.copy_(memory["steps"])
        self.turn()


def turned(data, hook, **given):
    return trained(data, masks={NAME: hook.mask}, after_step=hook, **given)[0]


def test_a_mask_that_is_changed_in_place_is_followed_and_carried_at_the_end(data):
    hook, recorder = Turning(), Recorder((0, 1, STEPS))
    model = turned(data, hook, recorder=recorder)
    for step, weights in recorder.weights.items():
        is_kept = (torch.arange(hook.mask.numel()).view(SHAPE) + step) % 3 > 0
        assert not weights[NAME][~is_kept].any()
        assert (weights[NAME][is_kept] != 0).all()
    assert not model.network.get_parameter(NAME)[hook.mask == 0].any()
    packed = torch.from_numpy(model.masks[NAME]).flatten()
    assert sum(int(byte).bit_count() for byte in packed) == int(hook.mask.sum())


@pytest.mark.parametrize("calls", [1, 4, 8])
def test_an_interruption_changes_no_bit_of_what_a_hook_does(data, calls, tmp_path, interrupted):
    whole, keep = turned(data, Turning()), tmp_path / "state.safetensors"
    interrupted(turned, data, Turning(), keep=keep, calls=calls)
    again = Turning()
    assert isinstance(again, HookWithMemory)
    assert same(turned(data, again, keep=keep), whole)
    assert again.steps == STEPS
