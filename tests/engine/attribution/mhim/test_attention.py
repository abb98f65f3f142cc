"""Attention over a large image: worked out by hand, counted by hand, and what cannot be read."""

from hashlib import blake2b

import numpy as np
import pytest
from scipy.special import erf, softmax

from engine.attribution.mhim import TileAttention, UnlikeTiles, WholeSlideCase, whole
from engine.attribution.mhim import section_networks as networks
from engine.attribution.mhim.attention import KEY_RECALL, SAYS, TILE_AUROC, network_sentence
from engine.attribution.mhim.methods import ABMIL, MAX_POOLING, MEAN_POOLING, MHIM
from engine.core.errors import BadImage, BadModel
from engine.core.run import answer
from engine.vision.data.whole_slide import made_slide
from engine.vision.images.large_base import WholeImage
from engine.vision.models.catalog import DEFAULT, load
from engine.vision.models.embedded import file_of
from tests import tiny
from tests.engine.attribution.mhim.test_whole import features_of

CASE = tiny.section_case()
WEIGHTS = "8083b9da551feb6d"


def gelu(values):
    return values * (1 + erf(values / np.sqrt(2))) / 2


def test_attention_is_the_softmax_worked_out_by_hand_times_the_number_of_tiles():
    result = answer(TileAttention(tile=16), CASE)
    shipped = networks.shipped_networks()
    tiles = features_of(CASE) / shipped.spread
    for name in networks.NETWORKS:
        weights = {k: v.double().numpy() for k, v in shipped.networks[name].state_dict().items()}
        hidden = gelu(tiles @ weights["embed.weight"].T + weights["embed.bias"])
        scores = hidden @ weights["head.weight"].T + weights["head.bias"]
        if name in (MAX_POOLING, MEAN_POOLING):
            logits = scores.max(0) if name == MAX_POOLING else scores.mean(0)
            expected = softmax(scores, 1)[:, 1]
        else:
            match = gelu(hidden @ weights["look.weight"].T) @ weights["weigh.weight"][0]
            logits = softmax(match) @ scores
            expected = softmax(match) * len(tiles)
        assert result["tiles"][name][:-1] == pytest.approx(expected, rel=2e-3, abs=1e-5)
        assert np.isnan(result["tiles"][name][-1])
        chance = softmax(logits)[1]
        assert result["networks"].cell(name, SAYS) == pytest.approx(chance, abs=2e-3)
        assert np.isnan(result["networks"].cell(name, KEY_RECALL))
    assert result["tiles"].units[result["tiles"].order.index(ABMIL)] == "× an equal share"


def test_key_tiles_are_counted_by_hand():
    case, method = WholeSlideCase(load(DEFAULT), made_slide(1792, 1344, seed=5)), TileAttention()
    result = answer(method, case)
    table = result["tiles"]
    known = np.isfinite(table[ABMIL])
    key = (table["planted"] >= 0.25)[known]
    assert key.any()
    hits = {}
    for name in networks.NETWORKS:
        values = table[name][known]
        hits[name] = int(key[np.argsort(-values, kind="stable")[: key.sum()]].sum())
        assert result["networks"].cell(name, KEY_RECALL) == pytest.approx(hits[name] / key.sum())
        pairs = [(a > b) + 0.5 * (a == b) for a in values[key] for b in values[~key]]
        assert result["networks"].cell(name, TILE_AUROC) == pytest.approx(np.mean(pairs), abs=1e-6)
    sentence = method.finding(case, result)
    assert f"of {key.sum()} tiles in planted regions, {hits[MHIM.title]} are among its" in sentence
    assert sentence.endswith(f"{hits[ABMIL]} among plain attention's.")
    for name in (ABMIL, *networks.STUDENTS):  # none of which learned from this section
        assert result["networks"].cell(name, TILE_AUROC) > 0.9


def test_each_network_speaks_for_itself_and_what_is_not_known_is_not_counted():
    method = TileAttention(tile=16)
    result = answer(method, CASE)
    sentence = method.finding(CASE, result)
    assert "times an equal share" in sentence
    assert "planted regions" not in sentence
    for name in networks.NETWORKS:
        sentence = network_sentence(result, name)
        assert sentence.startswith(f"{name} says “a planted region” with ")
        assert ("equal share" in sentence) == (name not in (MAX_POOLING, MEAN_POOLING))
    best = 100 * np.nanmax(result["tiles"][MAX_POOLING])
    assert network_sentence(result, MAX_POOLING).endswith(f"by itself with {best:.0f} %.")
    section = WholeSlideCase(load(DEFAULT), made_slide(1792, 1344, seed=5))
    comparison = network_sentence(answer(TileAttention(), section), ABMIL)
    assert comparison.endswith(f"among those of {MHIM.title}.")


def test_kept_answers_are_of_the_networks_that_ship_and_damaged_weights_are_said(
    monkeypatch, tmp_path
):
    """Other weights give other answers: raise `TileAttention.revision` with the file."""
    weights = blake2b(file_of(networks.NAME).read_bytes(), digest_size=8).hexdigest()
    assert (TileAttention.revision, weights) == (2, WEIGHTS)
    path = tmp_path / "section-networks.safetensors"
    path.write_bytes(file_of(networks.NAME).read_bytes()[:-100])
    monkeypatch.setattr(networks, "file_of", lambda _: path)
    with pytest.raises(BadModel, match="cannot be read"):
        networks.shipped_networks.__wrapped__()


def test_one_tile_with_something_in_it_and_another_network_are_refused():
    pixels = np.full((32, 48, 3), 240, np.uint8)
    pixels[:16, :16] = CASE.image.pixels[:16, :16]
    case = WholeSlideCase(CASE.model, WholeImage(48, 32, "one-tile", (), pixels))
    with pytest.raises(BadImage, match="Only one tile"):
        TileAttention(tile=16)(case)
    other = WholeSlideCase(tiny.cnn(), CASE.image)
    assert TileAttention.unmet(other).startswith("it needs EfficientNet-Lite0")
    assert not TileAttention.unmet(CASE)
    assert TileAttention.unmet(tiny.cnn_case()) == UnlikeTiles.unmet(tiny.cnn_case())


def test_both_methods_read_the_tiles_once(monkeypatch):
    reads, read = [], whole.tile_features
    monkeypatch.setattr(
        whole, "tile_features", lambda *arguments: reads.append(1) or read(*arguments)
    )
    case = WholeSlideCase(load(DEFAULT), made_slide(448, 336, seed=6))
    result = TileAttention(tile=112, glass=1.0)(case)
    count = len(reads)
    assert count
    unlike = UnlikeTiles(tile=112, glass=1.0)(case)
    assert len(reads) == count
    assert (np.isnan(result["tiles"][ABMIL]) == np.isnan(unlike["tiles"]["distance"])).all()
