"""MaskLLM at the settings of the page Decoding; its figures stand in docs/measured.md."""

import numpy as np
import pytest

from engine.experiment import OUTCOMES, decided
from engine.hallucination import Greedy, MaskLLM, ScenesCase
from engine.hallucination.measures.mask_llm import DENSE, LEARNED, MAGNITUDE
from engine.hallucination.tiny_vlm.weights import HABIT, load
from engine.run import answer

SEEDS, SCENES = 3, 50
REPORTED_DIGITS = {
    "loss": 3,
    "perplexity": 3,
    "lie rate": 2,
    "false yes": 2,
    "CHAIR_i": 2,
}  # with digits


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_learned_mask_has_a_lower_loss_than_the_largest_weights(measure):
    """The paper's claim is of the language's loss; what is made up is told beside it."""
    results = [
        answer(MaskLLM(), ScenesCase(load(HABIT), Greedy(), SCENES, "biased", seed=seed))["models"]
        for seed in range(SEEDS)
    ]
    for row in (DENSE, MAGNITUDE, LEARNED):
        figures = []
        for name, digits in REPORTED_DIGITS.items():
            values = np.array([result.cell(row, name) for result in results])
            figures.append(f"{name} {values.mean():.{digits}f} ± {values.std(ddof=1):.{digits}f}")
        measure(
            f"MaskLLM, TinyVLM with the habit, 2:4, {SCENES} biased scenes, {SEEDS} seeds, {row}",
            "; ".join(figures),
        )
    margins = np.array(
        [result.cell(MAGNITUDE, "loss") - result.cell(LEARNED, "loss") for result in results]
    )
    (outcome,), (margin,), (within,) = decided(margins[:, None])
    measure(
        f"MaskLLM, TinyVLM with the habit, 2:4, {SEEDS} seeds: the learned mask has a lower loss "
        "than the largest weights",
        f"{OUTCOMES[int(outcome)]} here: margin {margin:+.3f} ± {within:.3f} nat",
    )
    for result in results:
        assert result.cell(LEARNED, "stays") == pytest.approx(0.5, abs=1e-6)
        assert result.cell(LEARNED, "loss") != result.cell(MAGNITUDE, "loss")
