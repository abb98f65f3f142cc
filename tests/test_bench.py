"""`make bench`: rows are judged, told or marked as noisy; exponents are found; it is recorded."""

import inspect
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import __main__ as bench
from benchmarks import first_visits, growth, lab, machine, rerun, smoothing, timing
from benchmarks.first_visits import FirstVisit
from benchmarks.growth import Growing, fit
from benchmarks.machine import CpuSpent, MachineState
from benchmarks.rerun import RerunCost
from benchmarks.table import HEAD, BenchmarkRow, number
from components.views import HEATMAPS
from engine.attribution.adasmooth.claims import ALPHAS, ATTACKED, CLEAN
from engine.attribution.adasmooth.experiment import AdaptiveSmoothing
from engine.core.errors import BlindspotError
from engine.core.process import SPINS
from engine.evaluation.experiment import ExperimentCase
from engine.vision import data as data_sets

SIZES = (10, 20, 40, 80)


def test_a_number_has_two_digits_or_more():
    texts = {0.98: "0.98", 15.72: "15.7", 1234.5: "1,234", 0.00123: "0.0012", -2.5: "-2.50", 0: "0"}
    assert {value: number(value) for value in texts} == texts


@pytest.mark.parametrize(
    ("values", "goal", "verdict"),
    [
        ((1.3, 1.34, 2.1), {"least": 1.15}, "holds"),  # apart, but all beyond the goal
        ((0.3, 0.5, 0.9), {"least": 1.15}, "**not here**"),
        ((1.0, 1.2, 1.5), {"least": 1.15}, "noisy: 42% apart"),
        ((1.14, 1.16, 1.18), {"least": 1.15}, "holds"),  # together, about the goal
        ((1.12, 1.14, 1.16), {"least": 1.15}, "**not here**"),
        ((90.0, 120.0), {"most": 150}, "holds"),
        ((177.0, 268.0, 586.0), {"most": 200}, "noisy: 153% apart"),
        ((-0.3, 0.1, 0.4), {"least": -0.2, "most": 0.2}, "noisy: 700% apart"),
        ((1.0,), {"most": 2}, "holds"),  # one run, far from the goal
        ((1.95,), {"most": 2}, "noisy: one run"),
        ((3.0,), {"most": 2}, "**not here**"),
        ((1.0, 5.0), {}, ""),
        ((0.0, 0.0, 2.0), {"most": 0}, "noisy: 0–2.00"),  # the median is no figure to divide by
        ((0.0, 0.0, 0.0), {"most": 0}, "holds"),
    ],
)
def test_a_row_is_judged_only_where_its_rounds_agree(values, goal, verdict):
    assert BenchmarkRow.of("x", values, "s", **goal).verdict == verdict


def test_an_exact_figure_at_its_goal_holds_and_just_beyond_it_does_not():
    assert BenchmarkRow.exact("x", 400, "", most=400).verdict == "holds"
    assert BenchmarkRow.exact("x", 401, "", most=400).verdict == "**not here**"


def test_every_row_has_the_columns_of_the_head():
    rows = [
        BenchmarkRow.of("a | b", [1.0, 1.5], least=1.2, note="c | d"),
        BenchmarkRow.exact("bytes", 0.7, "MB", most=1),
        BenchmarkRow.not_measured("peer", "it is\nnot installed"),
    ]
    for row in rows:
        assert row.row().replace("\\|", "").count("|") == HEAD.splitlines()[0].count("|")
    noisy = "| a \\| b | **1.25×**; c \\| d | 1.00–1.50 | ≥ 1.20× | noisy: 40% apart |"
    assert rows[0].row() == noisy
    assert rows[1].row() == "| bytes | **0.70 MB** | exact | ≤ 1.00 MB | holds |"
    assert rows[2].row() == "| peer | it is not installed |  |  | not measured |"


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (BenchmarkRow.of("x", [3.0, 3.1], "s", most=2), "noisy: others took 40%"),
        (BenchmarkRow.of("x", [1.0, 1.1], "s", most=2), "holds"),  # in spite of them
        (BenchmarkRow.of("x", [1.0, 1.1], least=2), "**not here**"),  # both sides were slowed down
        (BenchmarkRow.exact("x", 3, "MB", most=2), "**not here**"),
    ],
)
def test_a_budget_that_is_missed_beside_other_work_is_not_judged(row, verdict):
    assert replace(row, others=0.4).verdict == verdict
    alone = verdict.replace("noisy: others took 40%", "**not here**")
    assert replace(row, others=0.05).verdict == alone


def test_what_others_take_is_all_cores_less_our_own(monkeypatch):
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 2)
    before, after = CpuSpent(0.0, 100.0, 50.0), CpuSpent(10.0, 118.0, 60.0)
    assert after.others(before) == pytest.approx(8 / 20)
    assert before.others(before) == 0


def test_our_own_work_is_not_that_of_others():
    before = machine.spent()
    while (now := machine.spent()).own - before.own < 0.2:
        pass
    assert now.everybody - before.everybody > 0.1  # the system counts in hundredths
    assert now.clock > before.clock


def test_threads_wait_as_in_the_app_because_that_is_settled_before_torch_is_there():
    look = "import sys, os, benchmarks; print('torch' in sys.modules, os.environ['GOMP_SPINCOUNT'])"
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    output = subprocess.check_output([sys.executable, "-c", look], env=environment, text=True)
    assert output.split() == ["False", SPINS]


def test_a_ratio_is_theirs_by_ours_pair_by_pair(monkeypatch):
    monkeypatch.setattr(timing, "timed", lambda work: work())
    ours, theirs = iter([9.0, 1.0, 2.0, 4.0]), iter([9.0, 2.0, 6.0, 4.0])
    row = timing.paired("ours", lambda: next(ours), lambda: next(theirs), "theirs", 1, 3, "note")
    assert (row.value, row.low, row.high) == (2.0, 1.0, 3.0)  # the first of each is not counted
    assert row.note == "ours took 2.00 s; note"


def test_a_budget_is_in_the_unit_that_is_shown(monkeypatch):
    monkeypatch.setattr(timing, "timed", lambda work: work())
    row = timing.within("wait", lambda: 0.12, 100, 3, unit="ms")
    assert (row.value, row.verdict) == (120.0, "**not here**")


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
def test_a_power_law_gives_its_exponent_however_fast_each_round_is(exponent):
    pace = np.array([[1.0], [3.0], [0.2]])  # of the rounds
    assert np.allclose(fit(SIZES, pace * np.asarray(SIZES, float) ** exponent), exponent, atol=1e-9)


def test_the_interval_holds_the_exponent_as_often_as_it_says():
    noise = np.exp(np.random.default_rng(0).normal(0, 0.1, (1000, 3, len(SIZES))))
    results = [fit(SIZES, np.asarray(SIZES) ** 1.5 * factor) for factor in noise]
    share = np.mean([low <= 1.5 <= high for _, low, high in results])
    assert 0.93 < share < 0.97  # 0.95 with a standard error of 0.007


def test_two_sizes_leave_no_interval():
    with pytest.raises(BlindspotError, match="three different sizes"):
        fit((10, 20, 20), np.ones((2, 3)))


@pytest.mark.parametrize(("order", "verdict"), [(2, "holds"), (1, "**not here**")])
def test_growth_is_measured_up_and_down_in_turn_and_held_against_its_order(
    order, verdict, monkeypatch
):
    monkeypatch.setattr(growth, "timed", lambda work: work())
    sizes_timed = []

    def made(size):
        return lambda: sizes_timed.append(size) or size**2 * 0.001

    row = growth.measured(Growing("work", "size", SIZES, order), made, 2)
    assert sizes_timed == [10, *SIZES, *reversed(SIZES)]
    assert (round(row.value, 9), row.verdict) == (2.0, verdict)
    assert "0.10 s at 10, 6.40 s at 80" in row.note


def test_all_that_grows_is_there():
    axes = [work.axis for work, _ in growth.WORKS] + [growth.VISITORS.axis]
    assert axes == ["side", "steps", "regions", "images", "visitors"]


def test_a_machine_says_what_it_is_and_how_fast(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor : 0\nmodel name\t: Fast Chip 9\n")
    assert machine.processor(tmp_path / "cpuinfo") == "Fast Chip 9"
    assert machine.processor(tmp_path / "none")
    assert " cores (" in machine.described()
    now = machine.state()
    assert min(*now.products, *now.copies) > 0
    assert now.row("now").count("|") == machine.HEAD.splitlines()[0].count("|")


@pytest.mark.parametrize("name", sorted(bench.PARTS))
def test_each_part_takes_the_number_of_rounds(name):
    assert inspect.signature(bench.PARTS[name]).bind(7).arguments == {"rounds": 7}


def test_each_round_moves_lambda_to_another_place(monkeypatch):
    moved, mirror = [], lab.mirror

    def seen(*given):
        moved.append((mirror(*given), *given[1:]))
        return moved[-1][0]

    monkeypatch.setattr(lab, "mirror", seen)
    (row,) = lab.regularized(2)
    assert (row.rounds, row.unit, row.most) == (8, "ms", 100)
    assert 0 < row.low <= row.value <= row.high
    assert [place for *_, place in moved] == list(range(8))
    assert len({mirrored.change for mirrored, *_ in moved}) == 8  # each mirror image is another one


def some(_rounds):
    yield BenchmarkRow.of("a", [2.0, 2.1], least=1)


def broken(_rounds):
    yield BenchmarkRow.of("b", [1.0, 1.0])
    raise RuntimeError("no browser")


@pytest.fixture
def bench_run(monkeypatch, tmp_path, capsys):
    """Runs the command with three small parts; gives what it printed and the page."""
    page = tmp_path / "measured.md"
    page.write_text("# Measured\n\nold\n")
    states = iter([MachineState(0.5, (80.0,), (9.0,)), MachineState(3.5, (40.0,), (8.0,))])
    monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path))
    monkeypatch.setattr(bench, "mkdtemp", lambda **_: str(tmp_path))
    monkeypatch.setattr(bench, "MEASURED", page)
    monkeypatch.setattr(bench, "PARTS", {"broken": broken, "lab": some, "serving": some})
    monkeypatch.setattr(bench, "paces", lambda: "Net at 8 px.")
    monkeypatch.setattr(machine, "state", lambda: next(states))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
        bench.main()
        return capsys.readouterr().out, page.read_text()

    return run


def test_a_part_that_fails_says_so_and_the_others_go_on(bench_run):
    printed, page = bench_run()
    assert printed.count("| a |") == 2
    assert "| broken | RuntimeError: no browser |  |  | not measured |" in printed
    assert page == "# Measured\n\nold\n"


def test_what_is_recorded_has_both_states_of_the_machine_at_its_head(bench_run):
    printed, page = bench_run("--only", "lab", "--record")
    assert page.startswith("# Measured\n\nold\n\n## Speed, ")
    start, end = page.index("| at the start | 0.5 |"), page.index("| at the end | 3.5 |")
    assert start < end < page.index(HEAD) < page.index("| a | **2.05×** |")
    assert page.count("| a |") == 1
    assert "Net at 8 px." in page
    assert page.endswith("\n\n1 rows: 1 holds.\n")
    assert printed.index("| a |") < printed.index("| at the end | 3.5 |")


def test_verdicts_are_counted_without_their_spread():
    rows = [
        BenchmarkRow.of("a", [1.0, 9.0], least=2),
        BenchmarkRow.of("b", [1.0, 9.0], least=3),
        BenchmarkRow.exact("c", 1, "", least=2),
        BenchmarkRow.exact("d", 1, ""),
    ]
    assert bench.counted(rows) == "4 rows: 2 noisy, 1 not here, 1 no goal."


def test_a_view_without_a_picture_is_told_by_its_title():
    drawn, sizes = first_visits.opened(HEATMAPS, [FirstVisit(0.9, t, 1.2) for t in (1.6, 1.7)])
    assert (drawn.value, drawn.verdict, sizes.verdict) == (1.65, "**not here**", "**not here**")
    duration, sizes = first_visits.opened(HEATMAPS, [FirstVisit(0.9, None, 0.2)])
    assert (duration.value, duration.verdict, sizes.verdict) == (0.9, "", "holds")


def test_a_rerun_is_judged_by_its_calls_and_by_what_it_cost_before():
    calls, cpu = rerun.costs("View", RerunCost(500_000, 20.0), RerunCost(1_000_000, 50.0))
    assert (calls.value, calls.verdict) == (500, "**not here**")
    assert (cpu.value, cpu.verdict) == (2.5, "holds")
    assert len(list(rerun.costs("New", RerunCost(100, 1.0), None))) == 1


def test_the_curve_that_is_timed_is_that_of_every_mixture_attacked_anew(monkeypatch):
    models = []

    def attacked(self, model, images, targets, seed):
        models.append(model)
        return [images]

    monkeypatch.setattr(AdaptiveSmoothing, "attacked", attacked)
    method, case = AdaptiveSmoothing(images=10), ExperimentCase(data_sets.load("digits"))
    for _ in range(2):
        models.clear()
        result = smoothing.curve(method, case)
        alphas = [getattr(attacked_model, "alpha", None) for attacked_model in models]
        assert alphas.count(None) == 2  # both networks
        assert [alpha for alpha in alphas if alpha is not None] == list(ALPHAS)
    assert all(point[CLEAN] == point[ATTACKED] for point in result)  # nothing was moved
