"""KLoM of matching, hard and easy sets, and certificates; the figures stand in docs/measured.md.

KLoM as in the sheet: the digits' MLP learns with 15 % wrong labels and is to forget 30 of these,
others in each forget set. Requests share originals and halves. Sets: the digits' CNN learns with
20 % wrong labels; 10 % of the images are to be forgotten, the hardest or the easiest by five rounds
of two epochs. Certificates: another seed is another partition and other networks; claims are the
sheet's, of weak networks on MNIST: a run-off gains 1 to 2 points at medium numbers of poisons and
loses a little without any.
"""

from dataclasses import replace

import numpy as np
import pytest

from engine import unlearning
from engine.core.run import answer
from engine.evaluation.experiment import OUTCOMES, ExperimentCase, decided
from engine.unlearning import Certificates
from engine.unlearning.dmm.trainings import ALL, models_of, train_part
from engine.unlearning.roe.bounds import DPA, FA, FA_ROE, ROE, SCHEMES
from engine.vision import data as data_sets
from engine.vision.models import embedded
from engine.vision.training import fresh
from tests.engine.unlearning.trained import original
from tests.outcomes import mean_sd

SETS, COUNT = 3, 30
FEW, MANY = 100, 400
FORGET_SETS = "digits MLP, 30 of its wrong labels, 3 forget sets"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def cases():
    data = data_sets.load("digits+noisy:share=0.15")
    recipe = embedded.plan("digits-mlp").recipe
    order = np.random.default_rng(0).permutation(unlearning.request.wrong_labels(data).ids)
    results = []
    for ids in order[: SETS * COUNT].reshape(SETS, COUNT):
        forget_request = unlearning.request.of_ids(data, np.sort(ids))
        case = unlearning.ForgetCase(fresh(data, recipe), data, forget_request, recipe)
        model = models_of(train_part(case, ALL, 0), "original")[0]
        results.append(replace(case, model=model))
    return results


def test_a_datamodel_of_more_networks_predicts_better(cases, measure):
    means = {}
    for networks in (FEW, MANY):
        method = unlearning.DMDirect(networks=networks)
        qualities = [answer(method, case)["quality"] for case in cases]
        ranks, stays = (
            [quality.cell(group, "rank correlation") for quality in qualities]
            for group in ("forget", "retain")
        )
        measure(
            f"Datamodel, {FORGET_SETS}, {networks} networks",
            f"rank correlation with the true change {mean_sd(ranks, 2)}; "
            f"on images that stay {mean_sd(stays, 2)}",
        )
        means[networks] = np.mean(ranks)
    assert means[MANY] > max(0.5, means[FEW])


def test_matching_comes_nearer_than_doing_nothing(cases, measure):
    """Noise < OM < DMM < 0.4 × doing nothing, in the median; DMM with few networks is told.

    OM comes down to the noise, so that chance puts it below in one set or another.
    """
    ways = {
        "NoOp": unlearning.NoOp(),
        "GA": unlearning.GradientAscent(),
        "NegGrad+": unlearning.NegGradPlus(),
        "OM": unlearning.OracleMatching(),
        f"DMM, {FEW} networks": unlearning.DatamodelMatching(networks=FEW),
        f"DMM, {MANY} networks": unlearning.DatamodelMatching(networks=MANY),
    }
    forget, retain, noise = {}, {}, []
    for name, way in ways.items():
        results = [answer(unlearning.KLoM(), unlearning.AfterCase(case, way)) for case in cases]
        forget[name], retain[name] = (
            np.array([result["summary"].cell(group, "unlearned, median") for result in results])
            for group in ("forget", "retain")
        )
        noise = np.array([result["summary"].cell("forget", "noise, median") for result in results])
        high = [result["summary"].cell("retain", "unlearned, 95 %") for result in results]
        cost = np.mean([result["cost"]["share of retraining"][0] for result in results])
        measure(
            f"KLoM, {FORGET_SETS}, {name}",
            f"median {mean_sd(forget[name], 2)} nats on forgotten images "
            f"(noise {mean_sd(noise, 2)}), {mean_sd(retain[name], 2)} on images that stay "
            f"(95th percentile {mean_sd(high, 2)}); "
            f"{cost:.0%} of retraining's passes",
        )
    best = forget[f"DMM, {MANY} networks"]
    assert np.median(noise) < np.median(forget["OM"])
    assert (forget["OM"] < best).all()
    assert np.median(best / forget["NoOp"]) < 0.4
    assert np.median(retain[f"DMM, {MANY} networks"] / retain["NoOp"]) < 2


NAME, SHARE = "digits+noisy:share=0.2", 0.1
SPREAD = {"hard": 0.02, "random": 0.06, "easy": 0.0}  # of UA over seeds, in the sheet
WAYS = (unlearning.FineTune(), unlearning.RandomLabels(), unlearning.SalUn())


def test_retraining_gets_hard_images_right_and_easy_ones_wrong(measure):
    """UA of the retrained model: hard < random < easy, by two standard deviations of the sheet.

    What the sheet says of ways is told with ✓ or ✗.
    """
    data, recipe = data_sets.load(NAME), embedded.plan("digits-cnn").recipe
    wrong = data.truth["clean_label"] != data.labels
    ua, flipped = ({name: [] for name in SPREAD} for _ in range(2))
    gaps = {way.short: {name: [] for name in SPREAD} for way in WAYS}
    for seed in range(3):
        model = original(NAME, recipe, seed)
        requests = {
            "hard": unlearning.hardest(model, data, SHARE, seed),
            "easy": unlearning.easiest(model, data, SHARE, seed),
            "random": unlearning.request.at_random(data, SHARE, seed),
        }
        for name in SPREAD:
            case = unlearning.forget_case(model, data, requests[name], recipe, seed)
            board = unlearning.BoardCase(case, WAYS)
            table = answer(unlearning.Scoreboard(seeds=1), board)["table"]
            ua[name].append(table.cell("Retrain", "UA"))
            flipped[name].append(wrong[case.splits.forget].mean())
            for way, gap in gaps.items():
                gap[name].append(table.cell(way, "gap"))
    where = "hard and easy sets, digits CNN with 20 % wrong labels, 10 %, 3 seeds"
    for name in SPREAD:
        measure(
            f"{where}; {name}: retrained UA, share of wrong labels",
            f"{mean_sd(ua[name])}; {mean_sd(flipped[name])}",
        )
    for way, gap in gaps.items():
        parts = [f"{name} {mean_sd(gap[name])}" for name in SPREAD]
        measure(f"{where}; {way}, average gap", "; ".join(parts))
    for way, sign, claim in (("FT", -1, "smaller"), ("RL", 1, "larger"), ("SalUn", 1, "larger")):
        change = sign * (np.array(gaps[way]["hard"]) - gaps[way]["random"])
        measure(
            f"{where}; claim: {way}'s gap is {claim} on hard images than on random ones",
            f"{'✓' if change.mean() > change.std(ddof=1) else '✗'} "
            f"({mean_sd(sign * change).replace('-', '−')})",
        )
    for less, more in (("hard", "random"), ("random", "easy")):
        margin = 2 * np.hypot(SPREAD[less], SPREAD[more])
        assert (np.array(ua[more]) - ua[less] > margin).all(), (less, more, ua)


SEEDS, IMAGES = 3, 500
PARTS = {"mnist-5k": (25, 50, 100), "digits": (25, 50)}
POISONS = {25: (0, 4, 8), 50: (0, 8, 15), 100: (0, 15, 30)}  # none, some, medium
POINT = 0.01


@pytest.mark.parametrize(
    ("name", "parts"), [(name, count) for name, every in PARTS.items() for count in every]
)
def test_where_a_run_off_gains(name, parts, measure):
    method, data = Certificates(partitions=parts, images=IMAGES), data_sets.load(name)
    curves = [answer(method, ExperimentCase(data, seed))["curves"] for seed in range(SEEDS)]
    what = f"Certificates, {name}, {parts} partitions, {SEEDS} seeds"
    shares = {
        scheme: np.array(
            [
                [float(curve[scheme][at]) if at < len(curve) else 0.0 for at in POISONS[parts]]
                for curve in curves
            ]
        )
        for scheme in SCHEMES
    }
    for scheme, share in shares.items():
        figures = "; ".join(
            f"{100 * mean:.1f} ± {100 * sd:.1f} % at {at}"
            for at, mean, sd in zip(
                POISONS[parts], share.mean(0), share.std(0, ddof=1), strict=True
            )
        )
        measure(f"{what}, {scheme}", f"certified right {figures} poisons")
        assert (np.diff(share, axis=1) <= 0).all()
    for plain, run_off in ((DPA, ROE), (FA, FA_ROE)):
        gain = shares[run_off] - shares[plain]
        outcomes, means, within = decided(np.stack([gain[:, -1] - POINT, -gain[:, 0]], 1))
        for claim, outcome, mean, half in zip(
            (f"gains a point at {POISONS[parts][-1]} poisons", "costs right answers without any"),
            outcomes,
            means,
            within,
            strict=True,
        ):
            measure(
                f"{what}, {run_off} beside {plain}: {claim}",
                f"{OUTCOMES[int(outcome)]} here: {100 * mean:+.1f} ± {100 * half:.1f} points",
            )
    if name == "mnist-5k":  # where the sheet claims it
        assert shares[ROE][:, -1].mean() > shares[DPA][:, -1].mean()
        assert shares[ROE][:, 0].mean() < shares[DPA][:, 0].mean()
