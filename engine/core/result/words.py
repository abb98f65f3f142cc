"""Views about an answer in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.core.result.view import Array, Floats, View

INSIDE = "##"  # begins a piece that goes on with the word before it
BLANK = "␣"  # a piece that is a blank alone: what follows it begins a word
MARKS = ".,:;!?\"'()"


@dataclass(frozen=True, eq=False)
class Tokens(View):
    """An answer of n tokens.

    Args:
        ids: their numbers, (n,).
        probability: of each, under what it was chosen from, (n,).
        entropy: of that distribution, nats, (n,).
        looks: attention to the image where each was chosen, (n, layers, heads, I); 0 for tokens
            of the image that had been dropped.
        words: as they are written; a piece that begins with ## goes on with the word before it.
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
        return joined_pieces(self.words)


def joined_pieces(pieces: Sequence[str]) -> str:
    """Pieces as a text: a blank before each word, none inside of one."""
    text = " ".join(pieces).replace(f" {INSIDE}", "").removeprefix(INSIDE)
    return " ".join(text.replace(BLANK, " ").split()) if BLANK in text else text


def whole_words(pieces: Sequence[str]) -> tuple[list[str], list[int]]:
    """The words that pieces make, in lower case without marks, and where each begins.

    A mark alone is a word of its own, so that what stands behind it begins another.
    """
    words: list[str] = []
    starts: list[int] = []
    for place, piece in enumerate(pieces):
        inside = piece.removeprefix(INSIDE)
        grows = bool(words) and (not words[-1] or words[-1][-1].isalnum())
        if inside != piece and inside[:1].isalnum() and grows:
            words[-1] += inside
        else:
            words.append("" if piece == BLANK else inside)
            starts.append(place)
    return [word.lower().strip(MARKS) or word for word in words], starts
