"""Experiments as a visitor meets them: the picture, a run, the claims, and one's own image."""

from dataclasses import dataclass

import numpy as np
import pytest

from components import views
from components.experiments import view
from components.views import UNLEARNING_EXPERIMENTS, VIEWS
from engine import anomaly, sparsity, unlearning
from engine.commands.coverage import family_title
from engine.commands.families import FAMILIES
from engine.core.charts.drawing import Drawing
from engine.core.charts.lines import Lines
from engine.core.result import Pictures, Scores, Table
from engine.core.run import answer
from engine.evaluation import experiment
from engine.evaluation.experiment import ClosedFormExperiment, ExperimentCase
from engine.unlearning import CudaExperiment, FairPoisoning, ProtectedShare, VatExperiment
from engine.unlearning.eng.claims import AUC
from engine.unlearning.eng.drawings import by_poison, risen, shifted_most
from engine.unlearning.protection.protected_share import mixtures
from engine.unlearning.vat.experiment import CLAIMS, NOT_SWAYED, SWAYED, quarters
from engine.vision import data as data_sets
from tests import tiny
from tests.components.pages import page_of
from tests.visits import problems, run_experiment, settled, visit, words

KEY = "experiments.CUDA"
KINDS = (ProtectedShare, unlearning.ProtectionVictims, unlearning.ProtectionDefenses)
KINDS += (unlearning.RelabeledVictims,)
QUICK = {"epochs": 1, "seeds": 1, "victim": "MLP", "way": "CUDA"}
BRIEF = {f"{KEY}.epochs": "1", f"{KEY}.seeds": "2", f"{KEY}.victim": "MLP"}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for kind in (CudaExperiment, *KINDS):
        monkeypatch.setattr(kind, "data", ("columns", "digits"))
    data_sets.add(tiny.columns(8, ("a", "b", "c")))


def test_a_run_ends_in_claims_figures_and_files():
    at = run_experiment(visit(BRIEF, UNLEARNING_EXPERIMENTS))
    method = CudaExperiment(epochs=1, seeds=2, victim="MLP")
    result = answer(method, ExperimentCase(tiny.columns(8, ("a", "b", "c"))))
    assert result.kept
    headline = at.main.header[0].value
    outcomes = result["claims"]["outcome"].tolist()
    first = f"{CudaExperiment.claims[0].words}: {experiment.OUTCOMES[outcomes[0]]} here. "
    counted = f"{outcomes.count(1)} of {len(CudaExperiment.claims)} claims hold"
    assert headline.startswith(first + counted)
    assert "(2 seeds)" in headline
    text = words(at)
    table = result["claims"]
    for claim, test, outcome in zip(table.rows, table.notes, table["outcome"], strict=True):
        assert f"{claim}**: {experiment.OUTCOMES[outcome]} here." in text
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
    other = visit({"experiments.chosen": ProtectedShare.title}, UNLEARNING_EXPERIMENTS)
    assert "On your own image" in [header.value for header in at.main.header]
    assert "On your own image" not in [header.value for header in other.main.header]


def test_every_question_with_experiments_has_an_entry_and_no_other_question():
    assert {page.menu for page in VIEWS if page.title == "Experiments"} == {
        family_title(family) for family in FAMILIES if getattr(family, "EXPERIMENTS", ())
    }
    assert unlearning.ProtectImage in unlearning.METHODS
    assert views.UNLEARNING_EXPERIMENTS in VIEWS


def opened(kind, **link):
    settings = {f"experiments.{kind.name}.{name}": str(value) for name, value in link.items()}
    return visit({"experiments.chosen": kind.title, **settings}, UNLEARNING_EXPERIMENTS)


OPENED = {
    "experiments": (UNLEARNING_EXPERIMENTS, (CudaExperiment, *KINDS)),
    "anomaly": (views.ANOMALY_EXPERIMENTS, anomaly.EXPERIMENTS),
    "sparsity": (views.SPARSITY_EXPERIMENTS, sparsity.EXPERIMENTS),
}


@pytest.mark.parametrize(
    ("key", "kind"), [(key, kind) for key, (_, kinds) in OPENED.items() for kind in kinds]
)
def test_each_opens_with_question_picture_and_what_a_run_does(key, kind):
    link = {f"{key}.chosen": kind.title, f"{key}.{kind.name}.seeds": "7"}  # that nobody has asked
    at = visit(link, OPENED[key][0])
    assert not problems(at)
    text = words(at)
    case = ExperimentCase(data_sets.load(kind.data[0]))
    picture = kind().picture(case)
    for sentence in (kind.question, picture.rows[0], picture.finding, *kind().conditions(case)):
        assert sentence in text
    if key == "anomaly":
        assert ("No network is trained" in text) == issubclass(kind, ClosedFormExperiment)
        assert ("A network is trained on each of" in text) == issubclass(
            kind, experiment.TrainingExperiment
        )
    assert "Run the experiment" in " ".join(button.label for button in at.button)
    assert not at.main.get("plotly_chart")  # no answer is drawn yet


def test_a_run_ends_in_a_curve_over_the_share_that_is_protected():
    at = run_experiment(opened(ProtectedShare, **QUICK))
    result = answer(ProtectedShare(**QUICK), ExperimentCase(tiny.columns(8, ("a", "b", "c"))))
    assert result.kept
    assert mixtures(result["shares"]) in words(at)
    assert len(at.main.get("plotly_chart")) == 2  # figures, curve


@dataclass(frozen=True)
class Squares(ClosedFormExperiment):
    """Squares of the first numbers; nothing but this class says how they are drawn."""

    name, family, title, question = "Squares", "test", "Squares", "Do squares grow?"
    data = ("columns",)
    compared = ("squares",)
    measures = ("mean",)
    claims = (experiment.Claim("They grow", "above none", lambda of: of("squares", "mean")),)
    drawings = (
        Drawing(
            "squares",
            "Squares of numbers",
            Lines(x="number", series={"square": "square"}),
            lambda result: f"The last one is {result['squares']['square'][-1]:.0f}.",
        ),
        Drawing("later", "What no answer has yet"),
    )
    main_drawing = Drawing("instead", finding=lambda _: "This stands where the picture was.")

    def measured(self, condition, case):
        return {"mean": 0.5}

    def picture(self, case):
        return Pictures(case.data.images[:1].transpose(0, 2, 3, 1)[None], ("",), ("",), "Before.")

    def more(self, case):
        numbers = np.arange(4.0)
        squares = Table.of({"number": (numbers, ""), "square": (numbers**2, "")})
        return {"squares": squares, "instead": squares}


def test_an_experiment_is_drawn_as_its_class_declares():
    case = ExperimentCase(tiny.columns(8, ("a", "b", "c")))
    result = answer(Squares(), case)
    text = words(page_of(view.answer_section, Squares(), case, "test", "test.Squares"))
    assert "**Squares of numbers**" in text
    assert "The last one is 9." in text
    assert "This stands where the picture was." in text
    assert "What no answer has yet" not in text
    assert "Before." not in text
    growing = {name: shown for name, shown in result.items() if name != "instead"}
    assert "Before." in words(page_of(view.show_result, Squares(), growing, "test.growing"))


INTERACTIONS = "interactions:count=80,items=200"
VAT_LINK = {"seeds": "2", "epochs": "6", "fakes": "5"}


def test_it_says_that_it_is_a_simulation_before_and_after_a_run(monkeypatch):
    monkeypatch.setattr(VatExperiment, "data", (INTERACTIONS,))
    at = opened(VatExperiment, **VAT_LINK)
    assert not problems(at)
    assert "A simulation. 80 users (rows) and 200 items" in words(at)
    assert "A simulation with invented users." in words(at)
    method = VatExperiment(seeds=2, epochs=6, fakes=5.0)
    result = answer(method, ExperimentCase(data_sets.load(INTERACTIONS)))
    at = settled(opened(VatExperiment, **VAT_LINK))
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


@pytest.fixture
def poisoning(monkeypatch):
    """A short run on few images, where the page finds them."""
    monkeypatch.setattr(FairPoisoning, "data", ("squares",))
    monkeypatch.setattr(FairPoisoning, "victim_epochs", 20)
    monkeypatch.setattr(FairPoisoning, "curve_shares", (0.05,))
    data_sets.add(tiny.heights())
    return FairPoisoning(seeds=1, steps=10, rounds=2)


def test_poisoning_is_said_to_be_a_simulation_run_and_shown(poisoning):
    at = opened(FairPoisoning, seeds=1, steps=10, rounds=2)
    assert not problems(at)
    text = words(at)
    assert "A simulation on drawn rows." in text
    assert "No network is trained" not in text
    assert "tied 1" in text
    at = run_experiment(at)
    case = ExperimentCase(data_sets.load("squares"))
    result = answer(poisoning, case)
    assert result.kept
    assert at.main.header[0].value == poisoning.finding(case, result)
    text = words(at)
    assert all(claim in text for claim in result["claims"].rows)
    assert risen(result) in text
    assert shifted_most(result) in text
    assert "Mixed colors hide the group." in text
    assert len(at.main.get("plotly_chart")) == 3  # figures, by share, columns


def test_the_predicted_share_is_marked_where_there_is_one(poisoning):
    results = dict(answer(poisoning, ExperimentCase(data_sets.load("squares"))))
    cases = ((0.031, "from 3.1 % on", 3.1), (0.0, "at any share", 0), (np.nan, "No rise", None))
    for value, words_, now in cases:
        results["threshold"] = Scores(np.array([value]), ("predicted threshold",), "share")
        assert words_ in risen(results)
        assert by_poison(results).now == (now if now is None else pytest.approx(now))
    del results["threshold"]
    assert "redicted" not in risen(results)
    assert f"{100 * results['curve'][AUC][0]:.0f} % at 0 %" in risen(results)
