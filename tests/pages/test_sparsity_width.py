"""Each experiment of Sparsity opens with its picture; random pruning shows gaps by width."""

from __future__ import annotations

import pytest

from components.views import SPARSITY_EXPERIMENTS
from engine import data as data_sets
from engine.experiment import ExperimentCase
from engine.run import answer
from engine.sparsity import EXPERIMENTS, FireTogether, RandomPruning
from tests import tiny
from tests.visits import problems, settled, visit, words

KEY = "sparsity.RandomPruning"
BRIEF = {f"{KEY}.epochs": "1", f"{KEY}.seeds": "1", f"{KEY}.network": "MLP"}


def opened(kind, **link):
    return visit({"sparsity.chosen": kind.title, **link}, SPARSITY_EXPERIMENTS)


@pytest.mark.parametrize("kind", EXPERIMENTS, ids=lambda kind: kind.name)
def test_each_opens_with_question_picture_and_what_a_run_does(kind):
    at = opened(kind, **{f"sparsity.{kind.name}.seeds": "7"})  # that nobody has asked
    assert not problems(at)
    text = words(at)
    assert kind.question in text
    case = ExperimentCase(data_sets.load(kind.data[0]))
    assert kind().picture(case).rows[0] in text
    for condition in kind().conditions(case):
        assert condition in text


def test_a_run_ends_in_claims_figures_and_gaps_by_width(monkeypatch):
    monkeypatch.setattr(RandomPruning, "data", ("columns", "digits"))
    data = tiny.columns(8, ("a", "b", "c"))
    data_sets.add(data)
    at = opened(RandomPruning, **BRIEF)
    next(
        button for button in at.button if button.label.startswith("Run the experiment")
    ).click().run()
    at = settled(at)
    assert not problems(at)
    result = answer(RandomPruning(epochs=1, seeds=1, network="MLP"), ExperimentCase(data))
    assert result.kept
    text = words(at)
    for claim in result["claims"].rows:
        assert f"{claim}**: undecided here." in text  # one seed
    assert len(at.main.get("plotly_chart")) == 2  # figures, gaps
    first, last = (100 * result["gaps"]["ERK"][place] for place in (0, -1))
    ends = f"ERK {first:.1f} at × 0.25, {last:.1f} at × 2".replace("-", "−")
    assert ends in text
    assert "(sd)" not in text.partition("Points below the dense network")[2][:200]


def test_channels_of_trained_networks_stand_where_the_images_were():
    result = answer(FireTogether(), ExperimentCase(data_sets.load("mnist-5k")))
    assert result.kept  # it ships
    text = words(opened(FireTogether))
    assert result["channels"].finding in text
    assert result["picture"].finding not in text
