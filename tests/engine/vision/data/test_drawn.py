"""What is drawn from a seed is what it always was, by numbers that drawn.py keeps."""

import json

import numpy as np
import pytest

from engine.vision.data.registry import RECIPES, UNLISTED_RECIPES
from engine.vision.data.variants import VARIANTS
from tests.engine.vision.data.drawn import DRAWN, FILE, numbers

STORED = json.loads(FILE.read_text(encoding="utf-8"))
AGAIN = "on purpose? python -m tests.engine.vision.data.drawn"


@pytest.mark.parametrize("name", DRAWN)
def test_what_is_drawn_from_a_seed_is_what_it_always_was(name, empty_home):
    stored, now = STORED.get(name, {}), numbers(DRAWN[name]())
    assert stored.keys() == now.keys(), AGAIN
    for part, (tolerance, *known) in stored.items():
        assert np.allclose(now[part][1:], known, rtol=0, atol=tolerance), f"{part}: {AGAIN}"


def test_every_recipe_and_variant_is_recorded():
    words = {part.partition(":")[0] for name in DRAWN for part in name.split("+")}
    assert {kind.word for kind in (*RECIPES, *UNLISTED_RECIPES, *VARIANTS)} <= words
    assert STORED.keys() == DRAWN.keys()
