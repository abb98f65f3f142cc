"""Masked mining written again, slowly: one bag, one tile at a time, from the sheet."""

from __future__ import annotations

import math

import numpy as np
import torch

from engine.attribution.slides.masks import HIGH, LOW, RANDOM, RECYCLED, UNMASKED


def masks_of(scores, how, done, generator):
    """The kind of each tile of each bag; random orders are drawn as the method draws them."""
    bags, size = scores.shape
    share = how.high * (1 + math.cos(math.pi * done)) / 2 if how.falls else how.high
    numbers = {
        "random": math.ceil(round(size * how.random, 6)),
        "low": math.ceil(round(size * how.low, 6)),
        "high": math.ceil(round(size * share, 6)),
    }
    results = [[UNMASKED] * size for _ in range(bags)]
    if numbers["random"]:
        drawn = torch.rand(bags, size, generator=generator)
        for bag in range(bags):
            for tile in sorted(range(size), key=lambda index: float(drawn[bag, index]))[
                : numbers["random"]
            ]:
                results[bag][tile] = RANDOM
    best = [
        sorted(range(size), key=lambda index: (-float(scores[bag, index]), index))
        for bag in range(bags)
    ]
    for bag in range(bags):
        for tile in best[bag][size - numbers["low"] :] if numbers["low"] else ():
            results[bag][tile] = LOW
    if numbers["high"]:
        among = min(size, max(numbers["high"], math.ceil(round(size * share / how.varied, 6))))
        drawn = torch.rand(bags, among, generator=generator) if among > numbers["high"] else None
        for bag in range(bags):
            places = range(numbers["high"])
            if drawn is not None:
                order = sorted(range(among), key=lambda index: float(drawn[bag, index]))
                places = order[: numbers["high"]]
            for place in places:
                results[bag][best[bag][place]] = HIGH
    if how.recycled:
        for bag in range(bags):
            visible_tiles = [tile for tile in range(size) if results[bag][tile] == UNMASKED]
            cutoff = max(1, math.floor(round(len(visible_tiles) * (1 - how.recycled), 6)))
            order = torch.randperm(len(visible_tiles), generator=generator).tolist()
            for place in order[cutoff:]:
                results[bag][visible_tiles[place]] = RECYCLED
    return np.array(results)
