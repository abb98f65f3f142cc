"""Fast precision is offered only where it ranks like exact: Spearman ≥ 0.98 on photographs."""

import pytest
from scipy.stats import spearmanr

from engine.attribution import METHODS, Occlusion
from engine.vision.case import image_case
from engine.vision.case.target import Target
from engine.vision.images import Crop
from engine.vision.images.samples import sample
from engine.vision.models.catalog import load

PHOTOGRAPHS = ("chelsea", "coffee", "rocket", "astronaut", "china")
FAST = [kind for kind in METHODS if kind.fast]


def agreement(kind, photograph, **settings):
    """Spearman of the bfloat16 map with the exact one, about the model's first class."""
    model = load("lite0")
    if not model.offers_fast:
        pytest.skip("this processor has no bfloat16")
    case = image_case(model, sample(photograph), Crop(), Target(0))
    top = int(model.logits(case.image[None]).argmax())
    exact, fast = (
        kind(**settings)(image_case(model, sample(photograph), Crop(), Target(top), precision))[
            "map"
        ]
        for precision in ("exact", "fast")
    )
    return spearmanr(exact.values.ravel(), fast.values.ravel()).statistic


def test_fast_occlusion_by_large_squares_ranks_like_exact_on_the_cat():
    """Twenty-five squares; `make test-slow` has every method as it is set at first."""
    assert Occlusion in FAST
    assert agreement(Occlusion, "chelsea", side=48, overlap=0.0) >= 0.98


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("photograph", PHOTOGRAPHS)
@pytest.mark.parametrize("kind", FAST, ids=lambda kind: kind.name)
def test_every_fast_method_ranks_like_exact(kind, photograph, measure):
    result = agreement(kind, photograph)
    measure(f"Spearman of fast with exact: {kind.title}, {photograph}", f"{result:.4f}")
    assert result >= 0.98
