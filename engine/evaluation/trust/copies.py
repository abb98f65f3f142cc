"""Copies of a map that know nothing of the image: the same map turned, mirrored and moved.

A copy has the map's own values and the map's own smoothness, but not its place. What a map's order
of pixels does has to be held against that of its copies: smooth maps show and hide whole parts of
an image, so that any of them moves the score by far more, up or down, than single random pixels.
"""

import numpy as np

from engine.core.result import Floats


def copies(values: Floats, count: int) -> list[Floats]:
    """First the map turned and mirrored in place, then moved as well.

    Of a square map there are seven of the first kind, of another one three. A map that is its own
    mirror image has copies that equal it, on purpose: such a map may only say where the things in
    images mostly lie.

    Args:
        values: the map, (H, W).
        count: how many copies.
    """
    turned = turns(values)[1 : count + 1]
    return turned + moved_copies(values, count - len(turned))


def moved_copies(values: Floats, count: int, seed: int = 0) -> list[Floats]:
    """The map turned or mirrored at random, and moved elsewhere, around the edges."""
    generator = np.random.default_rng(seed)
    turned = turns(values)
    results = []
    for _ in range(count):
        # one pixel at least along each side: a copy does not lie where the map lies
        move = [int(generator.integers(1, side)) for side in values.shape]
        results.append(np.roll(turned[generator.integers(len(turned))], move, (0, 1)))
    return results


def turns(values: Floats) -> list[Floats]:
    """The map itself, and its other orientations that have its shape."""
    quarters = range(4) if values.shape[0] == values.shape[1] else (0, 2)
    return [
        np.rot90(variant, quarter) for variant in (values, values[:, ::-1]) for quarter in quarters
    ]
