"""The ninety words that TinyVLM knows, one token each."""

from collections.abc import Iterable, Mapping

from engine.core.errors import BlindspotError
from engine.vision.data.sprites import CATEGORIES, COLORS, THEMES

PAD, BOS, EOS, IMAGE = range(4)
SIDES = ("left", "right", "top", "bottom", "middle")
PLURALS: Mapping[str, str] = {f"{noun}s": noun for noun in CATEGORIES}

WORDS: tuple[str, ...] = (
    *("<pad>", "<bos>", "<eos>", "<img>", ".", ",", "?", ":"),
    *("yes", "no", "unknown", "i", "think", "so", "the", "a", "an", "and", "with", "in", "on"),
    *("there", "is", "are", "it", "of", "image", "scene", "shows", "what", "where", "color"),
    *SIDES,
    *("near", "far", "describe", "closely", "overall", "briefly", "caption", "question", "answer"),
    *CATEGORIES,
    *PLURALS,
    *COLORS,
    *THEMES,
)
NUMBER: Mapping[str, int] = {word: number for number, word in enumerate(WORDS)}
YES, NO = NUMBER["yes"], NUMBER["no"]


class UnknownWords(BlindspotError):
    """A prompt with words that the model never learned."""


class Tokenizer:
    """Splits at blanks. A question mark at the end is dropped: the answer is read at the noun.

    It has the surface of a Hugging Face tokenizer, so that whoever uses one can use the other.
    """

    pad_token_id, bos_token_id, eos_token_id = PAD, BOS, EOS

    def __len__(self) -> int:
        return len(WORDS)

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's words.

        Raises:
            UnknownWords: says which words the model does not know.
        """
        plain = text.lower().strip().rstrip("?").replace(".", " . ").replace(",", " , ")
        words = plain.replace(":", " : ").split()
        if odd := sorted({word for word in words if word not in NUMBER or word.startswith("<")}):
            named = ", ".join(f"“{word[:30]}”" for word in odd[:6])
            raise UnknownWords(
                f"The model does not know {named}. It knows {len(WORDS)} words: things such as "
                f"{', '.join(CATEGORIES[::5])}, colors, and the words of its questions."
            )
        return [NUMBER[word] for word in words]

    def encode_answer(self, text: str) -> list[int]:
        """As a prompt: nothing stands around one."""
        return self.encode(text)

    def decode(self, ids: Iterable[int], *, skip_special_tokens: bool = True) -> str:
        """The words of numbers, with blanks between them."""
        return " ".join(
            WORDS[number] for number in ids if number > IMAGE or not skip_special_tokens
        )

    def convert_ids_to_tokens(self, ids: Iterable[int]) -> list[str]:
        """Each number's word."""
        return [WORDS[number] for number in ids]


def with_article(noun: str) -> str:
    """ "a boat", "an apple"."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def tidy(text: str) -> str:
    """Words as they are written: no blank before a full stop."""
    return text.replace(" .", ".")
