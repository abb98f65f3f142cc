"""Yes against no by noise step: the same numbers as VCD's own decisions."""

import numpy as np
import pytest
import torch

from engine.errors import DoesNotFit
from engine.hallucination.decoding.generate import generate
from engine.hallucination.decoding.vcd import VCD
from engine.hallucination.measures.noise_steps import DEPTHS, NoiseSteps, margins
from tests.engine.hallucination.tiny import case

QUESTION = "is there a boat"


@pytest.mark.parametrize("step", [0, 500, 900])
def test_the_contrasted_margin_is_that_of_vcd_itself(step):
    question = case(QUESTION, seed=3)
    result = NoiseSteps(alpha=1.5, draws=2)(question)["margins"]
    vcd = VCD(alpha=1.5, beta=0.0, step=step, length=1)
    scores = {}

    class Watching(type(vcd)):
        def session(self, start):
            decoding_session = super().session(start)
            propose = decoding_session.propose

            def seen(now):
                proposal = propose(now)
                scores["first"] = proposal.scores[0]
                return proposal

            decoding_session.propose = seen
            return decoding_session

    generate(
        question.vlm,
        Watching(**vcd.settings()),
        question.images,
        question.prompts,
        seed=question.seed,
    )
    spec = question.vlm.spec
    z = scores["first"]
    margin = z[list(spec.yes)].logsumexp(-1) - z[list(spec.no)].logsumexp(-1)
    assert result["first"][DEPTHS.index(step)] == pytest.approx(float(margin), abs=1e-4)


def test_without_noise_or_strength_nothing_is_subtracted_and_margins_are_log_odds():
    result = NoiseSteps(draws=2)(case(QUESTION))["margins"]
    assert abs(result["hidden"][0] - result["clear"][0]) < 0.02
    assert abs(result["contrasted"][0] - result["clear"][0]) < 0.02
    assert np.ptp(result["clear"]) == 0
    result = NoiseSteps(alpha=0.0, draws=3)(case(QUESTION))["margins"]
    assert (result["lowest"] <= result["hidden"] + 1e-6).all()
    assert (result["hidden"] <= result["highest"] + 1e-6).all()
    assert (result["highest"] > result["lowest"])[-1]
    np.testing.assert_allclose(result["contrasted"], result["clear"], atol=1e-6)
    question = case(QUESTION)
    out, _ = question.vlm.prefill(question.vlm.encode_image(question.images), question.prompts)
    shares, spec = out.logits.softmax(-1)[0], question.vlm.spec
    odds = shares[list(spec.yes)].sum() / shares[list(spec.no)].sum()
    margin = margins(question.vlm, question.images, question.prompts)[0]
    torch.testing.assert_close(margin, odds.log(), atol=1e-5, rtol=1e-5)


def test_a_prompt_that_is_no_question_is_refused_with_a_sentence():
    with pytest.raises(DoesNotFit, match="answered by yes or no"):
        NoiseSteps()(case("describe the image"))
