"""The case and the data that most tests of unlearning start from."""

import pytest

from engine.vision import data as data_sets
from tests.engine.unlearning.trained import class_case


@pytest.fixture(scope="module")
def case():
    return class_case()


@pytest.fixture(scope="module")
def digits():
    return data_sets.load("digits")
