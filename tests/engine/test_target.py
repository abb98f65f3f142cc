"""Every reading of every target, worked out by hand on three logits."""

from __future__ import annotations

from math import exp

import pytest
import torch

from engine.case.target import Target

LOGITS = torch.tensor([[1.0, 3.0, 0.0], [2.0, 0.0, -1.0]])
P = [exp(1) / (exp(1) + exp(3) + 1), exp(3) / (exp(1) + exp(3) + 1)]


@pytest.mark.parametrize(
    ("target", "scores"),
    [
        (Target(0), [1.0, 2.0]),
        (Target(0, versus=1), [-2.0, 2.0]),
        (Target(0, reading="margin"), [-2.0, 2.0]),
        (Target(1, reading="margin"), [2.0, -2.0]),
        (Target(1, versus=2, reading="margin"), [3.0, 1.0]),
    ],
)
def test_scores_are_what_the_reading_says(target, scores):
    assert target.of(LOGITS).tolist() == pytest.approx(scores)
    assert target.unit == "logit"


def test_probabilities_are_of_the_softmax():
    assert Target(1, reading="probability").of(LOGITS)[0].item() == pytest.approx(P[1])
    contrast = Target(1, versus=0, reading="probability")
    assert contrast.of(LOGITS)[0].item() == pytest.approx(P[1] - P[0])
    assert contrast.unit == "probability"


def test_a_margin_has_a_gradient_and_leaves_the_logits_alone():
    logits = LOGITS.clone().requires_grad_()
    Target(0, reading="margin").of(logits).sum().backward()
    assert logits.grad.tolist() == [[1.0, -1.0, 0.0], [1.0, -1.0, 0.0]]
    assert torch.equal(logits.detach(), LOGITS)


def test_it_is_said_in_words():
    labels = ("cat", "dog", "cup")
    assert Target(0).words(labels) == "cat"
    assert Target(0, versus=2).words(labels) == "cat rather than cup"
