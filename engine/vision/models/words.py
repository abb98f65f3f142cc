"""A list of words as classes, and the sentences they are put into, as a person types them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from engine.core.errors import BadModel

FEWEST_WORDS, MOST_WORDS, LONGEST_WORD = 2, 50, 60
MOST_PROMPTS, LONGEST_PROMPT = 8, 100
PLACE = "{}"  # in a prompt, for the word
USUAL_PROMPT = f"a photo of a {PLACE}."
USUAL_WORDS = ("cat", "dog", "person", "building", "plant")
BETWEEN_WORDS = re.compile(r"[,\n]")
MOST_LETTERS = (MOST_WORDS * (LONGEST_WORD + 2)) + MOST_PROMPTS * (LONGEST_PROMPT + 1)


@dataclass(frozen=True)
class WordList:
    """Words and prompts.

    Raises:
        BadModel: too few or too many, too long, said twice, or with a sign that separates them.
    """

    words: tuple[str, ...] = USUAL_WORDS
    prompts: tuple[str, ...] = (USUAL_PROMPT,)

    def __post_init__(self) -> None:
        if not FEWEST_WORDS <= len(self.words) <= MOST_WORDS:
            raise BadModel(
                f"Give {FEWEST_WORDS} to {MOST_WORDS} words, separated by commas: there "
                f"{'is' if len(self.words) == 1 else 'are'} {len(self.words)}."
            )
        for word in self.words:
            refuse_text(word, LONGEST_WORD, ",?|{}", "word")
        twice = sorted({word for word in self.words if self.words.count(word) > 1})
        if twice:
            raise BadModel(f"The word “{twice[0]}” stands there twice: leave one out.")
        if not 1 <= len(self.prompts) <= MOST_PROMPTS:
            raise BadModel(f"Give 1 to {MOST_PROMPTS} prompts, separated by |.")
        for prompt in self.prompts:
            refuse_text(prompt, LONGEST_PROMPT, "?|", "prompt")
            if prompt.count(PLACE) != 1 or set("{}") & set(prompt.replace(PLACE, "")):
                raise BadModel(f"The prompt “{prompt}” needs {PLACE} once, where the word goes.")

    @classmethod
    def read(cls, words: str, prompts: str = "") -> WordList:
        """What a person typed: words between commas or on lines, prompts between |."""
        if len(words) + len(prompts) > MOST_LETTERS:
            raise BadModel(
                f"This is too long: at most {MOST_WORDS} words of {LONGEST_WORD} letters are read."
            )
        return cls(
            tuple(clean_words(BETWEEN_WORDS.split(words))),
            tuple(clean_words(prompts.split("|"))) or (USUAL_PROMPT,),
        )

    @classmethod
    def of_text(cls, text: str) -> WordList:
        """The list of `as_text` again; the usual words for an empty one."""
        words, _, prompts = text.partition("?")
        return cls.read(words or ", ".join(USUAL_WORDS), prompts)

    def as_text(self) -> str:
        """The list on one line; the prompts follow a question mark where they are not the usual."""
        words = ", ".join(self.words)
        return words if self.prompts == (USUAL_PROMPT,) else f"{words}?{'|'.join(self.prompts)}"


def clean_words(texts: Iterable[str]) -> Iterable[str]:
    """What is not empty, with single spaces."""
    return (text for raw_text in texts if (text := " ".join(raw_text.split())))


def refuse_text(text: str, longest: int, signs: str, what: str) -> None:
    """Raise BadModel for text that is too long, cannot be printed, or has one of the signs."""
    if len(text) > longest:
        raise BadModel(
            f"The {what} “{text[:longest]}…” has {len(text)} letters; at most {longest} are read."
        )
    odd = next((sign for sign in text if sign in signs or not sign.isprintable()), "")
    if odd:
        raise BadModel(f"The {what} “{text}” has the sign {odd!r}, which cannot be part of it.")
