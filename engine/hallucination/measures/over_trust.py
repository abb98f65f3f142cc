"""Whether OPERA's over-trust φ is felt in an answer, and if not, how far it is from that.

    ln φ_j = ln 10⁻⁷ + Σ_{i ≥ j} ln(scale · a_ij)

so a column over n words reaches φ = 1 where its attention has a geometric mean of 10^(7/n) / scale.
A score lowered by less than `FELT` changes a word's probability by less than as large a share.
"""

from dataclasses import dataclass
from math import exp

import numpy as np

from engine.core.result import Field, Result, Table
from engine.hallucination.decoding.opera import OPERA, SMALL

FELT = 0.01  # nats


@dataclass(frozen=True)
class LargestPenalty:
    """The largest φ of an answer, among the words at which φ counts.

    Args:
        word: at which it is largest, from 0.
        column: the word leaned on, from 0.
        log: ln φ.
        share: the column's attention, the geometric mean over the words from it to `word`.
        penalty: by how much φ lowers the word's score.
    """

    word: int
    column: int
    log: float
    share: float
    penalty: float

    @property
    def words(self) -> int:
        """Over how many words the column goes."""
        return self.word + 1 - self.column

    @property
    def felt(self) -> bool:
        """Whether it can change a word's probability by more than one part in a hundred."""
        return self.penalty >= FELT


def largest_penalty(method: OPERA, answer: Result) -> LargestPenalty | None:
    """How far φ reaches in an answer of OPERA; None where φ counts at no word of it."""
    trust, attention = answer["trust"], answer["self"]
    assert isinstance(trust, Table)  # noqa: S101  # as OPERA gives it
    assert isinstance(attention, Field)  # noqa: S101
    logs = np.where(np.isfinite(trust["over-trust"]), trust["over-trust"], -np.inf)
    # early words are rewarded for the image, and φ plays no part in their choice
    logs[: method.early] = -np.inf
    if not np.isfinite(logs).any():
        return None
    word = int(logs.argmax())
    column = int(trust["most trusted word"][word])
    log = float(logs[word])
    share = float(np.exp(np.log(attention.values[column : word + 1, column]).mean()))
    # e⁵⁰ is far beyond all that is felt; more would overflow
    return LargestPenalty(word, column, log, share, method.weight * exp(min(log, 50.0)))


def attention_threshold(words: float, scale: float) -> float:
    """The share of attention at which a column over so many words reaches φ = 1."""
    return exp(-SMALL / words) / scale


def walk(back: Table, total: int) -> Table:
    """The answer's length over words chosen: up to each going back, down, and up to the end."""
    x, y, chosen, length = [0], [0], 0, 0
    for said_length, taken_back in zip(
        back["said"].astype(int), back["taken back"].astype(int), strict=True
    ):
        chosen += said_length - length
        x += [chosen, chosen]
        y += [said_length, said_length - taken_back]
        length = said_length - taken_back
    columns = {"words chosen": [*x, chosen + total - length], "length": [*y, total]}
    return Table.of({name: (column, "words") for name, column in columns.items()})
