"""CBC again, slowly: one image, one class and one component at a time."""

import math

import numpy as np

from engine.attribution.cbc.networks import INDEFINITE, NEGATIVE, POSITIVE


def softmax(values):
    powers = [math.exp(score - max(values)) for score in values]
    return [power / sum(powers) for power in powers]


def reasons(theta, reasoning, count):
    """Positive and negative reasoning of one class, from its column of theta, K each."""
    if reasoning == NEGATIVE:
        both = softmax(theta)
        return both[:count], both[count:]
    if reasoning == POSITIVE:
        return softmax(theta), [0.0] * count
    assert reasoning == INDEFINITE
    pairs = states(theta, count)
    whole = sum(pair[0] + pair[1] for pair in pairs)
    return [pair[0] / whole for pair in pairs], [pair[1] / whole for pair in pairs]


def states(theta, count):
    """Of the old CBC, positive, negative and indefinite reasoning of one class, K triples."""
    return [softmax([theta[k], theta[count + k], theta[2 * count + k]]) for k in range(count)]


def detections(image, places, widths):
    """d_k of one image: exp(−distance / width)."""
    return [
        math.exp(-math.sqrt(sum((a - b) ** 2 for a, b in zip(image, place, strict=True))) / width)
        for place, width in zip(places, widths, strict=True)
    ]


def scores(seen, theta, reasoning):
    """p_c of one image: the old CBC divides by what is not indefinite."""
    results = []
    for column in np.asarray(theta, np.float64).T.tolist():
        plus, minus = reasons(column, reasoning, len(seen))
        results.append(sum(d * p + (1 - d) * m for d, p, m in zip(seen, plus, minus, strict=True)))
    return results
