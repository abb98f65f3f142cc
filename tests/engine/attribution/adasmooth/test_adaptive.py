"""Adaptive smoothing as an experiment: its figures, by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.attribution.adasmooth import claims
from engine.attribution.adasmooth import experiment as adaptive
from engine.attribution.adasmooth.apgd import STRONG, apgd
from engine.attribution.adasmooth.claims import ADAPTIVE, ALPHAS, ATTACKED, CLEAN, alpha_condition
from engine.attribution.adasmooth.experiment import (
    AdaptiveSmoothing,
    class_balanced_images,
    shipped_networks,
)
from engine.attribution.adasmooth.mixing import learned_mixing, quick
from engine.attribution.adasmooth.mixture import LOSSES, Mixture, margin
from engine.core.errors import BlindspotError
from engine.core.method import quiet
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.vision import data as data_sets
from engine.vision.training import Pgd, pgd
from tests import tiny
from tests.tiny import seeded

QUICK = AdaptiveSmoothing(seeds=1, images=30, steps=5, epochs=1, epsilon=0.1)


@pytest.fixture(scope="module")
def case():
    return ExperimentCase(data_sets.load("digits"))


@pytest.fixture(scope="module")
def result(case):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AdaptiveSmoothing, "certified_images", 4)
        return answer(QUICK, case)


def by_hand(mixture, images, targets):
    """Right on the clean images and after four attacks on each of three networks."""
    resisted = clean = mixture(images.expand(-1, 3, -1, -1)).argmax(1) == targets
    adversarial = []
    for net in (mixture, mixture.normal, mixture.robust):
        plain = [pgd(net, images, targets, Pgd(0.1, 5, 0.05), seeded(), loss) for loss in LOSSES]
        strong = [apgd(net, images, targets, 0.1, 5, seeded(), objective) for objective in STRONG]
        for moved in (*plain, *strong):
            resisted = resisted & (mixture(moved.expand(-1, 3, -1, -1)).argmax(1) == targets)
            adversarial += [moved] if net is mixture else []
    return clean, resisted, torch.cat(adversarial)


@pytest.mark.parametrize("alpha", [0.0, 0.4, 0.8, 1.0])
def test_figures_are_those_of_mixtures_attacked_by_hand(case, result, alpha):
    data = case.data
    rows = data.some("test", 30, 0)
    images, targets = torch.from_numpy(data.images[rows] / np.float32(255)), data.targets(rows)
    normal, robust = shipped_networks(data)
    with torch.no_grad():
        clean, resisted, moved = by_hand(Mixture(normal, robust, alpha), images, targets)
        sure = alpha * margin(robust(moved.expand(-1, 3, -1, -1))) >= 1 - alpha
    table, row = result["table"], alpha_condition(alpha)
    assert table.cell(row, CLEAN) == pytest.approx(clean.float().mean().item())
    assert table.cell(row, ATTACKED) == pytest.approx(resisted.float().mean().item())
    assert table.cell(row, claims.SURE) == pytest.approx(sure.float().mean().item())
    assert table.cell(row, claims.BROKEN) == 0


def learned(data):
    recipe = quick(QUICK.epsilon)
    return learned_mixing(*shipped_networks(data), data, (1.0, 1.0), recipe, 1, 0, quiet)


@pytest.fixture(scope="module")
def mixing(case):
    return learned(case.data)


def test_the_adaptive_mixture_is_measured_with_its_own_attacks(case, result, mixing):
    normal, robust = shipped_networks(case.data)
    images, targets = class_balanced_images(case.data, 30, 0)
    mixture = Mixture(normal, robust, mixing)
    with torch.no_grad():
        clean, resisted, _ = by_hand(mixture, images, targets)
    table = result["table"]
    assert table.cell(ADAPTIVE, CLEAN) == pytest.approx(clean.float().mean().item())
    assert table.cell(ADAPTIVE, ATTACKED) == pytest.approx(resisted.float().mean().item(), abs=0.04)
    assert 0.5 < table.cell(ADAPTIVE, claims.ATTACKS_AUC) <= 1
    assert np.isnan(table.cell(claims.ROBUST, claims.ATTACKS_AUC))


def test_the_mixing_network_learns_to_find_attacks(case, mixing):
    normal, robust = shipped_networks(case.data)
    before = [weight.clone() for weight in robust.state_dict().values()]
    again = [*learned(case.data).state_dict().values(), *robust.state_dict().values()]
    for first, second in zip([*mixing.state_dict().values(), *before], again, strict=True):
        assert torch.equal(first, second)
    images, targets = class_balanced_images(case.data, 100, 1)
    mixture = Mixture(normal, robust, mixing)
    moved = pgd(robust, images, targets, Pgd(0.1, 7, 0.03), seeded())
    with torch.no_grad():
        alphas = [mixture.alphas(batch.expand(-1, 3, -1, -1)).mean() for batch in (images, moved)]
    assert alphas[1] > alphas[0]


def test_another_seed_trains_both_networks_by_their_recipes(case, monkeypatch):
    cases = []

    def answered(_method, training_case, _progress):
        cases.append(training_case)
        return {"model": None}

    monkeypatch.setattr(adaptive, "answer", answered)
    monkeypatch.setattr(adaptive, "rebuilt", lambda _: tiny.mlp())
    adaptive.pair_of(replace(case, seed=2))
    assert [training_case.seed for training_case in cases] == [2, 2]
    assert [training_case.recipe.epsilon for training_case in cases] == [0.0, 0.1]


def figures(pairs):
    """Figures by condition and measure, for the claims."""
    base = dict.fromkeys([*map(alpha_condition, ALPHAS), ADAPTIVE], (0.9, 0.5)) | pairs

    def of(condition, measure):
        clean, attacked = base[condition]
        return {CLEAN: clean, ATTACKED: attacked, claims.BROKEN: 0.0}.get(measure, 0.1)

    return of


def test_claims_compare_with_both_ends():
    robust, above = claims.ROBUST, claims.ABOVE[0]
    pairs = {claims.NORMAL: (0.98, 0.0), robust: (0.94, 0.8), alpha_condition(0.25): (0.98, 0.1)}
    pairs |= {above: (0.965, 0.79), ADAPTIVE: (0.975, 0.795)}
    gains, lost, surer, retention, best = (claim.margin(figures(pairs)) for claim in claims.CLAIMS)
    assert gains == pytest.approx(0.965 - 0.96)
    assert lost == pytest.approx(0.3)
    assert surer > 0
    assert retention > 0
    assert best == pytest.approx(0.795 - 0.1)
    weak, no_gap = {above: (0.97, 0.7)}, {robust: (0.985, 0.8), above: (0.99, 0.8)}
    assert claims.CLAIMS[0].margin(figures(pairs | weak)) == pytest.approx(0.7 - 0.8 + 0.02)
    assert claims.CLAIMS[0].margin(figures(pairs | no_gap)) == pytest.approx(-0.005)


def test_sureness_is_compared_between_right_and_misread_images(case):
    _, robust = shipped_networks(case.data)
    images, targets = class_balanced_images(case.data, 50, 0)
    wide = images.expand(-1, 3, -1, -1)
    noisy = (wide + 0.8 * torch.rand(wide.shape, generator=seeded())).clamp(0, 1)
    with torch.no_grad():
        measured = adaptive.surer(robust, wide, noisy, targets)
        logits = torch.cat([robust(wide), robust(noisy)])
    good = logits.argmax(1) == targets.repeat(2)
    first, second = logits.softmax(1).topk(2).values.T
    lead = first - second
    expected = lead[:50][good[:50]].mean() - lead[~good].mean()
    assert measured == pytest.approx(expected.item(), abs=1e-6)


def test_views_are_the_plane_of_the_first_seed_certificates_and_pictures(case, result):
    assert list(result["plane"].rows) == [*(alpha_condition(alpha) for alpha in ALPHAS), ADAPTIVE]
    cells = [result[view].cell(claims.NORMAL, CLEAN) for view in ("plane", "table")]
    assert cells[0] == cells[1]
    assert result["certified"].order[0] == "radius"
    view = QUICK.picture(case)
    assert view.rows == ("clean", "attacked")
    assert (view.images[0] != view.images[1]).any()
    assert all(caption.startswith("normal ") for caption in view.captions)
    with pytest.raises(BlindspotError, match="ship"):
        shipped_networks(tiny.columns(8, ("a", "b")))


def test_images_are_where_the_networks_are(case, monkeypatch):
    images, targets = class_balanced_images(case.data, 4, 0, torch.device("meta"))
    assert (images.device.type, targets.device.type) == ("meta", "meta")
    devices = []
    original = adaptive.class_balanced_images

    def watched(data, count, seed, device=None):
        devices.append(device)
        return original(data, count, seed, device)

    monkeypatch.setattr(adaptive, "class_balanced_images", watched)
    normal, robust = shipped_networks(case.data)
    QUICK.measured(Mixture(normal, robust, 0.5), case)
    QUICK.picture(case)
    assert devices == [normal.device] * 2
