"""CUDA's filters are those of the published code, and an image is convolved as it does it."""

import numpy as np
import pytest
from scipy.ndimage import correlate

from engine.vision.data import load
from engine.vision.data.protect import Cuda, convolved, draw_filters, legacy

UNIFORM = """
0.54881350 0.71518937 0.60276338 0.54488318 0.42365480 0.64589411 0.43758721 0.89177300 0.96366276
"""  # the first numbers of NumPy's legacy generator with seed 0


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def by_hand(image, kernel):
    """One protected image (C, H, W), channel by channel, in the plainest way."""
    blurred = np.stack([correlate(channel / 255, kernel, mode="constant") for channel in image])
    return np.clip(blurred / blurred.max() * 255, 0, 255)


def published(key, classes, blur, size):
    """The draws of the published code in their order, from the global generator's own stream."""
    state = np.random.get_state()  # noqa: NPY002 - the published code draws from it
    np.random.seed(key)  # noqa: NPY002
    kernels = []
    for _ in range(classes):
        weights = np.random.uniform(low=0, high=blur, size=(3, 1, size, size))  # noqa: NPY002
        row, column = np.random.randint(size), np.random.randint(size)  # noqa: NPY002
        weights[0, 0, row, column] = 1.0
        kernels.append(weights[0, 0])
    following = np.random.random()  # noqa: NPY002
    np.random.set_state(state)  # noqa: NPY002
    return np.array(kernels), following


@pytest.mark.parametrize(("key", "size"), [(0, 3), (7, 3), (123, 5), (9999, 9)])
def test_filters_and_what_is_drawn_after_them_are_those_of_the_published_code(key, size):
    kernels, following = published(key, 10, 0.3, size)
    rng = legacy(key)
    assert draw_filters(rng, 10, 0.3, size) == pytest.approx(kernels, abs=1e-7)
    assert rng.random_sample() == following


def test_the_first_filter_of_key_zero_is_known_number_by_number():
    expected = 0.3 * np.array(UNIFORM.split(), float).reshape(3, 3)
    expected[0, 2] = 1.0
    assert draw_filters(legacy(0), 1, 0.3, 3)[0] == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_is_correlated_divided_by_its_maximum_and_truncated(channels):
    images = np.random.default_rng(0).integers(0, 200, (4, channels, 9, 9), dtype=np.uint8)
    kernel = draw_filters(legacy(3), 1, 0.3, 3)[0]
    result = convolved(images, kernel)
    exact = np.stack([by_hand(image, kernel) for image in images])
    assert (result <= exact + 1e-3).all()  # truncated, not rounded
    assert (exact - result < 1 + 1e-3).all()
    assert (result.max((1, 2, 3)) >= 254).all()
    assert not convolved(0 * images, kernel).any()  # black stays black


def test_each_class_has_its_own_filter_and_the_controls_have_another(digits):
    kernels = draw_filters(legacy(5), 10, 0.3, 3)
    labels = digits.labels
    for how, label_of in (("own", labels), ("next", (labels + 1) % 10), ("same", 0 * labels)):
        for split, other in (("train", "test"), ("test", "train")):
            data = Cuda(split, how, key=5)(digits)
            for row in digits.rows(split)[:40]:
                expected = by_hand(digits.images[row], kernels[label_of[row]])
                assert np.abs(data.images[row] - expected).max() <= 1 + 1e-3
            rest = digits.rows(other)
            assert (data.images[rest] == digits.images[rest]).all()
            assert data.truth["protected"].nonzero()[0].tolist() == digits.rows(split).tolist()


def test_a_share_is_drawn_behind_the_filters_and_strength_lies_between_none_and_all(digits):
    data = Cuda(share=0.4, key=2)(digits)
    rng = legacy(2)
    draw_filters(rng, 10, 0.3, 3)
    expected = [row for row in digits.rows("train") if rng.random_sample() < 0.4]
    assert data.truth["protected"].nonzero()[0].tolist() == expected
    assert not Cuda(share=0.0)(digits).truth["protected"].any()
    none, half, full = (Cuda(strength=strength)(digits) for strength in (0.0, 0.5, 1.0))
    assert (none.images == digits.images).all()
    between = (digits.images.astype(np.float64) + full.images) / 2
    assert np.abs(half.images - between).max() <= 1.5
    assert (full.images == Cuda()(digits).images).all()
    data = load("digits+cuda:split=test,filters=next,key=4")
    assert data.fingerprint == Cuda("test", "next", key=4)(digits).fingerprint
    for part in ("labels", "ids", "split"):
        assert (getattr(data, part) == getattr(digits, part)).all()
