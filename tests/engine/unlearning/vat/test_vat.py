"""VAT on simulated users: every figure by torch and by counting, controls, claims, the picture."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.core.method import quiet
from engine.evaluation.experiment import ExperimentCase
from engine.unlearning import VatExperiment
from engine.unlearning.vat import experiment as vat
from engine.unlearning.vat.factors import RATE, batches
from engine.unlearning.vat.recommender import choices_of
from engine.vision.data.interactions import Interactions
from tests.outcomes import OUTCOMES_HERE, margins_of, measured

WAYS = (vat.CLEAN, vat.PLAIN, vat.APR, vat.VAT, vat.SHUFFLED)
BRIEF = VatExperiment(seeds=1, epochs=8)


@pytest.fixture(scope="module")
def case():
    return ExperimentCase(Interactions(count=80, items=200).make(), 3)


def figures(method, way, case):
    return method.condition(way, case, quiet)[0]


def learned_in_torch(known, way, method, seed):
    """The steps of the published trainer, with the same first embeddings and triples."""
    users, items = known.shape
    first = (
        np.random.default_rng([seed, stream]).normal(0, 0.1, (count, 16))
        for stream, count in ((50, users), (51, items))
    )
    tables = [torch.nn.Parameter(torch.tensor(array)) for array in first]
    adam = torch.optim.AdamW(tables, lr=RATE)
    drawn, shuffles = (np.random.default_rng([seed, stream]) for stream in (52, 54))
    for epoch in range(1, method.epochs + 1):
        for user, chosen, other in batches(known, drawn):
            adam.zero_grad()
            parts = [tables[0][user], tables[1][chosen], tables[1][other]]

            def each(own, yes, no):
                return F.softplus((own * no).sum(1) - (own * yes).sum(1))

            loss = each(*parts)
            total = loss.mean() + 1e-4 * sum(part.norm(dim=1).pow(2).mean() for part in parts)
            if epoch >= 5 and way not in {vat.CLEAN, vat.PLAIN}:
                sums = {}
                for at, value in zip(user.tolist(), loss.tolist(), strict=True):
                    sums[at] = sums.get(at, 0.0) + value
                pairs, mean = sorted(sums.items()), sum(sums.values()) / len(sums)
                weights = {at: method.bound / (1 + math.exp(1 - mean / v)) for at, v in pairs}
                if way == vat.APR:
                    weights = dict.fromkeys(sums, 1.0)
                if way == vat.SHUFFLED:
                    others = shuffles.permutation(list(weights.values())).tolist()
                    weights = dict(zip(weights, others, strict=True))
                sizes = torch.tensor([[weights[at] * method.epsilon] for at in user.tolist()])
                steps = torch.autograd.grad(loss.mean(), parts, retain_graph=True)
                steps = [F.normalize(step, dim=1) * sizes for step in steps]
                total = total + each(*(a + b for a, b in zip(parts, steps, strict=True))).mean()
            total.backward()
            adam.step()
    return [table.detach().numpy() for table in tables]


def counted(users, items, given, targets):
    recalls, ndcgs, swayed = [], [], []
    reached = {target: [] for target in targets.tolist()}
    for user in range(len(given.train)):
        scores = items @ users[user]
        offered = [at for at in np.argsort(-scores) if not given.seen[user, at]]
        relevant = set(np.flatnonzero(given.test[user]).tolist())
        hits = [place for place, at in enumerate(offered[:20]) if at in relevant]
        recalls.append(len(hits) / len(relevant))
        ideal = sum(1 / math.log2(place + 2) for place in range(min(20, len(relevant))))
        ndcgs.append(sum(1 / math.log2(place + 2) for place in hits) / ideal)
        places = []
        for target, result in reached.items():
            if not given.every[user, target]:
                result.append(offered.index(target) + 1)
                places.append(result[-1])
        swayed.append(any(place <= 10 for place in places))

    def share(most):
        return np.mean([np.mean([place <= most for place in ranks]) for ranks in reached.values()])

    gained = [
        np.mean([1 / math.log2(place + 1) if place <= 50 else 0 for place in ranks])
        for ranks in reached.values()
    ]
    return {
        vat.REACHED: share(50),
        vat.REACHED_20: share(20),
        vat.REACHED_10: share(10),
        vat.GAIN: np.mean(gained),
        vat.RECALL: np.mean(recalls),
        vat.NDCG: np.mean(ndcgs),
    }, np.array(swayed)


def test_every_figure_is_that_of_a_recommender_learned_in_torch_and_counted_user_by_user(case):
    table = BRIEF(case)["table"]
    choices = choices_of(case.data)
    targets, fakes = BRIEF.attack(choices.train, case.seed)
    assert len(fakes) == 2
    for way in WAYS:
        known = choices.train if way == vat.CLEAN else np.concatenate([choices.train, fakes])
        users, items = learned_in_torch(known, way, BRIEF, case.seed)
        expected, swayed = counted(users, items, choices, targets)
        assert {name: table.cell(way, name) for name in expected} == pytest.approx(expected)
        loss = vat.fit_of(users, items, known, case.seed)[: len(choices.train)]
        fit = vat.correlation(-loss, swayed)
        assert table.cell(way, vat.FIT) == pytest.approx(fit, nan_ok=True)
    assert len({table.cell(way, vat.NDCG) for way in WAYS}) == len(WAYS)
    assert set(table.rows) == set(WAYS)


def test_a_user_s_fit_is_the_mean_loss_of_triples_and_its_correlation_is_of_numbers_with_flags():
    known = np.array([[True, False], [False, True]])  # one triple each can be drawn
    users, items = np.array([[1.0], [1.0]]), np.array([[2.0], [0.0]])
    expected = [math.log(1 + math.exp(-2)), math.log(1 + math.exp(2))]
    assert vat.fit_of(users, items, known, 0) == pytest.approx(expected)
    values, half = np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, False, True, True])
    assert vat.correlation(values, half) == pytest.approx(2 / 5**0.5)
    assert math.isnan(vat.correlation(values, half | True))
    assert math.isnan(vat.correlation(values, half & False))


def test_more_fake_users_reach_more_and_without_any_or_without_epsilon_nothing_differs(case):
    none = replace(BRIEF, fakes=0.0)
    clean = pytest.approx(figures(none, vat.CLEAN, case), nan_ok=True)
    assert figures(none, vat.PLAIN, case) == clean
    off = replace(BRIEF, epsilon=0.0)
    for way in (vat.APR, vat.VAT, vat.SHUFFLED):
        assert figures(off, way, case) == pytest.approx(figures(off, vat.PLAIN, case), nan_ok=True)
    longer = replace(BRIEF, epochs=40)
    attacked = replace(longer, fakes=5.0), replace(longer, fakes=0.0)
    more, less = (figures(method, vat.PLAIN, case)[vat.REACHED] for method in attacked)
    assert more > less + 0.02


def test_the_users_that_are_drawn_have_vat_s_weight_and_are_swayed_as_counted(case):
    method = replace(BRIEF, fakes=5.0, epochs=40)
    result, views = method.condition(vat.PLAIN, case, quiet)
    table = views["users"]
    assert set(table.rows) <= {vat.SWAYED, vat.NOT_SWAYED}
    loss, weight = table["loss"], table["weight"]
    assert len(loss) == 80
    assert (np.argsort(loss) == np.argsort(-weight)).all()
    mean = loss[0] * (1 + math.log(weight[0] / (method.bound - weight[0])))
    assert weight == pytest.approx(method.bound / (1 + np.exp(1 - mean / loss)))
    swayed = np.array(table.rows) == vat.SWAYED
    assert result[vat.FIT] == pytest.approx(np.corrcoef(-loss, swayed)[0, 1])
    assert not BRIEF.condition(vat.VAT, case, quiet)[1]


def test_the_picture_shows_choices_and_fake_users_and_says_that_it_is_a_simulation(case):
    picture = replace(BRIEF, fakes=5.0).picture(case)
    plain, attacked = picture.images[0].astype(int)
    chosen = case.data.truth["turn"] > 0
    drawn = (plain != 255).any(-1)
    assert (drawn[:80] == chosen).all()
    assert not drawn[80:].any()
    _, fakes = replace(BRIEF, fakes=5.0).attack(choices_of(case.data).train, case.seed)
    below = (attacked[80:] != 255).any(-1)
    assert (below.reshape(4, 4, 200) | ~fakes[:, None]).all()
    assert picture.finding.startswith("A simulation.")
    assert "4 fake users" in picture.finding
    assert all("simulation" in text for text in (BRIEF.question, BRIEF.before(case)))


def test_figures_as_in_the_paper_make_every_claim_hold_and_a_fake_fails_them():
    paper = {
        vat.PLAIN: {vat.REACHED: 0.30, vat.RECALL: 0.20, vat.FIT: 0.4},
        vat.APR: {vat.REACHED: 0.24, vat.RECALL: 0.20},
        vat.VAT: {vat.REACHED: 0.20, vat.RECALL: 0.21},
        vat.SHUFFLED: {vat.REACHED: 0.25},
    }
    expected = pytest.approx([0.1, 0.04, 0.06, 0.02, 0.02, 0.4, 0.05])
    assert margins_of(vat.CLAIMS, paper) == expected
    fake = paper | {vat.VAT: {vat.REACHED: 0.33, vat.RECALL: 0.15}}
    fake[vat.PLAIN] = paper[vat.PLAIN] | {vat.FIT: -0.1}
    assert max(margins_of(vat.CLAIMS, fake)) < 0


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_what_the_paper_claims_is_measured_with_five_seeds(measure):
    method = VatExperiment()
    where = (
        f"VAT, simulated users, {method.fakes:g} % fakes ({method.profile}), "
        f"ε = {method.epsilon}, λ = {method.bound:g}"
    )
    table = measured(measure, method, where, OUTCOMES_HERE)["table"]
    clean, attacked = (table.cell(row, vat.REACHED) for row in (vat.CLEAN, vat.PLAIN))
    assert attacked > clean + 0.02
    assert table.cell(vat.CLEAN, vat.RECALL) > 2 * 20 / 400  # something was learned
