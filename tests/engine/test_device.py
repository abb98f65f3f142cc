"""What a device has room for."""

import torch

from engine.device import memory_budget


def test_a_batch_may_take_two_gibibytes_on_a_cpu():
    assert memory_budget(torch.device("cpu")) == 2 * 1024**3
