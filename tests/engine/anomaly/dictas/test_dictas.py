"""DictAS's lookup against its formulas, and sparsemax against the quadratic program it solves."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch.nn import functional as F

from engine.anomaly import DictAS, PatchCore
from engine.anomaly.dictas.localizer import UNTRAINED, tokens
from engine.anomaly.dictas.sparsemax import sparsemax
from engine.anomaly.localizers.patches import layers_at, maps_of, normal_patches
from tests.engine.anomaly.localizers import cells

FITTED = 12
PLAIN = DictAS(normals=100, blur=0.0)


def case_of(pixels, image):
    return cells.case(cells.data(pixels, FITTED), image, cells.Rich)


@pytest.fixture(scope="module")
def case():
    return case_of(cells.images(30), cells.with_lesion(cells.images(1, seed=7)[0]))


def normal_of(case):
    return normal_patches(case, 100, layers_at(case.model, "middle"))


def projected(row):
    """The nearest point of the simplex by a general solver of quadratic programs."""
    result = minimize(
        lambda p: ((p - row) ** 2).sum(),
        np.full(len(row), 1 / len(row)),
        jac=lambda p: 2 * (p - row),
        method="SLSQP",
        bounds=[(0, 1)] * len(row),
        constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
        options={"ftol": 1e-16, "maxiter": 500},
    )
    return result.x


def test_sparsemax_is_the_quadratic_program_s_answer():
    rng = np.random.default_rng(0)
    for scale in (0.1, 1.0, 5.0):
        rows = rng.normal(scale=scale, size=(6, 12))
        result = sparsemax(torch.from_numpy(rows)).numpy()
        for row, mine in zip(rows, result, strict=True):
            np.testing.assert_allclose(mine, projected(row), atol=1e-6)
        np.testing.assert_allclose(result.sum(1), 1, atol=1e-12)
    assert (result == 0).any()
    assert torch.equal(sparsemax(torch.zeros(2, 4)), torch.full((2, 4), 0.25))  # ties share
    stack = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(sparsemax(stack), torch.stack([sparsemax(rows) for rows in stack]))


def test_the_map_is_the_lookup_written_again_patch_by_patch(case):
    result, known = PLAIN(case)["patches"], tokens(normal_of(case).fit).double().numpy()
    maps = maps_of(case.model, case.image[None], layers_at(case.model, "middle"))
    image_tokens = tokens(maps).numpy()
    spread = known.std(0) + 1e-6
    support = (known[: 4 * 64] - known.mean(0)) / spread
    keys = support / np.linalg.norm(support, axis=1, keepdims=True)
    for at, token in enumerate((image_tokens - known.mean(0)) / spread):
        likeness = keys @ token / np.linalg.norm(token) / PLAIN.heat
        order = np.sort(likeness)[::-1]
        sums = order.cumsum()
        size = max(k for k in range(1, len(order) + 1) if 1 + k * order[k - 1] > sums[k - 1])
        weights = np.maximum(likeness - (sums[size - 1] - 1) / size, 0)
        answer = weights @ support
        cosine = answer @ token / np.linalg.norm(answer) / np.linalg.norm(token)
        assert result["distance"][at] == pytest.approx((1 - cosine) / 2, abs=1e-4)
        first = weights.argmax()
        assert result["image 1"][at] == case.normal.ids[normal_of(case).fit_rows[first // 64]]
        assert (result["row 1"][at], result["column 1"][at]) == divmod(first % 64, 8)


def test_the_same_lesion_in_the_dictionary_erases_it_from_the_map(case):
    image = np.rint(case.image.numpy() * 255).astype(np.uint8)
    twin, pixels = image.copy(), case.normal.images.copy()
    twin[2, 31, 31] ^= 1  # another image, or it would be left out
    first = normal_of(case).fit_rows[0]
    pixels[first] = twin
    before, after = PLAIN(case)["map"].values, PLAIN(case_of(pixels, image))
    lesion = np.s_[8:16, 20:28]
    assert after["map"].values[lesion].max() < 0.2 * before[lesion].max()
    assert (after["patches"]["image 1"] == case.normal.ids[first]).mean() > 0.8


def test_a_dictionary_of_the_image_itself_answers_it_nearly_exactly(case):
    image = np.rint(case.image.numpy() * 255).astype(np.uint8)
    pixels = case.normal.images.copy()
    twin = image.copy()
    twin[2, 31, 31] ^= 1
    pixels[normal_of(case).fit_rows[0]] = twin
    result = DictAS(normals=100, blur=0.0, shots=1, heat=0.01)(case_of(pixels, image))
    assert result["map"].values.max() < 1e-2


def test_few_normal_patches_answer(case):
    normal = normal_of(case)
    _, weights = PLAIN.fit(case, normal).looked_up(normal.held)
    assert weights.shape[1] == 4 * 64
    assert float((weights > 0).sum(1).float().median()) <= 20
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)


def test_each_answer_says_that_the_lookup_is_not_trained(case):
    assert UNTRAINED in PLAIN(case)["notes"].labels
    assert UNTRAINED not in PatchCore()(case)["notes"].labels


def test_every_named_patch_is_the_next_nearest_also_where_its_weight_is_nothing(case):
    normal = normal_of(case)
    rule = DictAS(normals=100, blur=0.0, heat=0.01).fit(case, normal)
    patches, weights = rule.looked_up(normal.held)
    assert ((weights > 0).sum(1) < 5).any()
    cosines = F.cosine_similarity(patches[:, None], rule.support[None], dim=2)
    nearest = ((1 - cosines) / 2).sort(1).values[:, :5]
    torch.testing.assert_close(rule.nearest(normal.held, 5).distance, nearest, atol=1e-5, rtol=0)
