"""Greedy decoding: always the likeliest next word."""

from __future__ import annotations

from dataclasses import dataclass

from engine.evaluation.language.strategy import Strategy
from engine.vision.language.decoding.session import Session, Start


@dataclass(frozen=True)
class Greedy(Strategy):
    """The answer that takes the likeliest word at every step.

    A word's probability is what the model gave it there, given the image, the prompt and the
    words before. It says how sure the model was of that word, not that the word is true.
    """

    name = "Greedy"
    title = "Greedy"
    proof = "tests/engine/hallucination/test_generate.py::test_greedy_takes_the_likeliest_word"

    def session(self, start: Start) -> Session[Greedy]:
        """Begin to answer."""
        return Session(self, start)
