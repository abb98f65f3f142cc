"""A model is compiled once that pays, agrees with itself, and stays eager when anything is odd."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
import torch
from torch import nn

from engine.attribution.occlusion import Occlusion
from engine.models import compiled
from engine.models.borrow import holding
from engine.models.compiled import COST, SAVED, Runner, can_compile, counting
from engine.models.pace import Pace
from engine.run import compute
from tests import tiny

PACE = Pace(batch=4, channels_last=True, use="exact", seconds=0.01)
ENOUGH = int(COST / SAVED / PACE.seconds) + 1


@pytest.fixture
def runner(monkeypatch):
    """A runner for which compiling is instant: the copy itself, run as it is."""
    monkeypatch.setattr(compiled, "can_compile", lambda device: True)
    monkeypatch.setattr(compiled, "ahead_of_time", lambda network, example: network)
    return Runner(tiny.cnn(), PACE)


def wait(runner: Runner) -> None:
    for thread in threading.enumerate():
        if thread.name == "compiling":
            thread.join(30)


def test_it_compiles_after_as_many_forwards_as_would_have_paid_and_only_once(runner, monkeypatch):
    began = []
    monkeypatch.setattr(Runner, "compile", lambda _self: began.append("now"))
    for _ in range(3):
        runner.expect(ENOUGH // 3 - 1)
    wait(runner)
    assert not began
    runner.expect(10)
    runner.expect(ENOUGH)
    wait(runner)
    assert began == ["now"]


def test_where_there_is_no_compiler_it_never_begins(runner, monkeypatch):
    monkeypatch.setattr(compiled, "can_compile", lambda device: False)
    runner.expect(10 * ENOUGH)
    wait(runner)
    assert not runner.compiled


def test_a_runner_told_to_stay_is_compiled_only_when_that_is_asked_for(runner):
    runner.stay()
    runner.expect(10 * ENOUGH)
    wait(runner)
    assert not runner.compiled
    assert runner.compile()
    assert runner.compiled


def test_only_full_batches_run_compiled_and_are_counted(runner):
    runner.expect(ENOUGH)
    wait(runner)
    assert runner.compiled
    side = runner.body.side
    with counting() as tally, torch.inference_mode():
        full, rest = torch.rand(4, 3, side, side), torch.rand(3, 3, side, side)
        assert torch.allclose(runner(full), runner.body(full), atol=1e-5)
        runner(rest)
    assert tally.compiled == 4
    assert runner.held_bytes == runner.body.own_bytes


def test_a_compiler_that_fails_or_computes_something_else_changes_nothing(monkeypatch):
    def broken(network, example):
        raise RuntimeError("no such header\nand much more")

    failing = Runner(tiny.cnn(), PACE)
    monkeypatch.setattr(compiled, "ahead_of_time", broken)
    assert not failing.compile()
    monkeypatch.setattr(compiled, "ahead_of_time", lambda network, example: wrong(network))
    assert not failing.compile()
    assert not failing.compiled


def test_in_bfloat16_a_compiled_copy_may_differ_as_far_as_its_own_rounding(monkeypatch):
    twin = tiny.cnn()._fast
    pace = replace(PACE, use="fast")
    for off, fine in ((0.002, True), (0.2, False)):
        monkeypatch.setattr(
            compiled, "ahead_of_time", lambda network, example, off=off: lambda x: network(x) + off
        )
        assert Runner(twin, pace).compile() == fine


def wrong(network: nn.Module):
    return lambda pixels: network(pixels) + 0.01


def test_hooks_of_whoever_has_borrowed_the_model_are_not_compiled_in(runner):
    seen = []
    handle = runner.body.network.register_forward_hook(lambda *given: seen.append(given))
    assert runner.compile()
    handle.remove()
    with torch.inference_mode():
        runner(torch.rand(4, 3, runner.body.side, runner.body.side))
    assert not seen


@pytest.mark.skipif(not can_compile(torch.device("cpu")), reason="no C++ compiler here")
def test_a_really_compiled_model_gives_the_same_map_and_the_record_says_so():
    case = tiny.cnn_case()
    method = Occlusion()
    plain = method(case)["map"]
    model = case.model
    model._paces["exact"] = replace(model.pace("exact"), batch=4)
    model._runners.clear()
    done = threading.Event()

    def beside() -> None:  # the model is in use while it is compiled
        while not done.is_set():
            with holding(model), torch.inference_mode():
                model(torch.rand(2, 3, model.side, model.side))
            time.sleep(0.01)

    other = threading.Thread(target=beside)
    other.start()
    try:
        assert model.runner("exact").compile()
    finally:
        done.set()
        other.join()
    answer = compute("compiled-occlusion", method, case, lambda *given: None)
    assert answer.record["compiled_forwards"] > 0
    assert abs(answer["map"].values - plain.values).max() < 1e-5
