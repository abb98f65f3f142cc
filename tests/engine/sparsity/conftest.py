"""What several tests of pruning begin with."""

import pytest

from engine import data as data_sets
from engine.models import embedded
from engine.sparsity import PruneCase


@pytest.fixture(scope="module")
def digits():
    return PruneCase(embedded.load("digits-mlp"), data_sets.load("digits"))
