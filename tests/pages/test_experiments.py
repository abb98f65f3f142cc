"""Experiments as a visitor meets them: the picture, a run, the claims, and one's own image."""

from __future__ import annotations

import shlex

import numpy as np
import pytest

from components import views
from components.experiments.claims import mixtures
from components.experiments.recommender import quarters
from components.views import UNLEARNING_EXPERIMENTS, VIEWS
from engine import data as data_sets
from engine import unlearning
from engine.arguments.trained import ExperimentArguments
from engine.commands.as_code import as_python, as_shell
from engine.commands.cli import main
from engine.commands.coverage import family_title
from engine.experiment import ExperimentCase
from engine.families import FAMILIES
from engine.result import Table
from engine.run import answer
from engine.unlearning import (
    CudaExperiment,
    ProtectedShare,
    ProtectImage,
    ProtectionDefenses,
    ProtectionVictims,
    RelabeledVictims,
    VatExperiment,
)
from engine.unlearning.experiments.vat import CLAIMS, NOT_SWAYED, SWAYED
from tests import tiny
from tests.visits import problems, run_experiment, settled, unfolded, visit, words

KEY = "experiments.CUDA"
KINDS = (ProtectionVictims, ProtectionDefenses, ProtectedShare, RelabeledVictims)
QUICK = {"epochs": 1, "seeds": 1, "victim": "MLP", "way": "CUDA"}
BRIEF = {f"{KEY}.epochs": "1", f"{KEY}.seeds": "2", f"{KEY}.victim": "MLP"}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few small images, so that a run takes seconds."""
    for kind in (CudaExperiment, *KINDS):
        monkeypatch.setattr(kind, "data", ("columns", "digits"))
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
    at = run_experiment(at)
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


# ---------------------------------------------------------------- with victims


def opened(kind, **link):
    settings = {f"experiments.{kind.name}.{name}": str(value) for name, value in link.items()}
    return visit({"experiments.chosen": kind.title, **settings}, UNLEARNING_EXPERIMENTS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_each_opens_with_question_picture_and_what_a_run_does(kind):
    at = opened(kind)
    assert not problems(at)
    text = words(at)
    case = ExperimentCase(data_sets.load("columns"))
    assert kind.question in text
    assert kind().picture(case).finding in text
    for condition in kind().conditions(case):
        assert condition in text


def test_a_run_ends_in_a_curve_over_the_share_that_is_protected():
    at = opened(ProtectedShare, **QUICK)
    at = run_experiment(at)
    result = answer(ProtectedShare(**QUICK), ExperimentCase(tiny.columns(8, ("a", "b", "c"))))
    assert result.kept
    assert mixtures(result["shares"]) in words(at)
    assert len(at.main.get("plotly_chart")) == 2  # figures, curve


# ---------------------------------------------------------------- a recommender


INTERACTIONS = "interactions:count=80,items=200"
VAT_LINK = {"experiments.chosen": VatExperiment.title} | {
    f"experiments.VAT.{name}": value
    for name, value in (("seeds", "2"), ("epochs", "6"), ("fakes", "5"))
}


def test_it_says_that_it_is_a_simulation_before_and_after_a_run(monkeypatch):
    monkeypatch.setattr(VatExperiment, "data", (INTERACTIONS,))
    at = visit(VAT_LINK, UNLEARNING_EXPERIMENTS)
    assert not problems(at)
    assert "A simulation. 80 users (rows) and 200 items" in words(at)
    assert "A simulation: recommenders learn what invented users chose" in words(at)
    method = VatExperiment(seeds=2, epochs=6, fakes=5.0)
    result = answer(method, ExperimentCase(data_sets.load(INTERACTIONS)))
    at = settled(visit(VAT_LINK, UNLEARNING_EXPERIMENTS))
    assert not problems(at)
    text = words(at)
    assert quarters(result["users"]) in text
    assert all(claim.test in text for claim in CLAIMS)
    assert len(at.main.get("plotly_chart")) == 2  # users, and figures by condition


def test_quarters_are_of_users_by_their_loss():
    loss = np.array([0.4, 0.1, 0.2, 0.3, 0.8, 0.7, 0.6, 0.5])
    rows = [NOT_SWAYED] * 8
    rows[1], rows[4], rows[5] = SWAYED, SWAYED, SWAYED
    table = Table.of({"loss": (loss, ""), "weight": (loss, "")}, rows)
    assert "50 % of the quarter that is fitted best, 100 % of the quarter" in quarters(table)
