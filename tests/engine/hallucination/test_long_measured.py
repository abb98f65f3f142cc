"""What the long-winded model and the mixture make of their decodings: docs/measured.md.

The papers' claims are written beside the figures with ✓ or ✗; none is promised.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.evaluation.language.chair import chair
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.rates import Rates, ScenesCase
from engine.evaluation.language.scenes import VOCABULARY, SceneBatch, captions
from engine.hallucination.decoding.beam import Beam
from engine.hallucination.decoding.opera import OPERA, over_trust
from engine.hallucination.scmoe.strategy import SCMoE
from engine.hallucination.vasparse.attention_sinks import ALL, PLACES, TOP, AttentionSinks
from engine.hallucination.vasparse.strategy import VASparse
from engine.hallucination.vasparse.thinning import RANKINGS
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.decoding.generate import generate
from engine.vision.language.scenes import UNSEEN
from engine.vision.language.tiny_vlm.sayings import PROMPTS
from engine.vision.language.tiny_vlm.weights import HABIT, LONG, MIXTURE, load
from engine.vision.language.vlm import RequestedOutputs
from tests.engine.hallucination.tiny import one_pass, prompts
from tests.outcomes import mean_sd

pytestmark = pytest.mark.slow
DRAWS, SCENES, FEWER = (0, 1, 2), 100, 20
KEEP = 0.2  # of the image's tokens


def sample_of(draw, count=SCENES):
    return SceneBatch.drawn(count, "broken", seed=UNSEEN + draw)


@pytest.mark.parametrize("name", [HABIT, LONG])
def test_where_attention_rests(name, measure):
    results = [
        AttentionSinks()(ScenesCase(load(name), Greedy(), SCENES, seed=draw)) for draw in DRAWS
    ]
    for place in (ALL, "layer 3"):
        shares = {
            what: [result["shares"].cell(place, what) for result in results]
            for what in (TOP, *PLACES)
        }
        measure(
            f"Attention, {name}, {len(DRAWS)} draws of {SCENES} scenes: {place}",
            "; ".join(f"{what} {mean_sd(values)}" for what, values in shares.items()),
        )
        assert all(min(values) > 0 and max(values) < 1 for values in shares.values())
    assert name == HABIT or np.mean([result["read"]["words"][0] for result in results]) >= 40


def test_what_is_made_up_stands_late_in_long_captions(measure):
    """Of each half of a caption's mentions: how many are made up."""
    rates = []
    for draw in DRAWS:
        sample = sample_of(draw)
        halves = [[], []]
        for words, present in zip(
            captions(load(LONG), sample, Greedy()).words, sample.truths, strict=True
        ):
            named = [word for word in words if word in CATEGORIES]
            for at, word in enumerate(named):
                halves[2 * at >= len(named)].append(word not in present)
        rates.append([np.mean(half) for half in halves])
    early, late = np.array(rates).T
    measure(
        f"{LONG}, greedy, {len(DRAWS)} draws of {SCENES} scenes: CHAIR_i by place in the caption",
        f"first half {mean_sd(early)}; second half {mean_sd(late)} "
        f"({'✓' if all(late > early) else '✗'} it grows)",
    )
    assert np.mean(late) > np.mean(early)


def trusts(vlm, pixels, words):
    """ln φ when each word of a caption is read, and the column it is largest at, both (words,)."""
    tongue = vlm.tokenizer
    prompt_ids = tongue.encode(PROMPTS["image"])
    ids = tongue.encode(" ".join(words))
    want = RequestedOutputs(attention=(2,), rows="all")
    shares = (
        one_pass(vlm, pixels[None], torch.tensor([prompt_ids + ids]), want).attention[2][0].amax(0)
    )
    rows = (shares / shares.sum(-1, keepdim=True))[-len(ids) :, -len(ids) :]
    best = [over_trust(rows[:n, :n], OPERA().scale).max(-1) for n in range(1, len(ids) + 1)]
    return [[peak[at].item() for peak in best] for at in (0, 1)]


@pytest.mark.parametrize("name", [HABIT, LONG])
def test_columns_of_over_trust(name, measure):
    """OPERA's observation: later words lean on one earlier word, and then things are made up."""
    felt, stops, medians = [], [], []
    for draw in DRAWS:
        sample, at = sample_of(draw), {True: [], False: []}
        columns = []
        for row, words in enumerate(captions(load(name), sample, Greedy()).words):
            logs, where = trusts(load(name), sample.pixels[row], words)
            columns.append((max(logs) > 0, words[int(where[int(np.argmax(logs))])] == "."))
            named = [place for place, word in enumerate(words) if word in CATEGORIES and place]
            if named:  # the last thing only: φ grows along a caption, and lies stand late
                at[words[named[-1]] in sample.truths[row]].append(logs[named[-1] - 1])
        result, on_stop = np.array(columns).T
        felt.append(result.mean())
        stops.append(on_stop[result].mean() if result.any() else np.nan)
        medians.append([np.median(at[is_present]) for is_present in (False, True)])
    made_up, true = np.array(medians).T
    measure(
        f"OPERA's columns, {name}, greedy, {len(DRAWS)} draws of {SCENES} scenes",
        f"captions with φ above 1 {mean_sd(felt)}; of these at a full stop {mean_sd(stops)}; "
        f"median ln φ before a last thing that is made up {mean_sd(made_up, 1)}, before a true one "
        f"{mean_sd(true, 1)} ({'✓' if all(made_up > true) else '✗'} it is larger)",
    )
    assert name == HABIT or np.mean(felt) > 0.5


def thinned(method, draw):
    sample = sample_of(draw, FEWER)
    return chair(captions(load(LONG), sample, method).words, sample.truths, VOCABULARY)


@pytest.mark.timeout(1800)
def test_penalty_by_scale_and_the_settings_of_the_paper(measure):
    strategies = {
        "3 beams": Beam(),
        "OPERA, scale 50": OPERA(),
        "OPERA, scale 10": OPERA(scale=10.0),
        "OPERA, never back": OPERA(threshold=None),
        "OPERA, as published": OPERA(beams=5, candidates=5, threshold=15, early=10, column=10),
    }
    rates = {name: [thinned(way, draw) for draw in DRAWS] for name, way in strategies.items()}
    plain = np.array([score.instance for score in rates["3 beams"]])
    for name, rate in rates.items():
        instance_rates = np.array([score.instance for score in rate])
        spoken = [share for share in instance_rates if np.isfinite(share)]
        change = instance_rates - plain
        holds = len(spoken) == len(instance_rates) and change.mean() < -change.std(ddof=1)
        claim = "" if name == "3 beams" else f" ({'✓' if holds else '✗'} less than 3 beams)"
        measure(
            f"OPERA, {LONG}, {len(DRAWS)} draws of {FEWER} scenes: {name}",
            f"CHAIR_i {mean_sd(instance_rates)}{claim}; recall "
            f"{mean_sd([score.recall for score in rate])}; "
            f"words {mean_sd([score.words for score in rate], 1)}",
        )
    assert np.isfinite(plain).all()


@pytest.mark.timeout(1800)
def test_ways_to_keep_few_image_tokens_and_calibration(measure):
    plain = VASparse(keep=KEEP, eta=0.0)
    strategies = {way: replace(plain, ranking=way, gamma=0.0) for way in RANKINGS}
    strategies["visual-aware, calibrated"] = plain
    rates = {name: [thinned(way, draw) for draw in DRAWS] for name, way in strategies.items()}
    aware = np.array([score.instance for score in rates[RANKINGS[0]]])
    for name, rate in rates.items():
        instance_rates = np.array([score.instance for score in rate])
        recall = np.array([score.recall for score in rate])
        claim = recall_note = ""
        if name in RANKINGS[1:]:
            below = aware - instance_rates
            holds = below.mean() < -below.std(ddof=1)
            claim = f" ({'✓' if holds else '✗'} visual-aware below it)"
            more = np.array([score.recall for score in rates[RANKINGS[0]]]) - recall
            finds = more.mean() > more.std(ddof=1)
            recall_note = f" ({'✓' if finds else '✗'} visual-aware above it)"
        if name not in RANKINGS:
            change = instance_rates - aware
            holds = change.mean() < -change.std(ddof=1)
            claim = f" ({'✓' if holds else '✗'} calibration lowers it)"
        measure(
            f"VASparse, {LONG}, {KEEP:.0%} of the image tokens kept, no contrast, {len(DRAWS)} "
            f"draws of {FEWER} scenes: {name}",
            f"CHAIR_i {mean_sd(instance_rates)}{claim}; recall {mean_sd(recall)}{recall_note}",
        )
    assert all(0 <= score.instance < 1 for rate in rates.values() for score in rate)


FEW = 40
RANKS, BETAS = range(8), (0.0, 0.5, 1.0, 2.0)
WEAK = SCMoE().rank


def mean_divergence(rank, draw):
    """KL(strong ‖ weak), the mean over all words of greedy captions."""
    sample = SceneBatch.drawn(FEW, "broken", seed=UNSEEN + draw)
    vlm = load(MIXTURE)
    result = generate(
        vlm,
        SCMoE(beta=0.0, rank=rank),
        vlm.normalize(sample.pixels),
        prompts(PROMPTS["image"], FEW),
    )
    return np.mean([step.notes["apart"] for steps in result.steps for step in steps])


def test_another_expert_says_something_else(measure):
    divergences = np.array([[mean_divergence(rank, draw) for draw in DRAWS] for rank in RANKS])
    grows = bool((np.diff(divergences.mean(1)) > 0).all())
    rank_text = "; ".join(
        f"k {rank}: {mean_sd(row)}" for rank, row in zip(RANKS, divergences, strict=True)
    )
    measure(
        f"SCMoE, {MIXTURE}, {len(DRAWS)} draws of {FEW} scenes: KL(strong ‖ rank k) in nats, by k",
        f"{rank_text} ({'✓' if grows else '✗'} it grows with k)",
    )
    assert (divergences > 0).all()


def rated(beta, rank, draw):
    """Rates of one strength, and the accuracy of yes and no about partners, both weighing alike."""
    rates = Rates()(ScenesCase(load(MIXTURE), SCMoE(beta=beta, rank=rank), FEW, seed=draw))["rates"]
    results = {name: float(rates[name][0]) for name in ("CHAIR_i", "recall", "lie rate")}
    accuracy = 1 - (float(rates["false yes"][0]) + float(rates["missed"][0])) / 2
    return {"accuracy": accuracy} | results


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("rank", [WEAK, 7])
def test_accuracy_and_what_is_made_up_by_strength(rank, measure):
    """A gain is one by more than it differs from draw to draw; none is promised."""
    rates = {beta: [rated(beta, rank, draw) for draw in DRAWS] for beta in BETAS}
    plain = rates[0.0]
    for beta, draws in rates.items():
        words = "; ".join(f"{name} {mean_sd([draw[name] for draw in draws])}" for name in plain[0])
        gains = [draw["accuracy"] - was["accuracy"] for draw, was in zip(draws, plain, strict=True)]
        verdict = np.mean(gains) > np.std(gains, ddof=1)
        more = f"; accuracy over greedy {mean_sd(gains)} ({'✓' if verdict else '✗'} gain)"
        measure(
            f"SCMoE, {MIXTURE}, {len(DRAWS)} draws of {FEW} scenes: k {rank}, β {beta:g}",
            words + (more if beta else ""),
        )
    assert rated(replace(SCMoE(), beta=0.0).beta, rank, 0) == rated(0.0, None, 0)
