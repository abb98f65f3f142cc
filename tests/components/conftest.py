"""What the tests of several components draw."""

import pytest

from engine.sparsity import MaskRules, pruner_of
from tests import tiny


@pytest.fixture(scope="session")
def prune_case():
    """A tiny network with images; it is never changed."""
    return tiny.prune_case(tiny.cnn())


@pytest.fixture(scope="session")
def masks(prune_case):
    """Its masks at 60 % cut."""
    return pruner_of(prune_case, "Magnitude", MaskRules()).at(0.6)
