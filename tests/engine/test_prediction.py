"""The bars under the picture are the model's own softmax."""

import numpy as np
import pytest
import torch

from engine.case.prediction import Prediction, top_classes
from engine.result import Scores
from engine.run import answer
from tests import tiny


def test_probabilities_are_the_softmax_of_the_logits():
    case = tiny.cnn_case()
    with torch.inference_mode():
        logits = case.model(case.image[None])[0].numpy()
    scores = answer(Prediction(), case)["classes"]
    np.testing.assert_allclose(scores.values, np.exp(logits) / np.exp(logits).sum(), rtol=1e-5)
    assert scores.values.sum() == pytest.approx(1.0, rel=1e-5)
    assert scores.labels == case.model.labels


def test_the_best_come_first_and_keep_their_index():
    scores = Scores(np.array([0.1, 0.6, 0.3], np.float32), ("a", "b", "c"), "probability")
    assert [(index, label) for index, label, _ in top_classes(scores, 2)] == [(1, "b"), (2, "c")]
