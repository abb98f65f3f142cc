"""Experiments as a visitor meets them: the picture, a run, the claims, and one's own image."""

from __future__ import annotations

import shlex

import pytest

from components import views
from components.views import UNLEARNING_EXPERIMENTS, VIEWS
from engine import data as data_sets
from engine import unlearning
from engine.arguments.trained import ExperimentArguments
from engine.commands.as_code import as_python, as_shell
from engine.commands.cli import main
from engine.commands.coverage import family_title
from engine.experiment import ExperimentCase
from engine.families import FAMILIES
from engine.run import answer
from engine.unlearning import CudaExperiment, ProtectImage
from tests import tiny
from tests.visits import problems, settled, unfolded, visit, words

KEY = "experiments.CUDA"
BRIEF = {f"{KEY}.epochs": "1", f"{KEY}.seeds": "2", f"{KEY}.victim": "MLP"}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few small images, so that a run takes seconds."""
    monkeypatch.setattr(CudaExperiment, "data", ("columns", "digits"))
    data_sets.add(tiny.columns(8, ("a", "b", "c")))


class Other(CudaExperiment):
    """A second experiment, so that there is something to choose."""

    name, title, question = "Other", "Another experiment", "Is there another one?"
    own_image = None


def labels(at):
    return [button.label for button in at.button]


def test_before_it_is_run_the_picture_and_the_question_are_there():
    at = visit(view=UNLEARNING_EXPERIMENTS)
    assert not problems(at)
    text = words(at)
    assert CudaExperiment.question in text
    assert "filter of the class" in text
    assert "Run the experiment" in " ".join(labels(at))
    assert not at.main.get("plotly_chart")


def test_a_run_ends_in_claims_figures_and_files():
    at = visit(BRIEF, UNLEARNING_EXPERIMENTS)
    next(
        button for button in at.button if button.label.startswith("Run the experiment")
    ).click().run()
    at = settled(at)
    assert not problems(at)
    result = answer(
        CudaExperiment(epochs=1, seeds=2, victim="MLP"),
        ExperimentCase(tiny.columns(8, ("a", "b", "c"))),
    )
    assert result.kept
    headline = at.main.header[0].value
    holding = result["claims"]["outcome"].tolist().count(1)
    assert headline.startswith(CudaExperiment.claims[0].words)
    assert f"{holding} of {len(CudaExperiment.claims)} claims hold" in headline
    assert "(2 seeds)" in headline
    text = words(at)
    for claim, test in zip(result["claims"].rows, result["claims"].notes, strict=True):
        assert claim in text
        assert test in text
    assert len(at.main.get("plotly_chart")) == 1
    assert "computed now" in text or "kept from before" in text
    files = {download.proto.label for download in at.main.get("download_button")}
    exports = {f"blindspot-CUDA-{name}" for name in ("table.csv", "runs.csv", "record.json")}
    assert {"PNG", "Changed image (PNG)", *exports} <= files
    assert "engine.answer('unlearning.CUDA'" in " ".join(block.value for block in at.code)


def test_one_s_own_image_is_changed_as_far_as_the_slider_says():
    at = visit({"experiments.ProtectImage.strength": "0"}, UNLEARNING_EXPERIMENTS)
    assert "A pixel changes by 0.0 of 255" in words(at)
    at.slider(key="experiments.ProtectImage.strength").set_value(0.5).run()
    assert not problems(at)
    assert "A pixel changes by 0.0 of 255" not in words(at)
    assert "% before" in words(at)


def test_links_that_cannot_be_had_are_ignored_with_a_notice():
    link = {f"{KEY}.data": "X-rays", f"{KEY}.epochs": "1000"}
    text = " ".join(problems(visit(link, UNLEARNING_EXPERIMENTS)))
    assert "“X-rays” as Data" in text
    assert "“1000” as" in text


def test_several_experiments_are_chosen_by_their_cards(monkeypatch):
    monkeypatch.setattr(unlearning, "EXPERIMENTS", (CudaExperiment, Other))
    at = unfolded(visit(view=UNLEARNING_EXPERIMENTS))
    text = words(at)
    assert CudaExperiment.title in text
    assert Other.title in text
    assert "Not run here yet." in text
    assert CudaExperiment.question in text
    at.button(key="experiments.open.Other").click().run()
    assert not at.exception
    assert Other.question in words(at)
    assert "On your own image" not in [header.value for header in at.main.header]


def test_the_calls_on_the_page_give_the_answer_of_the_page(tmp_path, capsys):
    method = CudaExperiment(epochs=1, seeds=1, victim="MLP")
    case = ExperimentCase(data_sets.load("columns"), seed=0)
    arguments = ExperimentArguments.of(case)
    namespace: dict = {}
    exec(as_python(method, arguments), namespace)  # noqa: S102 - it is what the page offers
    expected = answer(method, case)["claims"]["margin"].tolist()
    assert namespace["answer"]["claims"]["margin"].tolist() == expected
    command = shlex.split(as_shell(method, arguments))
    assert command[:3] == ["python", "-m", "engine"]
    assert main([*command[3:-1], str(tmp_path)]) == 0
    assert "columns" in capsys.readouterr().out


def test_every_question_with_experiments_has_an_entry_and_no_other_question():
    with_experiments = {
        family_title(family) for family in FAMILIES if getattr(family, "EXPERIMENTS", ())
    }
    assert {view.menu for view in VIEWS if view.title == "Experiments"} == with_experiments
    assert ProtectImage in unlearning.METHODS
    assert views.UNLEARNING_EXPERIMENTS in VIEWS
