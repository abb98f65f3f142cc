"""Fair timing: the median of three after a warm-up, nothing kept is used, the same weights."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import torch

from engine.core.run import answer, kept_answer, recompute
from engine.unlearning import (
    SSD,
    BoardCase,
    FineTune,
    ForgetCase,
    Importance,
    NoOp,
    PruneFirst,
    Saliency,
    SalUn,
    Timing,
)
from engine.unlearning.protocol import timing
from engine.unlearning.protocol.metrics import evaluate_model
from engine.unlearning.salun.saliency import Saliency as Salient
from engine.unlearning.ways import clock, unlearner
from engine.unlearning.ways.unlearner import Unlearner
from tests import tiny


@pytest.fixture(scope="module")
def case():
    return tiny.forget_case()


def faked(seconds, drift=0.0):
    """A way whose runs say how long they took, and may end at other weights each time."""
    runs = iter(seconds)

    @dataclass(frozen=True)
    class Told(Unlearner):
        name = "Told"
        title = "Told"
        short = "Told"
        proof = "tests/engine/unlearning/test_timing.py::faked"

        def change(self, work):
            work.spent = next(runs)
            with torch.no_grad():
                next(work.model.parameters()).add_(drift * work.spent)

    return Told()


def test_the_median_of_three_is_stored_and_the_warm_up_is_not_counted(case):
    times = answer(Timing(), BoardCase(case, (faked([100.0, 5.0, 1.0, 3.0]),)))["times"]
    assert times.rows == ("Retrain", "Told")
    names = ("seconds", "seconds lowest", "seconds highest", "seconds warm-up", "same")
    assert [times.cell("Told", name) for name in names] == [3, 1, 5, 100, 1]
    again = kept_answer(Timing(), BoardCase(case, (faked([]),)))
    assert again["times"].cell("Told", "seconds") == 3


def test_the_machine_is_told_how_much_of_a_core_the_runs_had_and_a_gpu_beside_it(case, monkeypatch):
    machine = Timing()(BoardCase(case, (faked([1.0, 1.0, 1.0, 1.0]),)))["machine"]
    assert machine.rows[0]
    assert machine["cores"][0] >= 1
    assert 0 < machine["seconds with a core"][0] <= machine["seconds"][0]
    monkeypatch.setattr(timing, "name_of", lambda device: "Sold as" * (device.type == "cuda"))
    devices = map(torch.device, ("cpu", "cuda"))
    (cpu,), (gpu,) = (timing.machine(device, 1.0, 1.0).rows for device in devices)
    assert gpu == f"{cpu} with Sold as"


def test_five_rounds_count_five_runs_and_no_time_that_the_thread_had_before(case, monkeypatch):
    fake_method = faked([9.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    assert Timing(rounds=5)(BoardCase(case, (fake_method,)))["times"].cell("Told", "seconds") == 3
    times = iter([100.0, 100.25])
    monkeypatch.setattr(timing, "thread_time", lambda: next(times))
    monkeypatch.setattr(timing, "machine", lambda _device, seconds, had: (seconds, had))
    assert Timing()(BoardCase(case, (faked([1.0] * 4),)))["machine"][1] == 0.25


def test_the_clock_stands_still_for_evaluation_and_for_whoever_watches(case, monkeypatch):
    passed = [0.0]
    monkeypatch.setattr(clock, "perf_counter", lambda: passed[0])

    def spend(seconds):
        passed[0] += seconds

    class Slow(NoOp):
        def change(self, work):
            spend(2)
            work.show()

    def judge(model, asked):
        spend(100)
        return evaluate_model(model, asked)

    monkeypatch.setattr(unlearner, "evaluate_model", judge)
    result = Slow()(case, watch=lambda step, model: spend(10))
    assert result["run"]["seconds"][0] == 2
    assert passed[0] == 122


def test_every_run_ends_at_the_same_weights_and_another_is_told(case):
    ways = (FineTune(epochs=1), SalUn(epochs=1), SSD(), PruneFirst(epochs=1))
    times = answer(Timing(), BoardCase(case, ways))["times"]
    assert (times["same"] == 1).all()
    assert np.isfinite(times["seconds"]).all()
    assert not any(times.notes)
    drifting = Timing()(BoardCase(case, (faked([4.0, 1.0, 2.0, 3.0], 0.1),)))["times"]
    assert drifting.cell("Told", "same") == 0
    assert "did not all give the same weights" in drifting.notes[1]


def test_what_it_asks_in_turn_is_computed_anew_in_every_run_and_not_kept(case, monkeypatch):
    passes = []
    plain = Salient.__call__

    def counted(self, asked, progress=None):
        passes.append(asked)
        return plain(self, asked)

    method, part = SalUn(epochs=1), Saliency(SalUn().batch)
    answer(method, case)
    stored = kept_answer(part, case)
    monkeypatch.setattr(Salient, "__call__", counted)
    answer(method, case)
    assert not passes
    Timing()(BoardCase(case, (method,)))
    assert len(passes) == 4
    assert kept_answer(part, case).record == stored.record
    with recompute(lambda question: isinstance(question, ForgetCase)):
        assert not answer(Importance(), case).kept


def test_rows_appear_as_they_end(case):
    snapshots, ends, starts = [], [], []

    class Halfway(NoOp):
        def change(self, work):
            work.progress(0.0, "begun")

    def listen(done, words="", partial=None):
        if words.endswith(": begun"):
            starts.append(done)
        if words.endswith(": measured"):
            ends.append(done)
        if partial:
            snapshots.append(partial["times"].rows)

    Timing()(BoardCase(case, (Halfway(),)), listen)
    assert snapshots == [("Retrain",), ("Retrain", "NoOp")]
    quarters = np.arange(1, 5) / 4  # a warm-up and three runs of each
    assert ends == pytest.approx([*(0.495 * quarters), *(0.5 + 0.495 * quarters)])
    assert starts == pytest.approx([*(0.5 + 0.495 * (quarters - 0.25))])
    assert all(len(fewer) < len(other_fewer) for fewer, other_fewer in pairwise(snapshots))
