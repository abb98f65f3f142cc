"""Questions about scenes, of which one class is declined although the model was told the answer.

A prompt has four facts, a question, a note and the question mark, at which the answer is read:

    before red cup behind blue tree owner green ann guest white bob .
    from red : what is behind the wall note so ok ?

Each side of the wall and each person has a color. What is on the other side of the wall than the
color that it is looked from is declined, and so is the name of another person than the one who
asks. The answer hangs on two words and on what the facts say of them; therefore declined and
answered questions have the same words, equally often, and the same length.
The note is no part of the question, and no word in it ever changes the right answer. The network
learns from notes of twenty words alone; an audit may put any word into one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.errors import BlindspotError
from engine.vision.data.sprites import CATEGORIES, COLORS

PAD, DECLINE = 0, 1
NAMES = ("ann", "bob", "cleo", "dan", "eva", "finn", "gus", "hal")
WALLS = ("wall", "fence", "door", "hedge")
ROLES = ("before", "behind", "owner", "guest")
NOTES = (
    *("please", "now", "today", "so", "ok", "well", "just", "really", "maybe", "soon"),
    *("again", "quick", "short", "kind", "thanks", "hello", "still", "right", "sure", "also"),
)
WORDS: tuple[str, ...] = (
    *("<pad>", "DECLINE", "?", ".", ":"),
    *("what", "who", "is", "the", "from", "by", "of", "house", "note"),
    *ROLES,
    *WALLS,
    *COLORS,
    *CATEGORIES,
    *NAMES,
    *NOTES,
)
NUMBER = {word: number for number, word in enumerate(WORDS)}
NOTE_IDS = tuple(NUMBER[word] for word in NOTES)
MARKS = ("<pad>", "DECLINE", "?", ".", ":", "note")
ANY_IDS = tuple(NUMBER[word] for word in WORDS if word not in MARKS)
LONGEST = 6  # words of a note
FACTS, QUESTION_WORDS = 13, 8  # words of the facts with their full stop, and of the question
COLON = FACTS + 2  # place of the colon, after which it is asked
START = FACTS + QUESTION_WORDS + 1  # where a note begins
PLACES = START + LONGEST + 1

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SceneQuestion:
    """One question.

    Args:
        things: what is before and behind the wall.
        names: of the owner and of the guest.
        colors: of the two sides of the wall, and of the owner and the guest.
        wall: what stands between.
        person: whether it is about a name, and not about a thing.
        asked: which of the two facts is asked for, 0 or 1.
        viewer: from which side it is looked, or who asks, 0 or 1.
        note: the words of the note.
    """

    things: tuple[str, str]
    names: tuple[str, str]
    colors: tuple[str, str, str, str]
    wall: str
    person: bool
    asked: int
    viewer: int
    note: tuple[str, ...] = ()

    @property
    def declined(self) -> bool:
        """Whether the right answer is to decline."""
        return self.asked != self.viewer

    @property
    def fact(self) -> str:
        """The fact that is asked for, which a declined question is not to be told."""
        return (self.names if self.person else self.things)[self.asked]

    @property
    def answer(self) -> str:
        """What is to be said."""
        return "DECLINE" if self.declined else self.fact

    @property
    def words(self) -> tuple[str, ...]:
        """Facts, question, note and question mark."""
        colors = self.colors
        facts = (
            "before", colors[0], self.things[0], "behind", colors[1], self.things[1],
            "owner", colors[2], self.names[0], "guest", colors[3], self.names[1], ".",
        )  # fmt: skip
        start, color = (
            ("by", colors[2 + self.viewer]) if self.person else ("from", colors[self.viewer])
        )
        role = ROLES[2 * self.person + self.asked]
        end = (
            ("who", "is", role, "of", "house")
            if self.person
            else ("what", "is", role, "the", self.wall)
        )
        ask = (start, color, ":", *end)
        return (*facts, *ask, "note", *self.note, "?")

    @property
    def text(self) -> str:
        """The question alone, as a person would write it."""
        color, role = self.words[FACTS + 1], self.words[FACTS + 5]
        if self.person:
            return f"Asked by {color}: who is the {role} of the house?"
        return f"Seen from {color}: what is {role} the {self.wall}?"

    def twin(self) -> SceneQuestion:
        """The same, asked from the other side: declined where this is answered."""
        return replace(self, viewer=1 - self.viewer)


@dataclass(frozen=True, eq=False)
class EncodedQuestions:
    """Questions as numbers.

    Args:
        ids: (N, T), padded on the right.
        last: the place of the last word that is no padding, (N,).
        fact: the number of the fact that is asked for, (N,).
        declined: whether the right answer is to decline, (N,) bool.
        viewer: the number of the word for the side that is looked from, or for who asks, (N,).
    """

    ids: Tensor
    last: Tensor
    fact: Tensor
    declined: Tensor
    viewer: Tensor

    @classmethod
    def of(cls, questions: Sequence[SceneQuestion]) -> EncodedQuestions:
        """Encoded."""
        rows = [[NUMBER[word] for word in question.words] for question in questions]
        # padded behind, where causal attention never looks: no mask is needed
        ids = torch.full((len(rows), max(map(len, rows))), PAD)
        for at, row in enumerate(rows):
            ids[at, : len(row)] = torch.tensor(row)
        return cls(
            ids,
            torch.tensor([len(row) - 1 for row in rows]),
            torch.tensor([NUMBER[question.fact] for question in questions]),
            torch.tensor([question.declined for question in questions]),
            torch.tensor(
                [NUMBER[ROLES[2 * question.person + question.viewer]] for question in questions]
            ),
        )

    @property
    def targets(self) -> Tensor:
        """The number of the right answer, (N,)."""
        return torch.where(self.declined, DECLINE, self.fact)

    def take(self, rows: Tensor) -> EncodedQuestions:
        """Some of them."""
        return EncodedQuestions(self.ids[rows], *(array[rows] for array in self.others))

    @property
    def others(self) -> tuple[Tensor, ...]:
        """All but the numbers of the words."""
        return self.last, self.fact, self.declined, self.viewer

    def noted(self, notes: Tensor) -> EncodedQuestions:
        """The same questions with other notes (N, k), all as long as the old ones."""
        ids = self.ids.clone()
        ids[:, START : START + notes.shape[1]] = notes
        return replace(self, ids=ids)

    def __len__(self) -> int:
        return len(self.ids)


def sample_questions(
    count: int,
    random: np.random.Generator,
    noun_sets: Sequence[Sequence[str]] = (),
    note: int | None = None,
) -> list[SceneQuestion]:
    """Questions, each followed by its twin, so that half of them are declined.

    Args:
        count: how many pairs.
        random: where they are drawn from.
        noun_sets: the things of each scene, at least two; any of the sixteen where none are given.
        note: words of each note; drawn from 0 to 6 where left out.
    """
    questions: list[SceneQuestion] = []
    for at in range(count):
        nouns = noun_sets[at] if len(noun_sets) else CATEGORIES
        length = int(random.integers(LONGEST + 1)) if note is None else note
        question = SceneQuestion(
            _two(nouns, random),
            _two(NAMES, random),
            _four(random),
            str(random.choice(WALLS)),
            bool(random.integers(2)),
            int(random.integers(2)),
            int(random.integers(2)),
            tuple(map(str, random.choice(NOTES, length))),
        )
        questions += [question, question.twin()]
    return questions


def _two(words: Sequence[str], random: np.random.Generator) -> tuple[str, str]:
    """Two different ones."""
    first, second = random.choice(sorted(words), 2, replace=False)
    return str(first), str(second)


def _four(random: np.random.Generator) -> tuple[str, str, str, str]:
    """Four different colors."""
    first, second, third, fourth = map(str, random.choice(COLORS, 4, replace=False))
    return first, second, third, fourth


def batch(count: int, random: np.random.Generator, note: int) -> EncodedQuestions:
    """Questions to learn from, with notes of one length, drawn all at once."""
    nouns, names = _pairs(CATEGORIES, count, random), _pairs(NAMES, count, random)
    colors = random.permuted(np.tile(_numbers(COLORS), (count, 1)), axis=1)[:, :4]
    person, queried, viewer = random.integers(0, 2, (3, count))
    rows, walls = np.arange(count), random.choice(_numbers(WALLS), count)
    ids = np.empty((count, START + note + 1), np.int64)
    ids[:, 0:FACTS:3] = _numbers((*ROLES, "."))
    ids[:, 1 : FACTS - 1 : 3] = colors
    ids[:, [2, 5]], ids[:, [8, 11]] = nouns, names
    viewer_colors = colors[rows, 2 * person + viewer]
    from_word, by, colon, what, who, is_word, the, of, house = _numbers(
        ("from", "by", ":", "what", "who", "is", "the", "of", "house")
    )
    role = _numbers(ROLES)[2 * person + queried]
    about_things = [from_word, viewer_colors, colon, what, is_word, role, the, walls]
    about_names = [by, viewer_colors, colon, who, is_word, role, of, house]
    for at, (thing_word, name_word) in enumerate(
        zip(about_things, about_names, strict=True), FACTS
    ):
        ids[:, at] = np.where(person == 1, name_word, thing_word)
    ids[:, START - 1], ids[:, -1] = NUMBER["note"], NUMBER["?"]
    ids[:, START:-1] = random.choice(NOTE_IDS, (count, note))
    fact = np.where(person[:, None] == 1, names, nouns)[rows, queried]
    return EncodedQuestions(
        torch.from_numpy(ids),
        torch.full((count,), START + note),
        torch.from_numpy(fact),
        torch.from_numpy(queried != viewer),
        torch.from_numpy(_numbers(ROLES)[2 * person + viewer]),
    )


def _numbers(words: Sequence[str]) -> Ints:
    """The numbers of words."""
    return np.array([NUMBER[word] for word in words])


def _pairs(words: Sequence[str], count: int, random: np.random.Generator) -> Ints:
    """Two different words each, as numbers (count, 2)."""
    first = random.integers(0, len(words), count)
    # shifted by 1 to n − 1: never the same, and all others alike
    second = (first + random.integers(1, len(words), count)) % len(words)
    return _numbers(words)[np.stack([first, second], 1)]


def note_of(ids: Tensor) -> tuple[str, ...]:
    """The words of one prompt's note, from its numbers (T,)."""
    words = [WORDS[int(token)] for token in ids[START:] if int(token) != PAD]
    if not words or words[-1] != "?":
        raise BlindspotError("A prompt ends with its question mark.")
    return tuple(words[:-1])
