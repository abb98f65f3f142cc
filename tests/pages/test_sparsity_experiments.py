"""Experiments of Sparsity as a visitor meets them: the picture, a run, its claims."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from components.asked_image import SIDEBAR_IMAGE
from components.experiments.channels import rare
from components.views import SPARSITY_EXPERIMENTS
from engine.core.result import Table
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.sparsity import FireTogether, NMFlowExperiment, RandomPruning, Reprogram
from engine.sparsity.ftwt import experiment as ftwt
from engine.sparsity.ftwt.channels import ImageChannels, restored, used
from engine.sparsity.reprogram.claims import DENSE, LP, LP_FEW, TICKETS, VP, VP_ERROR
from engine.vision import data as data_sets
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.training import Recipe
from tests import tiny
from tests.visits import problems, run_experiment, settled, visit, words


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(NMFlowExperiment, "data", ("columns", "digits"))
    monkeypatch.setattr(Reprogram, "data", ("columns", "many", "digits"))
    monkeypatch.setattr(Reprogram, "recipe", Recipe("lenet", epochs=1, width=0.5))
    data_sets.add(tiny.columns(8, ("a", "b", "c")))


def chosen(kind, **link):
    settings = {f"sparsity.{kind.name}.{name}": value for name, value in link.items()}
    return visit({"sparsity.chosen": kind.title, **settings}, SPARSITY_EXPERIMENTS)


def test_the_picture_and_what_a_run_does_are_those_of_the_network_that_a_link_names():
    text = words(chosen(NMFlowExperiment, network="ResNet-8"))
    method, case = NMFlowExperiment(network="ResNet-8"), ExperimentCase(data_sets.load("columns"))
    for named in (*method.picture(case).rows, *method.conditions(case)):
        assert named in text
    assert "Dense stays conv: 16 does not divide its number of inputs." in text
    assert "1:16, β = 0.56" in text


def test_a_pattern_that_fits_no_layer_is_said_in_a_sentence(monkeypatch):
    monkeypatch.setattr("engine.sparsity.nm_flow.experiment.NETWORKS", {"ResNet-8": "lenet"})
    at = chosen(NMFlowExperiment, network="ResNet-8", pattern="1:32")
    assert "has inputs in groups of 32: choose a smaller M" in " ".join(problems(at))


@pytest.fixture
def channels(monkeypatch):
    """The page of FTWT with small networks, and the answer that it draws from."""
    monkeypatch.setattr(FireTogether, "data", ("columns", "digits"))
    monkeypatch.setattr(ftwt, "RECIPE", replace(ftwt.RECIPE, epochs=2, rate=0.02))
    result = answer(FireTogether(seeds=1, epochs=2), ExperimentCase(data_sets.load("columns")))

    def opened(**link):
        return settled(chosen(FireTogether, **link, seeds="1", epochs="2"))

    return opened, result


def test_an_image_says_which_channels_it_uses_and_what_it_costs(channels):
    opened, result = channels
    at = opened()
    assert not problems(at)
    data = data_sets.load("columns")
    row = data.some("test", len(data.classes), 0)[1]
    at.session_state["sparsity.FTWT.image"] = int(data.ids[row])
    at = settled(at.run())
    model = restored(result["network"])
    use = used(ImageCase(model, data.pixels(np.array([row]))[0], Target(0)))
    on, count = int(np.nansum(use.on)), int(np.isfinite(use.on).sum())
    text = words(at)
    assert f"A {data.classes[data.labels[row]]} uses {on} of {count} channels" in text
    costs = result["costs"]["multiply-adds"]
    assert f"{100 * use.cost:.3g} % of the multiply-adds with all channels" in text
    assert f"and {100 * costs.mean():.3g} %, and {100 * (costs < use.cost).mean():.0f} %" in text
    assert f"It says {use.label}, {100 * use.probability:.3g} % sure." in text


def test_the_image_of_the_sidebar_may_be_asked_about(channels):
    opened, _ = channels
    at = opened(about=SIDEBAR_IMAGE)
    assert not problems(at)
    assert "Your image uses " in words(at)


def test_channels_that_few_images_use_are_named():
    names = ("1", "2", "3")
    shares = np.array([[0.02, 0.5, 1.0], [0.05, 0.01, np.nan]])
    usage = Table.grid(shares, ("a", "b"), names, ("share",) * 3)
    use = ImageChannels(np.array([[1, 1, 0], [0, 1, np.nan]]), 0.5, "x", 0.9)
    assert rare(use, usage) == "On in fewer than 10 % of the test images: a: 1; b: 2."
    use = replace(use, on=np.array([[0, 1, 0], [0, 0, np.nan]]))
    assert rare(use, usage).startswith("None of its channels")


def test_a_run_ends_in_claims_figures_and_gaps_by_width(monkeypatch):
    monkeypatch.setattr(RandomPruning, "data", ("columns", "digits"))
    at = run_experiment(chosen(RandomPruning, epochs="1", seeds="1", network="MLP"))
    method = RandomPruning(epochs=1, seeds=1, network="MLP")
    result = answer(method, ExperimentCase(data_sets.load("columns")))
    assert result.kept
    text = words(at)
    for claim in result["claims"].rows:
        assert f"{claim}**: undecided here." in text  # one seed
    assert len(at.main.get("plotly_chart")) == 2  # figures, gaps
    first, last = (100 * result["gaps"]["ERK"][place] for place in (0, -1))
    assert f"ERK {first:.1f} at × 0.25, {last:.1f} at × 2".replace("-", "−") in text
    assert "(sd)" not in text.partition("Points below the dense network")[2][:200]


def test_channels_of_trained_networks_stand_where_the_images_were():
    result = answer(FireTogether(), ExperimentCase(data_sets.load("mnist-5k")))
    assert result.kept  # it ships
    text = words(chosen(FireTogether))
    assert result["channels"].finding in text
    assert result["picture"].finding not in text


def test_a_run_ends_in_claims_curves_diagrams_borders_and_bound_classes():
    at = run_experiment(chosen(Reprogram, epochs="1", seeds="1"))
    result = answer(Reprogram(epochs=1, seeds=1), ExperimentCase(data_sets.load("columns")))
    assert result.kept
    text = words(at)
    for claim in result["claims"].rows:
        assert f"{claim}**: undecided here." in text  # one seed
    assert len(at.main.get("plotly_chart")) == 5  # figures, weights kept, two diagrams, classes
    table = result["table"]
    traces = json.loads(at.main.get("plotly_chart")[0].proto.spec)["data"]
    drawn = [trace["name"] for trace in traces]
    assert set(Reprogram.charted) <= set(drawn)
    assert LP_FEW not in drawn
    for name in (VP, LP):
        ends = " and ".join(f"{100 * table.cell(row, name):.1f}" for row in (DENSE, TICKETS[-1]))
        assert f"{name} {ends} %" in text
    for name, bound in zip(result["bound"].rows, result["bound"].notes, strict=True):
        assert not bound or f"{bound} → {name}" in text
    assert result["prompts"].finding in text
    assert f"{TICKETS[-1]} {100 * table.cell(TICKETS[-1], VP_ERROR):.1f}" in text
    assert not re.search(r"\bnan\b", text)  # no validation images to fit a temperature on


def test_more_classes_than_the_source_has_are_refused_in_a_sentence():
    many = tiny.columns(40, tuple(f"class {index}" for index in range(20)))
    object.__setattr__(many, "name", "many")
    data_sets.add(many)
    text = " ".join(problems(chosen(Reprogram, data="many")))
    assert "has 20 classes, and the source network only 19 to bind them to" in text
