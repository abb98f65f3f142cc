"""The LFA paper's experiments on linear models, in the limit and by loops, and what is said."""

import numpy as np
import pytest
import torch

from engine.attribution.heatmaps.partition import Partition
from engine.attribution.lfa import ADDED, LFA, ROWS, LFAExperiments, LocalModel, findings
from engine.attribution.lfa.experiments import distance, perturbed, twin
from engine.attribution.lfa.fit import Linear as Model
from engine.attribution.lfa.fit import another, evaluate_neighborhood
from engine.attribution.lfa.ground import Ground
from engine.attribution.lfa.neighborhoods import NEIGHBORHOODS, Radii
from engine.attribution.lfa.shares import CHANGES, fresh_shares, ranked
from engine.core.method import quiet
from engine.core.result import Table
from engine.vision.case import ImageCase
from engine.vision.models.classifier import Classifier
from tests import tiny
from tests.engine.attribution.lfa.test_lfa import Smooth, ground

MATCHED = ("SmoothGrad", "Gradient", "Integrated gradients", "Gradient × input")
SETTINGS = {"features": "pixels", "noise": 0.2, "draws": 3}


@pytest.fixture(scope="module")
def smooth():
    case = ground(Smooth(9), 3).case
    return case, LFAExperiments(**SETTINGS, samples=600)(case)


def row(view, name):
    return view.values[ROWS.index(name)]


def test_all_eight_recover_a_linear_model_and_come_nearer_to_their_twins_with_more_samples(smooth):
    weight = torch.randn(3, 3, 3, generator=tiny.seeded(1))
    case = ground(tiny.Linear(weight), 3).case
    for result in (LFAExperiments(**SETTINGS, samples=600)(case), smooth[1]):
        assert result["recovery"].values.max() < 1e-3  # also of another network's own tangent
    distances = smooth[1]["convergence"]
    for name in ("SmoothGrad", "C-LIME", "LIME", "Integrated gradients"):
        few, *_, most = row(distances, name)
        assert most < few
    assert np.isnan(row(distances, "Occlusion")).all()  # one fixed set of points
    assert row(distances, "Gradient").max() < 1e-2


def test_with_fewer_samples_than_features_only_slopes_and_single_parts_recover_it():
    error = LFAExperiments(**SETTINGS, samples=50)(ground(Smooth(64), 8).case)["recovery"]
    for name in ROWS:
        exact = name in MATCHED or name == "Occlusion"
        assert (row(error, name)[0] < 1e-3) == exact, name


def test_the_twin_of_integrated_gradients_is_their_formula_written_out(smooth):
    case, result = smooth
    places = (torch.arange(200) + 0.5) / 200
    base = case.baseline("mean")
    slopes = torch.stack(
        [case.gradient((base + place * (case.image - base))[None])[1][0] for place in places]
    )
    truth = ((case.image - base) * slopes.mean(0)).sum(0).flatten().double()
    method = LocalModel(explainer="Integrated gradients", features="pixels", samples=600)
    weights = torch.tensor(method(case)["map"].values).flatten().double()
    last = row(result["convergence"], "Integrated gradients")[-1]
    assert last == pytest.approx(distance(weights, truth), rel=0.05)


def test_strongest_and_weakest_features_are_changed_as_a_plain_loop_changes_them(smooth):
    case, result = smooth
    base = case.baseline("mean")
    score = float(case.score(case.image[None])[0])
    draws = 0.2 * torch.randn(3, 9, generator=tiny.seeded(case.seed)).reshape(3, 1, 3, 3)
    for name in ("Occlusion", "SmoothGrad"):
        method = LocalModel(explainer=name, features="pixels", samples=600, noise=0.2)
        places = np.abs(method(case)["map"].values).argsort(axis=None).argsort().reshape(3, 3)
        for end, ranks in (("strongest", 8 - places), ("weakest", places)):
            for column in range(4):
                mask = torch.from_numpy(ranks <= column)
                zeroed = case.score(torch.where(mask, base, case.image)[None]) - score
                noised = case.score(case.image + draws * mask) - score
                for what, change in (("zeroed", zeroed), ("noised", noised)):
                    moved = row(result[f"{end} {what}"], name)[column]
                    assert moved == pytest.approx(change.abs().mean().item(), abs=1e-5)


def test_distances_and_shares_are_those_of_their_definitions():
    assert ADDED == ("C-LIME", "SmoothGrad", "Gradient")
    weights, other = torch.tensor([1.0, -2.0, 4.0]), torch.tensor([2.0, 2.0, -4.0])
    assert distance(weights, other) == pytest.approx((1 + 4 + 8) / (2 + 2 + 4))
    assert np.isnan(distance(weights, torch.zeros(3)))
    assert fresh_shares(GRADED)[:, 0] == pytest.approx(1 - np.arange(8) / 4)


def test_at_fewer_samples_each_is_the_explainer_that_is_fitted_to_so_many():
    """Integrated gradients on the whole path, and KernelSHAP to coalitions of every size."""
    smooth_ground = ground(Smooth(9), 3)
    settings, reach = {"features": "pixels", "noise": 0.2}, Radii(noise=0.2, samples=800)
    table = LFAExperiments(**settings, samples=800)(smooth_ground.case)["convergence"]
    assert table.order[0] == "50 samples"
    for name in ROWS[:-1]:  # all but occlusion
        slopes = not NEIGHBORHOODS[name].squared
        sight = evaluate_neighborhood(smooth_ground, name, reach, 0, slopes=slopes)
        goal = twin(smooth_ground, reach, sight, quiet)
        for column, samples in enumerate((50, 100, 200, 400, 800)):
            method = LocalModel(explainer=name, **settings, samples=samples)
            weights = torch.tensor(method(smooth_ground.case)["map"].values).flatten().double()
            far = distance(weights, goal)
            assert row(table, name)[column] == pytest.approx(far, rel=0.01, abs=1e-4), name


def test_twins_begin_where_the_fading_does_and_of_noise_at_eight_times_as_many_points():
    smooth_ground = ground(Smooth(9), 3)

    def looked(name, seed=0, **reach):
        return evaluate_neighborhood(smooth_ground, name, Radii(**reach), seed, slopes=True)

    goal = twin(smooth_ground, Radii(low=0.6), looked("Integrated gradients", low=0.6), quiet)
    alpha = torch.linspace(0.6, 1, 401)[1::2, None].expand(-1, 9)
    _, slopes = smooth_ground.slopes(alpha.contiguous(), multiplied=True)
    assert goal.numpy() == pytest.approx(slopes.mean(0).numpy(), rel=1e-4, abs=1e-5)
    goal = twin(smooth_ground, Radii(samples=50), looked("SmoothGrad", samples=50), quiet)
    other = looked("SmoothGrad", another(0), samples=400).slopes.mean(0)
    assert goal.numpy() == pytest.approx(other.numpy(), rel=1e-6)


def test_every_table_has_a_unit_in_each_column(smooth):
    units = {"recovery": "of the weights", "convergence": "of the weights"}
    units |= {"strongest zeroed": "logit", "weakest noised": "logit"}
    for name, unit in units.items():
        view = smooth[1][name]
        assert view.units == (unit,) * view.values.shape[1]
        assert view.values.shape == (len(ROWS), len(view.order))


def test_of_three_features_one_is_changed():
    """At most half of them, but one at least; the strongest is the last, the weakest the first."""
    case, labels = ground(Smooth(9), 3).case, torch.arange(9).reshape(3, 3) % 3
    three = Ground(case, Partition(labels))
    model = Model(NEIGHBORHOODS["LIME"], torch.tensor([0.5, 1.0, -2.0]).double(), 0.0)
    result = perturbed(three, [model] * len(ROWS), 0.1, 2, quiet)
    start = float(case.score(case.image[None])[0])
    for end, feature in (("strongest", 2), ("weakest", 0)):
        table = result[f"{end} zeroed"]
        assert table.order == ("1 features",)
        gone = torch.where(labels == feature, three.baseline, case.image)
        moved = abs(float(case.score(gone[None])[0]) - start)
        assert table.values[0, 0] == pytest.approx(moved, abs=1e-5)


SMALL = "Small changes of brightness"


def table_of(values):
    columns = tuple(f"in {name}'s" for name in ROWS)
    return Table.grid(np.array(values, np.float32), ROWS, columns, ("logit²",) * 8)


def trial(lost, still=1.0):
    """An answer of LFA with these losses at fresh samples, and one loss of no change."""
    base = Table.grid(np.full((1, 8), still, np.float32), ("squared loss",), ROWS, ("",) * 8)
    return {"fresh squared loss": table_of(lost), "fresh no change": base}


def losses(fill, *changes):
    """Losses of eight explainers in eight neighborhoods, some of them other ones."""
    values = np.full((8, 8), fill)
    for places, value in changes:
        values[places] = value
    return values


FADING, MANY = "The whole image fading", "Parts taken away, many at once"
C_LIME, GRADIENT, LIME = (ROWS.index(name) for name in ("C-LIME", "Gradient", "LIME"))
COLUMN = np.s_[:, LIME]
GRADED = trial(np.outer(np.arange(8), np.ones(8)), 4)
SOME_LOST = trial(losses(0.5, (GRADIENT, 0.4), (COLUMN, np.linspace(1, 2, 8))))
OWN_BEST = losses(2.0, (np.diag_indices(8), 0.1))
EFFECTS = Table.of(
    {"1 features": ([1.0, 3.0, 0.5], "logit"), "2 features": ([1.0, 5.0, 0.2], "logit")},
    list("ABC"),
)
ERRORS = Table.of({"error": ([0.0, 0.0099, 0.01, np.nan], "of the weights")}, list("ABCD"))


def nothing(*mean):
    model = Classifier(tiny.Cnn(), "toy", "toy", side=8, mean=mean)
    return findings.nothing(ImageCase(model, torch.zeros(3, 8, 8), 0))


SENTENCES = {
    "advice, by share": lambda: findings.advice(GRADED, SMALL),
    "advice, as good as saying nothing": lambda: findings.advice(SOME_LOST, MANY),
    "advice, trusted": lambda: findings.advice(SOME_LOST, FADING),
    "free lunch, winner lost elsewhere": lambda: findings.free_lunch(
        trial(losses(2.0, (np.diag_indices(8), 0.1), ((LIME, C_LIME), 90)))
    ),
    "free lunch, winner useful elsewhere": lambda: findings.free_lunch(trial(OWN_BEST / 4)),
    "free lunch, one winner and none": lambda: findings.free_lunch(SOME_LOST),
    "free lunch, one winner of all": lambda: findings.free_lunch(GRADED),
    "free lunch, none": lambda: findings.free_lunch(trial(losses(3.0))),
    "measurement": lambda: {change: findings.best_measured(change) for change in CHANGES},
    "at home": lambda: findings.best_at_home(
        table_of(losses(1.0, (np.diag_indices(3), 0.5), ((4, 3), 0.1), (np.s_[0, 4:], 0.2)))
    ),
    "gray is nothing": lambda: nothing(0.485, 0.456, 0.406),
    "black is nothing": lambda: nothing(0.0, 0.0, 0.0),
    "strongest": lambda: findings.feature_effects(EFFECTS, "strongest"),
    "weakest": lambda: findings.feature_effects(EFFECTS, "weakest"),
    "settled": lambda: findings.settled(EFFECTS),
    "recovered": lambda: findings.recovered(ERRORS),
    "recovered by the first": lambda: findings.recovered(ERRORS.take([0])),
    "recovered by none": lambda: findings.recovered(ERRORS.take([2])),
    "shares": lambda: [findings.share_text(value) for value in (-0.75, 0, 0.999, 0.9991, np.nan)],
}


def test_sentences(snapshot):
    assert {name: sentence() for name, sentence in SENTENCES.items()} == snapshot


@pytest.mark.parametrize("lost", [0, 1])
def test_where_nothing_moves_no_share_is_made_up(lost):
    result = trial(np.full((8, 8), lost), 0)
    assert np.isnan(fresh_shares(result)).all()
    assert "needs no explanation" in findings.advice(result, "The whole image fading")


def test_the_ranking_of_a_change_has_its_own_neighborhood_and_both_samples():
    lost = np.arange(64).reshape(8, 8) / 64
    fitted = {name.removeprefix("fresh "): view for name, view in trial(lost[::-1]).items()}
    result = trial(lost) | fitted
    for change, neighborhood in CHANGES.items():
        table = ranked(result, change)
        at = ROWS.index(neighborhood)
        assert table.rows == ROWS
        assert table["predicted"] == pytest.approx(1 - lost[:, at])
        assert table["at its own samples"] == pytest.approx(1 - lost[::-1, at])


def test_the_shell_hears_what_the_page_says():
    case = ImageCase(tiny.mlp(), tiny.image(8), 1)
    method, experiments = LFA(features="pixels", samples=50), LFAExperiments(count=4, samples=50)
    result = method(case)
    sentences = f"{findings.advice(result, SMALL)} {findings.free_lunch(result)}"
    assert method.finding(case, result) == sentences
    result = experiments(case)
    assert experiments.finding(case, result) == findings.recovered(result["recovery"])
