"""What the model says without looking, in one click."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from components import section
from components.ask.answer import PromptAnswer
from components.dialog.answer_words import tidy
from components.dialog.scene import KEY
from components.draw.drawing import Drawing
from components.draw.matrix import Matrix
from components.section import Section
from engine.hallucination import asking
from engine.hallucination.grounding.priors import Priors
from engine.hallucination.grounding.word_case import WordCase
from engine.hallucination.measures.claims import telling
from engine.pictures import as_bytes
from engine.result import Floats, Pictures, Table

SWAPPED = "another scene"
NAMES = {
    "blank": "a blank picture",
    "noise": "pure noise",
    "noised": "this image, deep in noise",
    SWAPPED: SWAPPED,
    "no image": "no picture at all",
}
SURVIVES = 0.5  # of the probability that a word has in the image


def show(answer: PromptAnswer) -> None:
    """The test, once it was asked for."""
    if answer.picked is None:
        return
    method, case, words = Priors(), answer.picked, answer.tokens.words
    if answer.shown.other is not None:
        case = asking.held_against(case, [(SWAPPED, asking.pixels(answer.shown.other))])
    section.show(
        Section(
            KEY, method, case, "Without looking: which words survive when the image is taken away?",
            button="Take the image away", columns=1,
            before="Asks the same of a blank picture, of noise, of another image and of none.",
            sentence=lambda found: survivors(words, found["words"]),
            evidence=(
                Drawing("words", part=lambda found: pictures(case, method, found)),
                Drawing(
                    "words", "How likely each word is in each picture",
                    lambda found: squares(of_the_image(words, found["words"])),
                    lambda _: "Behind the same words. ✓: it survives there, with at least half of "
                    "the probability that it has in this image.",
                    part=lambda found: of_the_image(words, found),
                ),
            ),
        )
    )  # fmt: skip


def of_the_image(words: Sequence[str], found: Table) -> Table:
    """The words that say something of the image, all where none does, in every picture."""
    places = telling(words) or range(len(words))
    names = tuple(found.order[place] for place in places)
    values = np.stack([np.asarray(found[name], np.float32) for name in names], 1)
    rows = tuple(NAMES.get(name, name) for name in found.rows)
    return Table.grid(values, rows, names, ("probability",) * len(names))


def surviving(values: Floats) -> NDArray[np.bool_]:
    """Which words keep half of their probability, (pictures, words); the first is the image."""
    stays: NDArray[np.bool_] = values >= SURVIVES * values[:1]
    return stays


def squares(table: Table) -> Matrix:
    """Each probability, marked where the word survives."""
    stays = surviving(table.values)
    texts = [
        [f"{value:.2f}{' ✓' if at and ok else ''}" for value, ok in zip(row, oks, strict=True)]
        for at, (row, oks) in enumerate(zip(table.values, stays, strict=True))
    ]
    height = 120 + 34 * len(table.rows)
    return Matrix(span=(0, 1), texts=texts, bar="probability", height=height)


def pictures(case: WordCase, method: Priors, found: Table) -> Pictures:
    """The pictures that were shown instead, each with what the model says of it."""
    says = {name: f"“{tidy(text)}”" for name, text in zip(found.rows, found.notes, strict=True)}
    shown = asking.looked_away(case, method)
    images = np.stack([as_bytes(image) for _, image in shown])[None]
    names = tuple(NAMES.get(name, name) for name, _ in shown)
    answers = tuple(says[name] for name, _ in shown)
    return Pictures(images, ("it says",), names, finding(names, answers), captions=answers)


def finding(names: Sequence[str], answers: Sequence[str]) -> str:
    """What the model says of the pictures."""
    pairs = zip(names, answers, strict=True)
    return f"It says {'; '.join(f'{answer} of {name}' for name, answer in pairs)}."


def survivors(words: Sequence[str], found: Table) -> str:
    """Which words are said anyway, in how many of the pictures that show nothing."""
    table = of_the_image(words, found)
    blind = [at for at, name in enumerate(found.rows) if name not in {"this image", SWAPPED}]
    lasting = surviving(table.values)[blind]  # (pictures, words)
    said = [name.split(". ", 1)[1] for name in table.columns]
    if len(said) == 1:
        names = [table.rows[at] for at, stays in zip(blind, lasting[:, 0], strict=True) if stays]
        where = f": {', '.join(names)}" if names else ""
        return f"“{said[0]}” survives in {len(names)} of {len(blind)} that show nothing{where}."
    often = (2 * lasting.sum(0) >= len(blind)).tolist()
    kept = [word for word, stays in zip(said, often, strict=True) if stays]
    quoted = ", ".join(f"“{word}”" for word in dict.fromkeys(kept))
    return (
        f"{len(kept)} of {len(said)} words that say something of the image survive in at least "
        f"half of the {len(blind)} that show nothing{f': {quoted}' if kept else ''}."
    )
