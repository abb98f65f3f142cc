"""Every strategy's figures: measured on what ships, kept in one file, and shown from there."""

from math import isnan

import numpy as np
import pytest

from engine.hallucination.decoding.greedy import Greedy
from engine.hallucination.decoding.vcd import VCD
from engine.hallucination.measures import comparison
from engine.hallucination.measures.comparison import (
    COSTS,
    DRAWS,
    RATES,
    SAME,
    SCENES,
    StrategyCell,
    description_costs,
    digest,
    figures_text,
    measured_cases,
    measured_strategies,
    read_measured,
    same,
    scenes_of,
    summary,
    write,
)
from engine.hallucination.measures.rates import Rates, ScenesCase
from engine.hallucination.tiny_vlm import weights
from tests.measured import PAGE


def name_of(model, strategy):
    return f"Decoding, {model}, {len(DRAWS)} draws of {scenes_of(model)} scenes: {strategy}"


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("model", comparison.MODELS)
def test_every_strategy_is_measured_on_every_model_and_kept(model, measure):
    cells = comparison.measure(model)
    by_model = {
        model: [cell for cell in read_measured() if cell.model == model]
        for model in comparison.MODELS
    }
    write(
        tuple(cell for model_cells in (by_model | {model: cells}).values() for cell in model_cells)
    )
    read_measured.cache_clear()
    for strategy, figures in summary(model).items():
        measure(name_of(model, strategy), figures_text(figures))
    assert len(cells) == len(measured_strategies(model)) * len(DRAWS)


def test_what_is_kept_is_of_the_models_methods_and_settings_that_ship():
    """Else: measure again, with the slow test above."""
    assert len(DRAWS) >= 3
    assert len(comparison.MODELS) == 4
    expected = [digest(case) for model in comparison.MODELS for case in measured_cases(model)]
    assert [cell.digest for cell in read_measured()] == expected


def test_every_way_is_measured_alone_and_beside_the_plain_one(monkeypatch):
    monkeypatch.setattr(comparison, "COMPARED", (Greedy(length=4), VCD(length=4, alpha=0.0)))
    monkeypatch.setattr(comparison, "DRAWS", (0, 1))
    monkeypatch.setattr(comparison, "SCENES", 3)
    monkeypatch.setattr(comparison, "ALONE", 2)
    cells = comparison.measure(weights.HONEST)
    assert [(cell.strategy, cell.draw) for cell in cells] == [
        ("Greedy", 0),
        ("VCD", 0),
        ("Greedy", 1),
        ("VCD", 1),
    ]
    for cell, case in zip(cells, measured_cases(weights.HONEST), strict=True):
        rate = Rates()(case)["rates"]
        assert cell.digest == digest(case)
        assert cell.figures["CHAIR_i"] == pytest.approx(rate["CHAIR_i"][0], nan_ok=True)
        assert {name: cell.figures[name] for name in COSTS} == description_costs(case)
        assert cell.figures[SAME] == 1  # nothing is subtracted: VCD says what greedy says


def test_docs_have_the_same_figures():
    page = PAGE.read_text()
    for model in comparison.MODELS:
        for strategy, figures in summary(model).items():
            assert f"| {name_of(model, strategy)} | {figures_text(figures)} |" in page


def test_a_cell_is_found_again():
    case = ScenesCase(weights.load(weights.HONEST), Greedy(), SCENES, seed=DRAWS[1])
    (cell,) = (cell for cell in read_measured() if cell.digest == digest(case))
    rate = Rates()(case)["rates"]
    for name in RATES:
        assert rate[name][0] == pytest.approx(cell.figures[name], rel=1e-3), name


def test_costs_are_those_of_one_description_at_a_time():
    results = [
        description_costs(ScenesCase(weights.load(weights.HABIT), strategy, 10))
        for strategy in (Greedy(), VCD(alpha=0.0, beta=0.0))
    ]
    assert results[1]["passes"] == 2 * results[0]["passes"] > 10
    assert set(results[0]) == set(COSTS)


def test_what_is_written_is_read_again_and_equal_captions_are_counted(tmp_path):
    cells = (StrategyCell("m", "Greedy", 0, "d", {"CHAIR_i": 0.123456, SAME: float("nan")}),)
    write(cells, tmp_path / "kept.json")
    (cell,) = read_measured(tmp_path / "kept.json")
    assert cell.figures == {"CHAIR_i": 0.12346}
    assert np.isnan(summary("m", (cell,))["Greedy"][SAME][0])
    assert figures_text({"recall": np.array([0.5, 0.7])}) == "recall 0.600 ± 0.141"
    assert same(["a", "b"], ["a", "c"]) == 0.5
    assert isnan(same([], ["a"]))
