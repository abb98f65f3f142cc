"""Declined and answered questions match; a batch says what single questions say."""

from collections import Counter

import numpy as np
import pytest

from engine.data.sprites import COLORS
from engine.hallucination.refusal.questions import (
    COLON,
    DECLINE,
    FACTS,
    LONGEST,
    NUMBER,
    PAD,
    PLACES,
    START,
    WORDS,
    EncodedQuestions,
    batch,
    note_of,
    sample_questions,
)


@pytest.fixture
def random():
    return np.random.default_rng(4)


def test_declined_and_answered_questions_have_the_same_words_and_lengths(random):
    questions = sample_questions(300, random)
    far = [question for question in questions if question.declined]
    near = [question for question in questions if not question.declined]
    assert len(far) == len(near) == 300
    assert sorted(len(question.words) for question in far) == sorted(
        len(question.words) for question in near
    )
    words = [Counter(word for question in part for word in question.words) for part in (far, near)]
    for word in set(words[0]) | set(words[1]):
        low, high = sorted(part[word] for part in words)
        assert high - low <= (0.2 * high + 12 if word in COLORS else 0)


def test_a_twin_is_the_other_side_and_the_same_side_is_answered(random):
    first, second = sample_questions(1, random)
    assert first.declined != second.declined
    changed = [a != b for a, b in zip(first.words, second.words, strict=True)]
    assert sum(changed) == 1
    assert first.fact == second.fact
    for question in sample_questions(100, random):
        words = question.words
        role = words[words.index(words[FACTS + 1]) - 1]  # before the color, in the facts
        word = words[FACTS + 5]
        assert question.declined == (role != word)
        assert question.fact == words[words.index(word) + 2]
        assert question.answer == ("DECLINE" if role != word else question.fact)


def test_a_batch_reads_as_single_questions_do(random):
    prompts = batch(200, random, 3)
    for ids, fact, declined, viewer in zip(
        prompts.ids.tolist(),
        prompts.fact.tolist(),
        prompts.declined.tolist(),
        prompts.viewer.tolist(),
        strict=True,
    ):
        words = [WORDS[word_id] for word_id in ids]
        assert words[COLON] == ":"
        assert words[START - 1] == "note"
        assert words[-1] == "?"
        role = words[words.index(words[FACTS + 1]) - 1]
        word = words[FACTS + 5]
        assert declined == (role != word)
        assert WORDS[viewer] == role
        assert WORDS[fact] == words[words.index(word) + 2]
    share = prompts.declined.float().mean().item()
    assert 0.4 < share < 0.6


def test_prompts_are_padded_on_the_right_and_end_at_the_question_mark(random):
    questions = sample_questions(20, random)
    prompts = EncodedQuestions.of(questions)
    assert prompts.ids.shape[1] <= PLACES
    for row, question in enumerate(questions):
        last = int(prompts.last[row])
        assert WORDS[int(prompts.ids[row, last])] == "?"
        assert (prompts.ids[row, last + 1 :] == PAD).all()
        assert note_of(prompts.ids[row]) == question.note
        assert int(prompts.targets[row]) == (
            DECLINE if question.declined else NUMBER[question.fact]
        )
    assert {len(question.note) for question in questions} <= set(range(LONGEST + 1))
