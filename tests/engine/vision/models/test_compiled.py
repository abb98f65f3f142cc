"""A model is compiled once that pays, agrees with itself, and stays eager when anything is odd."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from engine.attribution.heatmaps.occlusion import Occlusion
from engine.core.borrow import holding
from engine.core.run import compute, without_words
from engine.core.tally import ForwardTally, counting
from engine.vision.models import compiled, compiling, pace, packages
from engine.vision.models.catalog import load
from engine.vision.models.compiled import COST, SAVED, Runner, can_compile
from engine.vision.models.compiling import CannotCompile
from engine.vision.models.pace import Pace
from tests import tiny

PACE = Pace(batch=4, channels_last=True, use="exact", seconds=0.01)
ENOUGH = int(COST / SAVED / PACE.seconds) + 1
COMPILER = os.environ.get("CXX")
real = pytest.mark.skipif(not can_compile(torch.device("cpu")), reason="no C++ compiler here")


@pytest.fixture(autouse=True)
def home(monkeypatch, empty_home):
    """A folder of packages for each test, and the compiler that other tests are without."""
    if COMPILER is None:
        monkeypatch.delenv("CXX")
    else:
        monkeypatch.setenv("CXX", COMPILER)
    return empty_home


@pytest.fixture
def runner(monkeypatch):
    """A runner for which compiling is instant: its package is the model itself, run as it is."""
    forward_runner = Runner(tiny.cnn(), PACE)
    monkeypatch.setattr(compiled, "can_compile", lambda device: True)
    monkeypatch.setattr(compiled, "compiled_apart", lambda body, pace: b"package")
    monkeypatch.setattr(packages, "open_package", lambda path: deepcopy(forward_runner.body))
    return forward_runner


def wait() -> None:
    for thread in threading.enumerate():
        if thread.name == "compiling":
            thread.join(30)


def test_it_compiles_after_as_many_forwards_as_would_have_paid_and_only_once(runner, monkeypatch):
    began, looked = [], []
    monkeypatch.setattr(Runner, "compile", lambda _self: began.append("now"))
    monkeypatch.setattr(Runner, "load", lambda _self: looked.append("on disk"))
    for _ in range(3):
        runner.expect(ENOUGH // 3 - 1)
    wait()
    assert not began
    runner.expect(10)
    runner.expect(ENOUGH)
    wait()
    assert began == ["now"]
    assert looked == ["on disk"]


def test_where_there_is_no_compiler_it_never_begins(runner, monkeypatch):
    looked = []
    monkeypatch.setattr(compiled, "can_compile", looked.append)
    for _ in range(3):
        runner.expect(10 * ENOUGH)
    wait()
    assert not runner.compiled
    assert len(looked) == 1  # not before each forward pass


def test_a_runner_told_to_stay_is_compiled_only_when_that_is_asked_for(runner):
    runner.stay()
    runner.expect(10 * ENOUGH)
    wait()
    assert not runner.compiled
    assert runner.compile()
    assert runner.compiled


def test_only_full_batches_run_compiled_and_are_counted(runner):
    runner.expect(ENOUGH)
    wait()
    assert runner.compiled
    side = runner.body.side
    with counting() as tally, torch.inference_mode():
        full, rest = torch.rand(4, 3, side, side), torch.rand(3, 3, side, side)
        assert torch.allclose(runner(full), runner.body(full), atol=1e-5)
        runner(rest)
        runner(torch.rand(4, 3, side + 8, side + 8))
    assert tally.compiled == 4
    (ran,) = tally.facts()["forwards"]
    assert ran.pop("compiled_share") == 0.3636  # 4 of 11
    assert ran == {"use": "exact", "images": 11, "batch": 4, "memory_format": "channels_last"}
    for compiled_images in ({}, {PACE: 1}):
        (ran,) = ForwardTally({PACE: 1}, compiled_images).facts()["forwards"]
        assert ran["compiled_share"] == len(compiled_images)
    assert runner.held_bytes == runner.body.own_bytes
    assert runner.distances(runner.body) == (pytest.approx(0, abs=1e-5), 0)  # of exact numbers


def test_a_model_whose_weights_were_changed_is_not_asked_as_it_was(runner):
    model = tiny.cnn()
    model._paces["exact"] = PACE
    assert model.runner("exact").compile()
    assert model.held_bytes == 2 * model.own_bytes
    pixels = torch.rand(4, 3, model.side, model.side)
    before, name = model.logits(pixels), model.fingerprint
    with torch.no_grad():
        model.head.bias.add_(1)
    model.changed()
    assert not model.runner("exact").compiled
    assert torch.allclose(model.logits(pixels), before + 1, atol=1e-5)
    assert model.fingerprint != name
    assert model.pace("exact") == PACE


def test_a_compiler_that_fails_or_computes_something_else_changes_nothing(runner, monkeypatch):
    def broken(body, pace):
        raise CannotCompile("no such header\nand much more")

    monkeypatch.setattr(packages, "open_package", lambda path: wrong(runner.body))
    assert not runner.compile()
    monkeypatch.setattr(compiled, "compiled_apart", broken)
    packages.delete_package(packages.name_of(runner.body, PACE))
    assert not runner.compile()
    assert not runner.compiled


def test_in_bfloat16_a_compiled_copy_may_differ_as_far_as_its_own_rounding(runner, monkeypatch):
    twin = tiny.cnn()._fast
    pace = replace(PACE, use="fast")
    for off, fine in ((0.002, True), (0.2, False)):
        monkeypatch.setattr(packages, "open_package", lambda path, off=off: lambda x: twin(x) + off)
        assert Runner(twin, pace).compile() == fine


def wrong(network: nn.Module):
    return lambda pixels: network(pixels) + 0.01


def test_a_package_is_there_at_once_after_a_restart_and_is_not_made_again(runner, monkeypatch):
    assert runner.compile()
    monkeypatch.setattr(compiled, "compiled_apart", lambda body, pace: pytest.fail("made again"))
    again = Runner(tiny.cnn(), PACE)
    again.expect(1)
    assert again.compiled
    wait()


def test_the_next_start_uses_a_package_though_its_batch_was_found_on_a_busy_machine(monkeypatch):
    first, again = tiny.cnn(), tiny.cnn()
    monkeypatch.setattr(pace, "calm", lambda: False)
    monkeypatch.setattr(compiled, "can_compile", lambda device: True)
    monkeypatch.setattr(compiled, "compiled_apart", lambda body, pace: b"package")
    monkeypatch.setattr(packages, "open_package", lambda path: tiny.cnn())
    assert first.runner("exact").compile()
    monkeypatch.setattr(pace.os, "getpid", lambda: -1)  # as another process
    monkeypatch.setattr(pace, "try_paces", lambda *_: pytest.fail("another batch is looked for"))
    assert again.runner("exact", 1).compiled
    assert again.pace("exact") == first.pace("exact")


def test_a_package_of_other_weights_batch_format_machine_or_torch_is_not_used(runner, monkeypatch):
    assert runner.compile()
    monkeypatch.setattr(compiled, "compiled_apart", lambda body, pace: pytest.fail("made again"))
    assert not Runner(tiny.cnn(seed=1), PACE).load()
    assert not Runner(tiny.cnn(), replace(PACE, batch=8)).load()
    assert not Runner(tiny.cnn(), replace(PACE, channels_last=False)).load()
    others = (packages, "machine", lambda: "another"), (torch, "__version__", "9")
    for module, name, value in others:
        with monkeypatch.context() as patch:
            patch.setattr(module, name, value)
            assert not Runner(tiny.cnn(), PACE).load()
    assert Runner(tiny.cnn(), PACE).load()


def test_only_whole_packages_of_a_folder_of_ones_own_are_loaded(runner):
    assert runner.compile()
    name = packages.name_of(runner.body, PACE)
    path = packages.folder() / f"{name}.pt2"
    if hasattr(os, "getuid"):
        path.parent.chmod(0o777)
        assert packages.load(name) is None
        path.parent.chmod(0o700)
    assert packages.load(name) is not None
    path.write_bytes(b"code of somebody else")
    assert packages.load(name) is None
    assert not path.exists()


def test_packages_are_bounded_and_the_one_read_longest_ago_goes_first(home, monkeypatch):
    monkeypatch.setattr(packages, "DISK_BYTES", 250)
    for number, name in enumerate("abc"):
        packages.keep(name, bytes(100))
        os.utime(packages.folder() / f"{name}.pt2", (number, number))
    packages.keep("d", bytes(100))
    names = sorted(path.name for path in packages.folder().iterdir())
    assert names == ["c.pt2", "c.sum", "d.pt2", "d.sum"]


def test_a_borrowed_model_and_a_new_runner_do_not_wait_for_each_other(runner):
    assert runner.compile()
    again, begun = Runner(runner.body, PACE), threading.Event()

    def expect() -> None:
        begun.set()
        again.expect(1)

    with holding(runner.body):
        other = threading.Thread(target=expect)
        other.start()
        assert begun.wait(10)
        time.sleep(0.05)
        again.expect(1)  # the other one is waiting for the model
    other.join(10)
    assert not other.is_alive()


@real
@pytest.mark.slow
def test_a_really_compiled_model_gives_the_same_map_and_nothing_here_is_patched(monkeypatch):
    model = load("digits-cnn").twin()
    case = tiny.ImageCase(model, tiny.image(model.side), tiny.Target(1))
    method = Occlusion()
    plain = method(case)["map"]
    model._paces["exact"] = replace(model.pace("exact"), batch=4)
    model._runners.clear()
    call, errors, done = nn.Module.__call__, [], threading.Event()
    monkeypatch.setattr(torch.export, "export", lambda *_: errors.append("exported here"))

    def beside() -> None:  # forward passes elsewhere while it is compiled
        while not done.is_set():
            try:
                model.logits(torch.rand(2, 3, model.side, model.side))
                assert nn.Module.__call__ is call
            except Exception as error:  # noqa: BLE001 - it is what the test looks for
                errors.append(repr(error))
            time.sleep(0.005)

    other = threading.Thread(target=beside)
    other.start()
    try:
        assert model.runner("exact").compile()
    finally:
        done.set()
        other.join()
    assert errors == []
    answer = compute("compiled-occlusion", method, case, lambda *report: None)
    assert answer.record["compiled_forwards"] > 0
    assert abs(answer["map"].values - plain.values).max() < 1e-5
    (ran,) = [forward for forward in answer.record["forwards"] if forward["use"] == "exact"]
    assert (ran["batch"], ran["memory_format"]) in {(4, "channels_last"), (4, "contiguous")}
    assert 0 < ran["compiled_share"] <= 1
    assert json.dumps(without_words(answer.record))


def test_only_a_network_with_a_name_is_compiled_where_a_compiler_is(tmp_path, monkeypatch):
    with pytest.raises(CannotCompile, match="has no name here"):
        compiling.compiled_apart(tiny.cnn(), PACE)
    monkeypatch.setenv("CXX", sys.executable)  # any program that is there
    assert can_compile(torch.device("cpu"))
    assert not can_compile(torch.device("meta"))


def test_a_missing_compiler_costs_nothing_but_speed(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    model = load("digits-cnn").twin()
    assert not can_compile(torch.device("cpu"))
    assert not Runner(model, replace(PACE, batch=2)).compile()
    assert model.logits(torch.rand(2, 3, 8, 8)).shape == (2, 10)


@real
@pytest.mark.slow
def test_a_compiler_that_fails_in_the_other_process_costs_nothing_but_speed(monkeypatch, caplog):
    monkeypatch.setenv("CXX", "false")
    model = load("digits-cnn").twin()
    with caplog.at_level("INFO"):
        assert not Runner(model, replace(PACE, batch=2)).compile()
    assert "stays as it is: " in caplog.text
    assert not [*packages.folder().iterdir()]
    assert model.logits(torch.rand(2, 3, 8, 8)).shape == (2, 10)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups here")
def test_what_compiles_ends_with_the_process_that_asked_for_it(tmp_path, monkeypatch):
    program = [sys.executable, "-c", PARENT, str(tmp_path)]
    parent = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    os.kill(child, 0)  # it is there
    parent.kill()
    parent.wait()
    for _ in range(200):
        if not alive(child):
            return
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    pytest.fail("it goes on without the one that asked")


PARENT = """
import subprocess, sys, threading, time
child = subprocess.Popen(
    [sys.executable, "-c", "import threading, time, engine.vision.models.compiling as c; "
     "threading.Thread(target=c.end_with_parent).start(); "
     "print('up', flush=True); time.sleep(600)"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    try:  # ended, and nobody has asked how
        facts = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
        return facts.rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
