"""A model's words: prompts in the form that it was trained with, and pieces of words as written."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import dropwhile, takewhile
from typing import Any

from torch import Tensor

from engine.core.errors import BlindspotError
from engine.core.result.words import BLANK, INSIDE
from engine.vision.language.hugging_face.families import Family

BLANKS = "▁Ġ"  # how tokenizers write a blank at the beginning of a piece
YES, NO = "yes", "no"


class PromptTokenizer:
    """The library's tokenizer, with a family's form of a prompt around what is asked.

    Args:
        tokenizer: of the library.
        family: the kind of model.
    """

    def __init__(self, tokenizer: Any, family: Family) -> None:
        self.tokenizer, self.family = tokenizer, family
        self.special = {token for token in tokenizer.all_special_tokens if token.strip()}

    def parted(self, text: str) -> tuple[list[int], list[int]]:
        """Numbers before and behind the image.

        The whole prompt is cut into tokens at once, so that none differs from what the model saw
        in training.

        Raises:
            BlindspotError: the text holds a sign of the model's own, or the tokenizer has none for
                an image.
        """
        if odd := sorted(token for token in self.special if token in text):
            raise BlindspotError(
                f"The prompt holds “{odd[0]}”, which the model reads as a sign of its own: leave "
                "it out."
            )
        if self.family.leads:
            return [], self.led(text)
        token = self.family.image_token
        sign = self.tokenizer.convert_ids_to_tokens(token)
        whole = f"{self.family.before}{sign}{self.family.after.format(text)}"
        ids: list[int] = self.tokenizer(whole)["input_ids"]
        if ids.count(token) != 1:
            raise BlindspotError("The model's tokenizer has no sign for an image.")
        place = ids.index(token)
        return ids[:place], ids[place + 1 :]

    def led(self, text: str) -> list[int]:
        """A prompt that stands behind the image whole. Raises BlindspotError: it ends early."""
        ids: list[int] = self.tokenizer(self.family.after.format(text))["input_ids"]
        if self.ending(ids) < len(ids):
            end = self.family.after.partition("{}")[2].strip()
            raise BlindspotError(f"The prompt holds “{end}”, with which prompts end: leave it out.")
        return ids

    def ending(self, ids: Sequence[int]) -> int:
        """Where a prompt ends and its answer begins; the length where it has no such end."""
        end = self.tail
        places = range(len(ids) - len(end) + 1)
        return next((at + len(end) for at in places if [*ids[at : at + len(end)]] == end), len(ids))

    @cached_property
    def tail(self) -> list[int]:
        """The tokens that end every prompt."""
        first, second = (
            self.tokenizer(self.family.after.format(text))["input_ids"] for text in ("?", "is it")
        )
        # what two texts have in common at their ends belongs to the form
        pairs = zip(reversed(first), reversed(second), strict=False)
        suffix_length = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        return [*first[len(first) - suffix_length :]]

    def questions(self, prompts: Tensor, pad: int) -> list[str]:
        """The text of each prompt (B, P), padded on the left, without the answer behind it."""
        texts = []
        for row in prompts.tolist():
            ids = list(dropwhile(lambda token: token == pad, row))
            texts.append(self.decode(ids[: self.ending(ids)]))
        return texts

    def encode(self, text: str) -> list[int]:
        """Numbers of all that stands behind the image: what is asked, in the model's form."""
        return self.parted(text)[1] if text.strip() else []

    def encode_answer(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def decode(self, ids: Iterable[int], *, skip_special_tokens: bool = True) -> str:
        text: str = self.tokenizer.decode(list(ids), skip_special_tokens=skip_special_tokens)
        return text.strip()

    def convert_ids_to_tokens(self, ids: Iterable[int]) -> list[str]:
        """Each piece as it is written; one that goes on with the word before it begins with ##."""
        return [self.piece(number) for number in ids]

    def piece(self, number: int) -> str:
        """One piece. A capital begins a word: answers begin with one, and no blank before it."""
        raw: str = self.tokenizer.convert_ids_to_tokens(number) or ""
        if raw in self.special:
            return raw
        written: str = self.tokenizer.decode([number])
        text = written.strip() or ("↵" if "\n" in written else BLANK)
        begins = raw[:1] in set(BLANKS) or written[:1].isspace() or text[0].isupper()
        return text if begins else f"{INSIDE}{text}"

    def spellings(self, word: str) -> tuple[int, ...]:
        """The tokens that say a word as one piece, with and without blank and capital."""
        forms = {
            f"{blank}{form}"
            for blank in ("", " ")
            for form in (word, word.capitalize(), word.upper())
        }
        result = (self.encode_answer(form) for form in sorted(forms))
        return tuple(sorted({ids[0] for ids in result if len(ids) == 1}))
