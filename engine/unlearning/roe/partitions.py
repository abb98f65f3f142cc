"""Which networks learn from an image: its pixels alone decide, so that one poison reaches few.

Neither the order of the images nor what else is in the data may count. So an image goes into a
bucket by a digest of its pixels, a network learns from its buckets' images in the order of their
digests, and it is shown a fixed number of them in each epoch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.vision.data import Rows

SHIFTS = 208  # seeds which networks a bucket reaches; the same for all data

Digests = NDArray[np.uint64]


@dataclass(frozen=True)
class Partitions:
    """Buckets of images, as many as networks, and which networks learn from each.

    Args:
        count: of the parts, each of 1/count of the images.
        spread: how many networks learn from a bucket; 1 is DPA, more is FA, whose parts are split
            into so many buckets each.
    """

    count: int
    spread: int = 1

    @property
    def networks(self) -> int:
        """How many there are, and as many buckets."""
        return self.count * self.spread

    @property
    def shifts(self) -> tuple[int, ...]:
        """From a bucket's number to those of its networks, around the circle."""
        rng = np.random.default_rng([SHIFTS, self.networks])
        chosen = rng.choice(self.networks, self.spread, replace=False)
        return tuple(sorted(chosen.tolist())) if self.spread > 1 else (0,)

    def reached(self, bucket: int) -> list[int]:
        """The networks that learn from a bucket."""
        return [(bucket + shift) % self.networks for shift in self.shifts]

    def buckets(self, digests: Digests) -> NDArray[np.int64]:
        """The bucket of each image."""
        # the published code takes the sum of pixels; a digest fills buckets evenly for any images
        return (digests % np.uint64(self.networks)).astype(np.int64)

    def learned(self, digests: Digests, labels: NDArray[np.int64]) -> Iterator[Rows]:
        """The places of what each network learns from, by digest, then by label."""
        # labels decide between copies alone: a relabeled image stays in its bucket
        order = np.lexsort((labels, digests))
        place_lists: list[list[int]] = [[] for _ in range(self.networks)]
        for place, bucket in zip(order.tolist(), self.buckets(digests[order]), strict=True):
            for network in self.reached(int(bucket)):
                place_lists[network].append(place)
        return (np.array(places, np.int64) for places in place_lists)


def digests_of(images: NDArray[Any], seed: int) -> Digests:
    """A number for each image's pixels; another seed is another partition."""
    key = seed.to_bytes(8, "little")
    digests = (blake2b(image.tobytes(), digest_size=8, key=key).digest() for image in images)
    return np.frombuffer(b"".join(digests), np.uint64)


def repeated_rows(rows: Rows, count: int) -> Rows:
    """So many rows: the first of them, or all of them again and again."""
    return np.resize(rows, count)
