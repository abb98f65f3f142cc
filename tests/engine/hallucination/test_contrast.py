"""The contrast's identities, and its cut."""

from math import log

import pytest
import torch

from engine.hallucination.decoding.contrast import contrast_logits, plausible

STRONG = torch.randn(3, 20, generator=torch.Generator().manual_seed(0))
WEAK = torch.randn(3, 20, generator=torch.Generator().manual_seed(1))


def test_the_contrast_and_its_cut_are_the_identities():
    assert torch.equal(contrast_logits(STRONG, WEAK, 1.0, 0.0, 0.0), STRONG)
    plain = contrast_logits(STRONG, WEAK, 2.0, 1.0, 0.1).softmax(-1)
    moved = contrast_logits(STRONG + 3, WEAK - 7, 2.0, 1.0, 0.1).softmax(-1)
    assert torch.allclose(plain, moved, atol=1e-5)
    left = contrast_logits(STRONG, WEAK, 2.0, 1.0, 1.0).isfinite()
    assert left.sum(-1).tolist() == [1, 1, 1]
    assert left.float().argmax(-1).tolist() == STRONG.argmax(-1).tolist()
    shares = STRONG.softmax(-1)
    assert torch.equal(plausible(STRONG, 0.1), shares >= 0.1 * shares.amax(-1, keepdim=True))
    assert plausible(torch.tensor([0.0, log(0.2), log(0.05)]), 0.1).tolist() == [True, True, False]
    strong, weak = torch.tensor([4.0, 3.5, -4.0]), torch.tensor([4.0, 3.0, -40.0])
    assert contrast_logits(strong, weak, 2.0, 1.0, 0.0).argmax() == 2
    cut = contrast_logits(strong, weak, 2.0, 1.0, 0.1)
    assert cut[2] == -torch.inf
    assert cut.argmax() == 0
    assert cut[:2].tolist() == [4.0, 4.0]


@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
def test_against_itself_nothing_changes(alpha):
    assert torch.allclose(contrast_logits(STRONG, STRONG, 1 + alpha, alpha, 0.0), STRONG, atol=1e-5)
