"""The methods' figures, counted by hand; what they say; what they refuse."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.attribution.mhim import MHIM, MHIM2, BagsCase, methods
from engine.attribution.mhim.bags import bags_of
from engine.attribution.mhim.masks import HIGH, RANDOM, RECYCLED
from engine.attribution.mhim.mining import bag_network, learn
from engine.attribution.mhim.network import MAX
from engine.attribution.mhim.scores import bag_auc, found_keys, recall, tile_auroc
from engine.core.errors import BadData, BadSetting
from engine.core.run import answer
from tests import tiny

CASE = tiny.bags_case()
SMALL = {MHIM: MHIM(epochs=4), MHIM2: MHIM2(epochs=4)}


def auc_by_hand(scores, positive):
    pairs = [(score, other) for score in scores[positive] for other in scores[~positive]]
    return np.mean([1.0 if score > other else 0.5 * (score == other) for score, other in pairs])


@pytest.mark.parametrize("kind", [MHIM, MHIM2])
def test_every_figure_is_that_of_networks_trained_and_counted_by_hand(kind):
    method, bags = SMALL[kind], bags_of(CASE)
    result = answer(method, CASE)
    rows, size = bags.slides.rows("test"), bags.layout.size
    positive = bags.slides.labels[rows] == 1
    plain = learn(CASE, bags, methods.recipe(4))
    best = learn(CASE, bags, methods.recipe(4), MAX)
    mined = learn(CASE, bags, methods.recipe(4), how=method.mining(), begins=plain.model)
    tiles, table = result["tiles"], result["figures"]
    assert tiles["row"].tolist() == bags.layout.rows[rows].ravel().tolist()
    for name, model in {
        methods.ABMIL: plain.model,
        methods.TEACHER: mined.teacher,
        methods.STUDENT: mined.model,
    }.items():
        with torch.inference_mode():
            reading = bag_network(model).read(bags.features[torch.from_numpy(rows)])
        expected = reading.weights.numpy()
        assert tiles[name].reshape(-1, size) == pytest.approx(expected, abs=1e-6)
        chance = reading.logits.softmax(1)[:, 1].numpy()
        assert table.cell(name, "bag AUC") == pytest.approx(auc_by_hand(chance, positive))
        hits = {"easy ones": [], "hard ones": [], "key tiles found": []}
        for place, row in enumerate(rows):
            key, hard = bags.layout.key[row], bags.layout.hard[row]
            strongest = np.argsort(-expected[place], kind="stable")[: key.sum()]
            for tile in np.flatnonzero(key):
                for group in ("key tiles found", "hard ones" if hard[tile] else "easy ones"):
                    hits[group].append(tile in strongest)
        for measure, of_group in hits.items():
            share = np.mean(of_group) if of_group else np.nan
            assert table.cell(name, measure) == pytest.approx(share, nan_ok=True)
    network = bag_network(best.model)
    hidden = torch.nn.functional.gelu(network.embed(bags.features[torch.from_numpy(rows)]))
    probabilities = (hidden @ network.head.weight.T).softmax(-1).detach().numpy()
    labels = bags.slides.labels[rows]
    mine = np.stack([probabilities[at, :, label] for at, label in enumerate(labels)])
    assert tiles[methods.MAX_POOLING].reshape(-1, size) == pytest.approx(mine, abs=1e-6)


@pytest.mark.parametrize("kind", [MHIM, MHIM2])
def test_the_masks_that_are_kept_are_those_of_a_share_at_each_step(kind):
    table = SMALL[kind](CASE)["masks"]
    kinds = np.stack([table[f"tile {at}"] for at in range(8)], 1)
    bags = np.unique(table["bag"])
    assert len(table) == 4 * len(bags)  # once an epoch
    assert (kinds == HIGH).sum(1).tolist() == [1] * len(table)
    assert ((kinds == RANDOM).any(), (kinds == RECYCLED).any()) == (kind is MHIM, kind is MHIM2)


def test_bags_with_easy_and_hard_key_tiles_are_watched_first():
    bags = bags_of(CASE)
    first, easy, both, *others = bags.slides.rows("train").tolist()
    key, hard = np.ones((2, *bags.layout.key.shape), bool)
    hard[easy], hard[both, 0] = False, False
    layout = replace(bags.layout, key=key, hard=hard)
    assert methods.watched(replace(bags, layout=layout)) == [both, first, easy, *others[:3]]


def test_scores_are_of_the_student_and_key_tiles_and_aucs_are_counted_by_hand():
    result = SMALL[MHIM2](CASE)
    tiles = result["tiles"]
    assert result["figures"].rows[-1] == methods.BY_CLASS
    together = sum(tiles[methods.by_class(name)] for name in CASE.data.classes)
    assert together == pytest.approx(np.ones(len(tiles)), abs=1e-5)
    key = np.array([[True, False, True, False], [False, False, False, True]])
    scores = np.array([[0.4, 0.3, 0.1, 0.2], [0.1, 0.2, 0.3, 0.4]], np.float32)
    expected = [[True, False, False, False], [False, False, False, True]]
    assert found_keys(scores, key).tolist() == expected
    assert recall(scores, key, np.ones_like(key)) == pytest.approx(2 / 3)
    assert np.isnan(recall(scores, key, np.zeros_like(key)))
    assert tile_auroc(scores, key, np.ones_like(key)) == pytest.approx((0.5 + 1) / 2)
    assert np.isnan(tile_auroc(scores, key, np.zeros_like(key)))
    assert tile_auroc(scores, key, key | [[False], [True]]) == 1  # the first bag has no other tile
    rng = np.random.default_rng(0)
    chances, labels = rng.random((20, 3)).astype(np.float32), np.arange(20) % 3
    expected = np.mean([auc_by_hand(chances[:, index], labels == index) for index in range(3)])
    assert bag_auc(chances, labels) == pytest.approx(expected)
    assert np.isnan(bag_auc(chances, np.zeros(20, np.int64)))


def test_a_finding_has_the_figures_of_the_table_or_says_that_key_tiles_are_unknown():
    result = SMALL[MHIM](CASE)
    table = result["figures"]
    share = 100 * table.cell(methods.STUDENT, "key tiles found")
    sentence = SMALL[MHIM].finding(CASE, result)
    assert sentence.startswith(f"MHIM-MIL v1 finds {share:.0f} % of the key tiles in 6 test bags")
    assert f"ABMIL) {100 * table.cell(methods.ABMIL, 'key tiles found'):.0f} %" in sentence
    case = BagsCase(CASE.model, replace(CASE.data, truth={"group": CASE.data.truth["group"]}))
    result = SMALL[MHIM](case)
    assert np.isnan(result["figures"].cell(methods.STUDENT, "hard ones"))
    assert "which tiles are key is not known" in SMALL[MHIM].finding(case, result)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"truth": {}}, "is no set of bags"),
        ({"truth": {"group": np.arange(144)}}, "A bag of Bright bags has one tile"),
        ({"truth": {"group": np.minimum(np.arange(144) // 8, 16)}}, "from 8 to 16 tiles"),
        ({"labels": np.zeros(144, np.int64)}, "Every train bag of Bright bags is “none”"),
        ({"split": np.zeros(144, np.uint8)}, "has no bags for its test split"),
    ],
)
def test_what_are_no_bags_is_said(changed, words):
    with pytest.raises(BadData, match=words):
        BagsCase(CASE.model, replace(CASE.data, **changed))


def test_masks_that_could_take_every_tile_are_refused_before_anything_is_read():
    with pytest.raises(BadSetting, match="9 of 8 tiles would be masked"):
        MHIM(random=0.9, low=0.0)(CASE)
    how = MHIM(random=0.9, low=0.0).mining()
    with pytest.raises(BadSetting, match="9 of 8 tiles would be masked"):
        learn(CASE, bags_of(CASE), methods.recipe(1), how=how)
