"""VASparse: what stays, what it is held against, what sinks get; nothing at neutral settings."""

from math import ceil

import numpy as np
import pytest
import torch

from engine.evaluation.language.greedy import Greedy
from engine.hallucination.vasparse.keeping import calibrated, recovered, saliency, scores
from engine.hallucination.vasparse.strategy import EVERY, VASparse
from engine.vision.language.decoding.generate import generate
from engine.vision.language.vlm import RequestedOutputs
from tests.engine.hallucination.tiny import case, one_pass, pictures, prompts, scenes, untrained

NEUTRAL = VASparse(length=20, keep=1.0, visual=0.0, eta=0.0, gamma=0.0, compete=EVERY)
PUBLISHED = {"compete": EVERY, "source": "masked cache"}
ALL = RequestedOutputs(attention=(0, 1, 2), rows="all")
LAYERS = range(3)


def but(**settings):
    return VASparse(**NEUTRAL.settings() | settings)


class Watched(VASparse):
    """Keeps its session and all that was read."""

    def session(self, start):
        session = super().session(start)
        plain = session.read
        object.__setattr__(self, "seen", [])
        object.__setattr__(self, "running", session)

        def read(now, tokens):
            self.seen.append(plain(now, tokens))
            return self.seen[-1]

        session.read = read
        return session


def run(method):
    return generate(untrained(), method, pictures(), prompts())


@torch.no_grad()
def opened():
    return one_pass(untrained(), scenes()[:1], prompts(), ALL)


def test_with_neutral_settings_it_is_greedy_to_the_bit():
    plain, none = Greedy(length=20)(case()), NEUTRAL(case())
    assert none["answer"].ids.tolist() == plain["answer"].ids.tolist()
    assert np.array_equal(none["final"].values, plain["final"].values)
    assert np.array_equal(none["answer"].looks, plain["answer"].looks)
    assert np.array_equal(none["cost"].values, plain["cost"].values)


@pytest.mark.parametrize("keep", [0.1, 0.3, 0.7])
@pytest.mark.parametrize("visual", [0.0, 10.0])
def test_the_cache_is_as_long_as_computed_and_holds_the_highest_scores(keep, visual):
    method = Watched(**but(keep=keep, visual=visual, length=6).settings())
    run(method)
    for read, out in enumerate(method.seen):
        assert out.cache.lengths() == (ceil(keep * (68 + read) - 1e-9) + 1,) * 3
    first, begin = method.seen[0].cache, opened()
    for layer in LAYERS:
        rows = begin.attention[layer][0].mean(0)
        sight = rows[:, 1:65].sum(1)
        worth = rows[-1] ** 2 + visual * sight.exp() / sight.exp().sum()
        best = sorted(worth.topk(ceil(keep * 68 - 1e-9)).indices.tolist())
        assert first.positions(layer)[0].tolist() == [*best, 68]
    result = but(keep=keep, visual=visual, length=6)(case())
    for read, out in enumerate(method.seen):
        for layer in LAYERS:
            gone = np.setdiff1d(np.arange(1, 65), out.cache.positions(layer)[0]) - 1
            assert not result["answer"].looks[read + 1, layer][:, gone].any()
    lengths = [ceil(keep * (68 + read) - 1e-9) + 1 for read in range(5)]
    assert result["cost"].values[2] == 3 * (68 * 68 + sum(lengths))


def test_the_most_salient_stay_and_recovered_attention_rises_to_one():
    draw = torch.Generator().manual_seed(0)
    shares, sight = torch.rand(50, generator=draw).softmax(0), torch.rand(50, generator=draw)
    assert saliency(sight).sum().item() == pytest.approx(1, abs=1e-6)
    best = scores(shares, sight, 1e6).topk(12).indices
    assert sorted(best.tolist()) == sorted(saliency(sight).topk(12).indices.tolist())
    plain = scores(shares, sight, 0.0).topk(12).indices
    assert sorted(plain.tolist()) == sorted(shares.topk(12).indices.tolist())
    shares = torch.rand(2, 4, 1, 10, generator=torch.Generator().manual_seed(0)).softmax(-1)
    text = torch.tensor([True] + [False] * 6 + [True] * 3)
    mean = torch.tensor([0.4, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.05, 0.2, 0.0])
    rows = calibrated(shares, text, mean, 0.5, 0.1)
    assert torch.allclose(rows.sum(-1), torch.ones(()), atol=1e-6)
    less = torch.ones(10)
    less[0], less[8] = 0.5, 0.75  # 1 − γ s / max s of the text; the image's column 1 is none
    slowly = shares * less
    assert torch.allclose(rows, slowly / slowly.sum(-1, keepdim=True), atol=1e-6)
    assert torch.equal(
        calibrated(shares, text, mean, 0.0, 0.1), shares / shares.sum(-1, keepdim=True)
    )
    shares = torch.rand(3, 40, generator=torch.Generator().manual_seed(0)).softmax(-1)
    law = recovered(shares)
    assert torch.allclose(law[:, -1], torch.ones(3))
    assert ((law.diff(dim=-1) > 0) & (law.diff(dim=-1).diff(dim=-1).abs().max() < 1)).all()
    assert torch.allclose(law[:, 4], shares.topk(5).values.sum(-1))
    curve = NEUTRAL(case())["recovered"]
    rows = torch.stack([opened().attention[layer][0, :, -1].mean(0) for layer in LAYERS])
    assert np.allclose(curve.y, recovered(rows).mean(0), atol=1e-6)
    assert curve.x[-1] == 1


def test_words_keep_their_true_positions_and_a_thinned_cache_hides_places():
    method = Watched(**but(keep=0.2, length=6).settings())
    run(method)
    for read, out in enumerate(method.seen):
        assert [out.cache.positions(layer)[0, -1].item() for layer in LAYERS] == [68 + read] * 3
        assert out.cache.next_position.tolist() == [69 + read]
    method = Watched(**but(keep=0.4, visual=2.0, length=2).settings())
    token = run(method).tokens[:, 0]
    positions = [method.seen[0].cache.positions(layer)[0] for layer in LAYERS]

    def hide(layer, shares):
        visible = torch.zeros(shares.shape[-1])
        visible[positions[layer]] = 1
        return shares * visible / (shares * visible).sum(-1, keepdim=True)

    masked = untrained().step(token, opened().cache, attn_hook=hide).logits
    assert torch.allclose(method.seen[0].logits, masked, atol=1e-5)


def test_with_the_image_blotted_out_it_is_held_against_words_alone():
    """At full depth the weak logits are those of a step whose attention hides the image."""
    result = but(eta=0.5, masked=1.0, depth=None, length=6, source="masked cache")(case())

    def hide(_layer, shares):
        visible = torch.ones(shares.shape[-1])
        visible[1:65] = 0
        return shares * visible / (shares * visible).sum(-1, keepdim=True)

    vlm, cache = untrained(), opened().cache.crop(67)
    read = [prompts()[0, -1].item(), *result["answer"].ids.tolist()]
    for step, token in enumerate(read[:-1]):
        next_token = torch.tensor([token])
        weak = vlm.step(next_token, cache, attn_hook=hide).logits[0].softmax(-1)
        cache = vlm.step(next_token, cache).cache
        classes = result["weak"].classes[step]
        assert np.allclose(weak[classes.tolist()], result["weak"].values[step], atol=1e-5)
    result = but(eta=1.0, masked=0.0, depth=None, length=6, source="masked cache")(case())
    assert np.allclose(result["weak"].values, result["strong"].values, atol=1e-5)


def test_held_against_the_embedding_scores_are_the_contrast_on_plausible_words():
    method = but(eta=0.3, source="embedding", length=4)
    result = method(case())
    read = [prompts()[0, -1].item(), *result["answer"].ids.tolist()[:-1]]
    shares = untrained().unembed(untrained().parts.decoder.embed(torch.tensor(read))).softmax(-1)
    for step, row in enumerate(shares):
        assert np.allclose(row[result["weak"].classes[step].tolist()], result["weak"].values[step])
    spoken, plain = run(method), run(Greedy(length=4))
    assert (spoken.calls, spoken.looked) == (plain.calls, plain.looked)
    shallow = but(eta=0.3, depth="0", length=4, source="masked cache")
    assert np.array_equal(shallow(case())["weak"].values, result["weak"].values)
    vlm, method = untrained(), but(eta=0.8, source="embedding", length=1)
    result = method(case())
    strong = opened().logits[0]
    scores_ = strong - 0.8 * vlm.unembed(vlm.parts.decoder.embed(prompts()[0, -1]))
    scores_[strong < strong.max() + np.log(0.1)] = -torch.inf
    assert np.allclose(scores_.softmax(-1).topk(8).values, result["final"].values[0], atol=1e-5)


def test_calibration_is_seen_in_the_models_attention():
    """The mean that words got, before and after: the sums of all rows stay 1 each."""
    method = Watched(**but(gamma=1.0, sink=0.05, length=8).settings())
    spoken = run(method)
    sums = method.running.memory.sums
    for total in (sums.before, sums.after):
        assert torch.allclose(total.sum(1), torch.full((3,), 68.0 + len(method.seen)), atol=1e-3)
    assert not torch.allclose(sums.before, sums.after)
    sinks = spoken.views["sinks"]
    most = int(np.argmax(sinks["before"]))
    assert sinks["after"][most] < sinks["before"][most]
    untouched = run(Watched(**but(length=8).settings())).views["sinks"]
    assert np.array_equal(untouched["before"], untouched["after"])
    for out in method.seen:
        for shares in out.attention.values():
            assert torch.allclose(shares.sum(-1), torch.ones(()), atol=1e-5)


def test_what_is_kept_or_merged_is_shown_on_the_grid_and_in_the_cache():
    method = Watched(**but(keep=0.3, length=5).settings())
    result = method(case())
    assert result["kept"].values.shape == (5, 3, 8, 8)
    assert (result["kept"].values[0] == 1).all()
    for step, out in enumerate(method.seen[:4]):
        for layer in LAYERS:
            mask = np.isin(np.arange(1, 65), out.cache.positions(layer)[0].numpy())
            assert np.array_equal(result["kept"].values[step + 1, layer].ravel(), mask)
            places = result["places"][f"held in layer {layer + 1}"]
            assert places[step + 1] == out.cache.lengths()[layer]
    # looks are 0 where a token of the image had been dropped
    gone = result["kept"].values.reshape(5, 3, 1, 64) == 0
    assert (result["answer"].looks[np.broadcast_to(gone, (5, 3, 4, 64))] == 0).all()
    method = Watched(**but(merge=8, merged=0.5, length=12).settings())
    run(method)
    lengths = [out.cache.lengths() for out in method.seen]
    assert lengths[:8] == [(69 + read,) * 3 for read in range(8)]
    assert lengths[8] == (76 - 3 + 1,) * 3
    for layer in LAYERS:
        assert method.seen[8].cache.positions(layer)[0].tolist() == [*range(68), *range(71, 77)]
        before = method.seen[7].cache.layers[layer].values[:, :, 68:72]
        assert torch.allclose(method.seen[8].cache.layers[layer].values[:, :, 68], before.mean(2))
        words = [out.attention[layer][0, :, -1].mean(0) for out in method.seen[:4]]
        sight = torch.stack([shares[1:65].sum() for shares in words]).mean()
        assert method.running.memory.sums.sight[layer, 71] == pytest.approx(float(sight))


def test_thinning_saves_places_and_by_default_no_second_pass_is_run():
    full, half = run(but(length=20)), run(but(keep=0.5, length=20))
    first = 3 * 68 * 68  # image and prompt are read in full
    assert half.calls == full.calls
    assert half.looked - first < 0.55 * (full.looked - first)
    plain, default = run(VASparse(eta=0.0, length=6)), run(VASparse(length=6))
    published = run(VASparse(length=6, source="masked cache"))
    assert (default.calls, default.looked) == (plain.calls, plain.looked)
    assert published.calls == 2 * plain.calls
    assert published.looked > plain.looked


def in_memory(out, layer):
    return set(out.cache.positions(layer)[0].tolist())


def test_by_default_every_word_stays_and_as_published_some_go():
    method = Watched(keep=0.1, length=6)
    result = method(case())
    text = {0, *range(65, 68)}  # the beginning and the prompt
    for read, out in enumerate(method.seen):
        for layer in LAYERS:
            cached = in_memory(out, layer)
            assert text | set(range(68, 69 + read)) <= cached
            assert len(cached & set(range(1, 65))) == ceil(0.1 * 64)
    assert all(np.isnan(result["dropped"][name]).all() for name in result["dropped"].order)
    method = Watched(**VASparse(keep=0.5, length=6).settings() | PUBLISHED)
    dropped = method(case())["dropped"]
    assert dropped.rows[0] == "<bos>"
    assert list(dropped.rows[1:4]) == ["describe", "the", "image"]
    lost = np.stack([dropped[f"layer {layer + 1}"] for layer in LAYERS])
    assert np.isfinite(lost[:, :4]).any()
    for at, position in enumerate([0, *range(65, 68 + 5)]):
        for layer in LAYERS:
            gone = [position not in in_memory(out, layer) for out in method.seen]
            read = max(position - 68, -1)  # the step at which it was read
            first = next((step for step in range(read + 1, len(gone)) if gone[step]), None)
            expected = np.nan if first is None else first + 2
            assert np.array_equal(lost[layer, at], np.float32(expected), equal_nan=True)


def test_chosen_at_random_other_tokens_stay_and_blots_belong_to_the_image():
    def kept(**settings):
        return VASparse(keep=0.3, eta=0.0, gamma=0.0, length=3, **settings)(case())["kept"].values

    aware, top, luck = (kept(ranking=name) for name in ("visual-aware", "top-k", "random"))
    assert np.array_equal(top, kept(visual=0.0))
    assert not np.array_equal(top, aware)
    assert not np.array_equal(luck, aware)
    assert luck[1].sum() == aware[1].sum() == 3 * ceil(0.3 * 64)
    assert np.array_equal(luck, kept(ranking="random"))
    assert (luck[2] <= luck[1]).all()  # what was dropped does not come back

    def blotted(row, seed=0):
        method = Watched(length=1, **PUBLISHED)
        method(case(row=row, seed=seed))
        return set(method.running.blotted.tolist())

    assert len(blotted(0)) == 32
    assert blotted(0) == blotted(0)
    assert len({frozenset(blotted(row, seed)) for row in (0, 1) for seed in (0, 1)}) == 4
