"""Experiments: what seeds decide, and trainings that are kept, shared and resumed."""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import ttest_1samp

from engine.core import run
from engine.core.errors import Cancelled
from engine.core.keeping.store import Store
from engine.core.result import Pictures
from engine.core.run import answer
from engine.evaluation import experiment
from engine.evaluation.experiment import Claim, ExperimentCase, decided, deviation_column
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.lab import Train, TrainCase
from engine.vision.training import Recipe, outputs
from tests import tiny

BRIEF, LONG = "one epoch", "three epochs"


@dataclass(frozen=True)
class Epochs(experiment.TrainingExperiment):
    """Two lengths of training; the share that is right, and a figure that is known beforehand."""

    name, family, title, question = "Epochs", "test", "Epochs", "Do more epochs help?"
    proof = (
        "tests/engine/evaluation/test_experiment.py"
        "::test_rows_are_the_means_over_seeds_of_what_is_trained"
    )
    data = ("columns",)
    measures = ("right", "seed")
    claims = (
        Claim("Every seed is above minus one", "above −1", lambda of: of(LONG, "seed") + 1),
        Claim("Every seed is below minus one", "below −1", lambda of: -1 - of(LONG, "seed")),
        Claim("Seeds are above one half", "above 0.5", lambda of: of(BRIEF, "seed") - 0.5),
    )

    def conditions(self, case):
        return {
            name: TrainCase(case.data, Recipe("mlp", epochs=count, batch=8), case.seed)
            for name, count in ((BRIEF, 1), (LONG, 3))
        }

    def measure(self, trained, case):
        rows = case.data.rows("test")
        right = outputs(trained.model, case.data, rows).argmax(1) == case.data.targets(rows)
        return {"right": right.double().mean().item(), "seed": float(case.seed)}

    def picture(self, case):
        images = case.data.images[:2].transpose(0, 2, 3, 1)[None]
        return Pictures(images, ("columns",), ("first", "second"), "Two images.")


@pytest.fixture
def trainings(monkeypatch, tmp_path):
    """Trainings that are really done, in a home of their own."""
    done, real, answer_store = [], Train.__call__, Store(tmp_path / "answers")

    def counted(self, case, progress):
        result = real(self, case, progress)
        done.append((case.recipe.epochs, case.seed))
        return result

    monkeypatch.setattr(run, "store", lambda: answer_store)
    monkeypatch.setattr(Train, "__call__", counted)
    return done


def case():
    return ExperimentCase(tiny.columns(8, ("a", "b", "c")))


def reported(method):
    """Its answer, and each report of progress: the share done, words, and what there was."""
    reports = []
    result = method(
        case(), lambda done, words="", partial=None: reports.append((done, words, partial))
    )
    return result, *zip(*reports, strict=True)


def test_rows_are_the_means_over_seeds_of_what_is_trained(trainings):
    result = Epochs(seeds=2)(case())
    assert sorted(trainings) == [(1, 0), (1, 1), (3, 0), (3, 1)]
    runs, table = result["runs"], result["table"]
    assert runs.rows == (BRIEF, LONG, BRIEF, LONG)
    for row, accuracies in zip((BRIEF, LONG), runs["right"].reshape(2, 2).T, strict=True):
        assert table.cell(row, "right") == accuracies.mean()
        assert table.cell(row, deviation_column("right")) == pytest.approx(accuracies.std(ddof=1))
    assert table["seed"].tolist() == [0.5, 0.5]


def test_claims_hold_do_not_or_are_undecided(trainings):
    claims = Epochs(seeds=3)(case())["claims"]
    assert claims["outcome"].tolist() == [1, -1, 0]
    assert claims["margin"].tolist() == [2.0, -2.0, 0.5]
    assert claims.notes == ("above −1", "below −1", "above 0.5")


def test_one_seed_decides_nothing_and_margins_without_spread_are_decided_unless_they_are_zero():
    outcome, mean, tolerance = decided(np.array([[0.9, -0.9]]))
    assert outcome.tolist() == [0, 0]
    assert mean.tolist() == [0.9, -0.9]
    assert np.isnan(tolerance).all()
    outcome, _, tolerance = decided(np.array([[0.2, 0.0, -0.1]] * 3))
    assert outcome.tolist() == [1, 0, -1]
    assert tolerance == pytest.approx(0, abs=1e-12)


def test_the_tolerance_is_that_of_student_s_test():
    rng = np.random.default_rng(0)
    for seeds in (2, 3, 10):
        margins = rng.normal(0.1, 0.1, (seeds, 200))
        outcome, _, _ = decided(margins)
        above = ttest_1samp(margins, 0, alternative="greater").pvalue < 0.05
        below = ttest_1samp(margins, 0, alternative="less").pvalue < 0.05
        assert outcome.tolist() == np.where(above, 1, np.where(below, -1, 0)).tolist()
        assert {0, 1} <= set(outcome.tolist())


def test_a_mean_at_its_tolerance_is_undecided_and_beyond_it_decided(monkeypatch):
    """Two seeds two apart have a standard error of one, and t is made one as well."""
    monkeypatch.setattr("scipy.stats.t.ppf", lambda _share, freedom: float(freedom))
    outcome, mean, tolerance = decided(np.array([[0.0, 0.25, -2.0, -2.25], [2.0, 2.25, 0, -0.25]]))
    assert tolerance.tolist() == [1.0] * 4
    assert mean.tolist() == [1.0, 1.25, -1.0, -1.25]
    assert outcome.tolist() == [0, 1, 0, -1]


@dataclass(frozen=True)
class Untrained(Epochs):
    """What is known of an experiment without its networks."""

    name, title = "Untrained", "Untrained"

    def measure(self, trained, case):
        return {"right": float(trained.training.recipe.epochs), "seed": float(case.seed)}


@pytest.fixture
def untrained(monkeypatch):
    """Trainings that are over at once, begun and ended as theirs are told."""

    def at_once(_method, training, progress):
        progress(0.0)
        progress(1.0, "epoch 3")
        return {"model": training}

    monkeypatch.setattr(experiment, "answer", at_once)
    monkeypatch.setattr(experiment, "rebuilt", lambda checkpoint: checkpoint)


@pytest.mark.parametrize("seeds", [1, 2])
def test_each_training_has_nine_tenths_of_its_equal_share_of_the_progress(untrained, seeds):
    _, shares, words, _ = reported(Untrained(seeds=seeds))
    share = 1 / (2 * seeds)
    steps = [n * share + part * share for n in range(2 * seeds) for part in (0, 0.9, 1)]
    assert shares == pytest.approx((0.0, *steps))
    stages = product((BRIEF, LONG), ("training", "epoch 3", "measured"))
    assert words[:7] == ("starting", *(f"{name}, seed 0: {stage}" for name, stage in stages))


def test_seeds_follow_the_case_s_own(untrained):
    result = Untrained(seeds=3)(replace(case(), seed=5))
    assert result["runs"]["seed"].tolist() == [5, 5, 6, 6, 7, 7]
    assert result["table"]["right"].tolist() == [1, 3]
    assert result["table"]["seed"].tolist() == [6, 6]
    assert result["table"][deviation_column("seed")].tolist() == [1, 1]
    assert result["claims"]["margin"].tolist() == [7, -7, 5.5]


@pytest.mark.filterwarnings("error")
def test_a_single_seed_has_no_spread(untrained):
    table = Untrained(seeds=1)(case())["table"]
    assert np.isnan(table[deviation_column("right")]).all()
    assert table.units == ("share",) * 4


@dataclass(frozen=True)
class Drawn(experiment.ClosedFormExperiment):
    """Numbers drawn by the seed, plain and doubled."""

    name, family, title, question = "Drawn", "test", "Drawn numbers", "Is twice as much more?"
    proof = (
        "tests/engine/evaluation/test_experiment.py::test_a_closed_form_is_computed_for_each_seed"
    )
    data = ("columns",)
    compared = ("once", "twice")
    measures = ("drawn",)
    claims = (Claim("More", "above plain", lambda of: of("twice", "drawn") - of("once", "drawn")),)

    def measured(self, condition, case):
        value = np.random.default_rng(case.seed).random()
        return {"drawn": value if condition == "once" else 2 * value}

    def picture(self, case):
        return Pictures(case.data.images[:1].transpose(0, 2, 3, 1)[None], ("",), ("",), "One.")


def test_a_closed_form_is_computed_for_each_seed():
    result, shares, words, _ = reported(Drawn(seeds=3))
    values = np.array([np.random.default_rng(seed).random() for seed in range(3)])
    assert result["table"]["drawn"] == pytest.approx(np.array([1, 2]) * values.mean())
    assert result["runs"]["drawn"].tolist() == np.outer(values, [1, 2]).ravel().tolist()
    assert result["claims"]["margin"][0] == pytest.approx(values.mean())
    assert words[:3] == ("starting", "once, seed 0: computing", "once, seed 0: measured")
    assert list(shares) == sorted(shares)
    assert shares[-1] == 1.0


def test_what_a_run_does_is_said_before_it_is_started_and_facts_name_the_data():
    assert "each is drawn and computed 10 times" in Drawn().before(case())
    assert "once, twice" in Drawn().before(case())
    assert "trained on each of: one epoch; three epochs. Each 3 times." in Epochs().before(case())
    facts = case().facts()
    assert (facts["alike"], facts["data"], facts["seed"]) == ("columns", "columns", 0)


@dataclass(frozen=True)
class Tint(experiment.ImageChange):
    """The upper half ten gray levels brighter, the lower one twenty darker."""

    name, family, title = "Tint", "test", "Tint"

    def apply(self, pixels):
        moved = pixels.astype(int)
        moved[:4] += 10
        moved[4:] -= 20
        return moved.astype(np.uint8)


def test_a_changed_image_is_shown_beside_its_own_with_what_the_model_makes_of_both():
    reports = []
    pixels = np.random.default_rng(0).integers(30, 200, (8, 8, 3), np.uint8)
    image = torch.from_numpy(pixels.transpose(2, 0, 1) / np.float32(255))
    image_case = ImageCase(tiny.mlp(scale=1.0), image, Target(1))
    result = Tint()(image_case, lambda done, words="": reports.append((done, words)))
    before, after, difference = result["picture"].images[0]
    assert np.array_equal(before, pixels)
    assert np.array_equal(after, Tint().apply(pixels))
    assert (difference[:4] == 128 + 30).all()
    assert (difference[4:] == 128 - 60).all()
    assert "by 15.0 of 255 gray levels" in result["picture"].finding
    index = image_case.target.index
    for name, pixels_shown in (("before", before), ("after", after)):
        picture = torch.from_numpy(pixels_shown.transpose(2, 0, 1)[None] / 255).float()
        expected = float(image_case.model.logits(picture).softmax(1)[0, index])
        assert result["probability"][name] == pytest.approx(expected, rel=1e-5)
    before, after = (result["probability"][name] for name in ("before", "after"))
    assert before != pytest.approx(after, rel=1e-2)
    assert [done for done, _ in reports] == [0.5, 1.0]


def test_trainings_are_kept_for_more_seeds_and_after_a_stop(trainings):
    def stop(done, words="", partial=None):
        if partial and "table" in partial and len(partial["table"]) == 1:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        Epochs(seeds=2)(case(), stop)
    assert trainings == [(1, 0)]
    Epochs(seeds=2)(case())
    Epochs(seeds=3)(case())
    assert len(trainings) == len(set(trainings)) == 6


def test_the_picture_comes_first_and_rows_as_they_are_measured(trainings):
    updates = [partial for partial in reported(Epochs(seeds=1))[3] if partial is not None]
    assert list(updates[0]) == ["picture"]
    assert [len(partial["table"]) for partial in updates[1:]] == [1, 2]


def test_it_is_answered_in_the_lane_like_any_method(trainings):
    first, again = (answer(Epochs(seeds=1), case()) for _ in range(2))
    assert again.kept
    assert again["runs"]["right"].tolist() == first["runs"]["right"].tolist()
    assert first.record["case"]["data"] == "columns"


def test_a_precision_that_is_refused_is_not_answered_by_the_kept_answer():
    exact = case()
    answer(Drawn(seeds=2), exact)
    assert run.kept_answer(Drawn(seeds=2), exact) is not None
    assert run.kept_answer(Drawn(seeds=2), replace(exact, precision="fast")) is None
