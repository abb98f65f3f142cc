"""How many threads torch computes with."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

T = TypeVar("T")


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread inside the block, so that sums are always added in the same order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def at_once(works: Sequence[Callable[[], T]]) -> list[T]:
    """What several pieces of work give, side by side, each with one thread of torch.

    The same to the bit as one after the other, and faster where each is too small for two threads.
    Gradients are on in each, as in every new thread.
    """
    with one_thread(), ThreadPoolExecutor(min(len(works), os.cpu_count() or 1)) as pool:
        return list(pool.map(lambda work: work(), works))
