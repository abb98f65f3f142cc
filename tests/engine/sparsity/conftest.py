"""What several tests of pruning begin with."""

import pytest

from engine.sparsity import PruneCase
from engine.vision import data as data_sets
from engine.vision.models import embedded
from tests.engine.sparsity.cases import trained_cnns


@pytest.fixture(scope="module")
def digits():
    return PruneCase(embedded.load("digits-mlp"), data_sets.load("digits"))


@pytest.fixture(scope="module")
def networks():
    """The digits CNN from its recipe, with three seeds."""
    return trained_cnns()
