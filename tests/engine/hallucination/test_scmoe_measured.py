"""What self-contrast does on the mixture that ships: figures for docs/measured.md."""

from dataclasses import replace

import numpy as np
import pytest

from engine.hallucination.decoding.generate import generate
from engine.hallucination.decoding.scmoe import SCMoE
from engine.hallucination.measures.rates import Rates, ScenesCase
from engine.hallucination.measures.scene_ranges import UNSEEN
from engine.hallucination.tiny_vlm.sayings import PROMPTS
from engine.hallucination.tiny_vlm.scenes import SceneBatch
from engine.hallucination.tiny_vlm.weights import MIXTURE, load
from tests.engine.hallucination.tiny import prompts

SCENES, DRAWS = 40, (0, 1, 2)
RANKS, BETAS = range(8), (0.0, 0.5, 1.0, 2.0)
WEAK = SCMoE().rank


def mean_sd(values, digits=3):
    return f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1):.{digits}f}"


def mean_divergence(rank, draw):
    """KL(strong ‖ weak), the mean over all words of greedy captions."""
    sample = SceneBatch.drawn(SCENES, "broken", seed=UNSEEN + draw)
    vlm = load(MIXTURE)
    result = generate(
        vlm,
        SCMoE(beta=0.0, rank=rank),
        vlm.normalize(sample.pixels),
        prompts(PROMPTS["image"], SCENES),
    )
    return np.mean([step.notes["apart"] for steps in result.steps for step in steps])


@pytest.mark.slow
def test_another_expert_says_something_else(measure):
    divergences = np.array([[mean_divergence(rank, draw) for draw in DRAWS] for rank in RANKS])
    grows = bool((np.diff(divergences.mean(1)) > 0).all())
    rank_text = "; ".join(
        f"k {rank}: {mean_sd(row)}" for rank, row in zip(RANKS, divergences, strict=True)
    )
    measure(
        f"SCMoE, {MIXTURE}, {len(DRAWS)} draws of {SCENES} scenes: KL(strong ‖ rank k) in nats, by "
        "k",
        f"{rank_text} ({'✓' if grows else '✗'} it grows with k)",
    )
    assert (divergences > 0).all()


def rated(beta, rank, draw):
    """Rates of one strength, and the accuracy of yes and no about partners, both weighing alike."""
    case = ScenesCase(load(MIXTURE), SCMoE(beta=beta, rank=rank), SCENES, seed=draw)
    rates = Rates()(case)["rates"]
    results = {name: float(rates[name][0]) for name in ("CHAIR_i", "recall", "lie rate")}
    accuracy = 1 - (float(rates["false yes"][0]) + float(rates["missed"][0])) / 2
    return {"accuracy": accuracy} | results


@pytest.mark.slow
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
            f"SCMoE, {MIXTURE}, {len(DRAWS)} draws of {SCENES} scenes: k {rank}, β {beta:g}",
            words + (more if beta else ""),
        )
    greedy = replace(SCMoE(), beta=0.0)
    assert rated(greedy.beta, rank, 0) == rated(0.0, None, 0)
