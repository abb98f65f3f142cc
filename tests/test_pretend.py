"""Every method computes on a device that refuses what a GPU refuses.

Where it mixes devices, reads a GPU's numbers without bringing them to the CPU, draws with the CPU's
generator there, or needs a number type that MPS lacks, it fails here as it would there. Whether the
numbers of a real GPU are alike is what `test_gpu.py` asks. The device cannot be taken off again, so
it has a process of its own.
"""

import subprocess
import sys

import pytest

from engine.anomaly.protocol.pixel_bank import PixelBanks
from engine.commands.families import INTERNAL_METHODS, METHODS
from engine.evaluation.kept_experiment import Condition

COMPUTED = """
import sys

import torch

from engine.commands.families import INTERNAL_METHODS, METHODS
from tests import paces, pretend, tiny
from tests.answers import once, settled

torch.set_num_threads(1)
paces.pace.try_paces = paces.fixed_pace
with pretend.computing((torch.float64,) if "float64" in sys.argv else ()):
    for kind in (*METHODS, *INTERNAL_METHODS):
        if kind.full_name() in sys.argv:
            case = settled(tiny.case_for(kind))
            assert once(kind)(case)
            print(kind.full_name(), case.lane)
"""
FEW = (
    "attribution.GradCam", "attribution.Rise", "attribution.LST", "attribution.Lrp",
    "unlearning.SSD", "unlearning.Samples", "hallucination.Beam", "hallucination.VASparse",
    "hallucination.Relevancy", "hallucination.POPE", "anomaly.Mahalanobis", "anomaly.TLC",
    "sparsity.SynFlow", "lab.Train",
)  # fmt: skip
"""A few of every kind: walks, masks, drawing, speaking, training, float64."""
PARTS = {PixelBanks, Condition}  # of other answers
EVERY = [kind.full_name() for kind in (*METHODS, *INTERNAL_METHODS) if kind not in PARTS]


REFUSED = """
import torch
from pytest import raises

from tests import pretend

own = pretend.device()
there, here = torch.ones(2, 3, device=own), torch.ones(2, 3)
for mixed in (
    lambda: there + here, lambda: here @ there.T, lambda: torch.cat([there, here]),
    lambda: torch.where(here > 0, there, 0.0), lambda: there.masked_fill(here > 0, 0.0),
    lambda: here[there[0].long()], lambda: here + there.sum(), lambda: there.copy_(here).numpy(),
    lambda: torch.rand(2, device=own, generator=torch.Generator()),
):
    with raises((RuntimeError, TypeError)):
        mixed()
assert float((there + torch.tensor(1.0)).sum()) == 12  # a number may come from the CPU,
assert there[torch.tensor([1])].device == there[[1]].device == own  # and so may an index
assert torch.rand(2, generator=pretend.Generators(own), device=own).device == own
here[:] = there  # and what is copied
assert there.cpu().numpy().sum() == 6
watched = there.clone().requires_grad_()
(watched * watched).sum().backward()
assert watched.grad.tolist() == [[2.0] * 3] * 2
with pretend.computing((torch.float64,)), raises(pretend.Refused):
    there.double()
"""


def ran(code, *words, seconds=100):
    options = {"capture_output": True, "text": True, "timeout": seconds}
    ended = subprocess.run([sys.executable, "-c", code, *words], check=False, **options)
    assert ended.returncode == 0, ended.stderr[-6000:]
    return ended.stdout


@pytest.mark.usefixtures("empty_home")  # which keeps no part that the CPU has computed
def test_the_device_refuses_what_a_gpu_refuses_and_methods_of_every_kind_compute_on_it():
    pairs = [line.split() for line in ran(COMPUTED + REFUSED, "float64", *FEW).splitlines()]
    assert {name for name, _ in pairs} == {*FEW}
    assert {lane for _, lane in pairs} == {"pretend:0"}


@pytest.mark.slow
@pytest.mark.usefixtures("empty_home")
@pytest.mark.parametrize("lacking", ["", "float64"])
def test_every_method_computes_on_one_device(lacking):
    lines = ran(COMPUTED, lacking, *EVERY, seconds=3000).splitlines()
    assert [line.split()[0] for line in lines] == EVERY
