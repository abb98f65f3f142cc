"""Views about an answer in words."""

from __future__ import annotations

from dataclasses import dataclass

from engine.result.view import Array, Floats, View


@dataclass(frozen=True, eq=False)
class Tokens(View):
    """An answer of n tokens.

    Args:
        ids: their numbers, (n,).
        probability: of each, under what it was chosen from, (n,).
        entropy: of that distribution, nats, (n,).
        looks: attention to the image where each was chosen, (n, layers, heads, I); 0 for tokens
            of the image that had been dropped.
        words: as they are written.
        prompt: what was asked.
        grid: rows and columns of the image's tokens; 0 × 0 where they have no place.
        ended: whether the answer came to its end by itself.
    """

    ids: Array
    probability: Floats
    entropy: Floats
    looks: Array
    words: tuple[str, ...]
    prompt: str
    grid: tuple[int, int]
    ended: bool

    @property
    def text(self) -> str:
        """The answer."""
        return " ".join(self.words)
