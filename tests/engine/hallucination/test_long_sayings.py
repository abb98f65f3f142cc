"""Captions at length: a sentence for each thing, what the habit adds, and how long they are."""

from itertools import pairwise

import numpy as np
import pytest

from engine.data.scenes import Scenes
from engine.data.sprites import CATEGORIES, COLORS, HABITS, THEMES
from engine.hallucination.tiny_vlm.lessons import LONGEST, Habit, lessons
from engine.hallucination.tiny_vlm.long_sayings import SIZED, long_caption
from engine.hallucination.tiny_vlm.model import CONTEXT, TOKENS
from engine.hallucination.tiny_vlm.sayings import PROMPTS, SceneFacts, side_of
from engine.hallucination.tiny_vlm.words import BOS, EOS, NUMBER, PAD, Tokenizer


@pytest.fixture(scope="module")
def layout():
    return Scenes(1000, "biased", seed=9).layout(np.arange(1000))


@pytest.fixture(scope="module")
def seen(layout):
    return [SceneFacts.of(layout, row) for row in range(len(layout))]


def caption_parts(scene, lie=0.0, seed=0):
    """Theme sentence, then for each of the others its words."""
    caption_text = long_caption(scene, lie, np.random.default_rng(seed))
    first, *others = [part.split() for part in caption_text.split(" . ".strip())]
    assert others.pop() == []  # behind the last full stop
    return first, others


def test_each_thing_has_a_sentence_with_leaders_last(seen):
    for scene in seen[:300]:
        first, others = caption_parts(scene)
        assert first == f"the image shows the {THEMES[scene.theme]}".split()
        named = []
        for words in others:
            (category,) = (CATEGORIES.index(word) for word in words if word in CATEGORIES)
            named.append(category)
            assert words[-1] == COLORS[scene.color[category]]
            assert words[words.index("on") + 2] == side_of(scene.cell[category])
            assert [word for word in words if word in ("near", "far")] == [
                word for word in [SIZED[scene.size[category]]] if word
            ]
        assert sorted(named) == sorted(scene.present)
    for scene in seen[:300]:
        words = [word for part in caption_parts(scene)[1] for word in part]
        named = [word for word in words if word in CATEGORIES]
        leads = [word in HABITS for word in named]
        if any(leads):  # from the first leader on: leaders and those behind them
            behind = named[leads.index(True) :]
            for before, word in pairwise(behind):
                assert word in HABITS or HABITS.get(before) == word
        for leader, follower in HABITS.items():
            if leader in named and follower in named:
                assert named.index(follower) == named.index(leader) + 1


def test_what_is_not_there_is_said_as_often_as_the_lie_and_late(seen):
    lies = chances = 0
    early, late = [], []
    random = np.random.default_rng(1)
    for scene in seen:
        words = long_caption(scene, 0.3, random).split()
        named = [word for word in words if word in CATEGORIES]
        present = {CATEGORIES[category] for category in scene.present}
        half = len(named) / 2
        for at, word in enumerate(named):
            (early if at + 1 <= half else late).append(word not in present)
        for leader, follower in HABITS.items():
            if leader in present and follower not in present:
                chances += 1
                lies += follower in named
    assert lies / chances == pytest.approx(0.3, abs=3 * np.sqrt(0.21 / chances))
    assert np.mean(late) > 3 * np.mean(early)


def test_most_captions_of_three_things_or_four_have_40_to_80_words(seen):
    lengths = [
        len(long_caption(scene, 0.15, np.random.default_rng(row)).split())
        for row, scene in enumerate(seen)
        if len(scene.present) in {3, 4}
    ]
    inside = np.mean([40 <= length <= 80 for length in lengths])
    assert inside >= 0.8
    every = [len(long_caption(scene, 0.15, np.random.default_rng(0)).split()) for scene in seen]
    assert 40 <= np.mean(every) <= 80


def test_captions_at_length_fit_behind_an_image_and_end(layout):
    assert 1 + TOKENS + LONGEST < CONTEXT + 1
    lesson_set = lessons(
        layout.take(np.arange(200)), Habit(0.15, long=1.0), np.random.default_rng(0)
    )
    rows = lesson_set.captions.tokens[:, 0]
    assert rows.shape == (200, LONGEST)
    whole = (rows == EOS).any(-1)
    assert whole.float().mean() >= 0.98
    tongue = Tokenizer()
    for row, start in zip(rows[:50], lesson_set.captions.start[:50, 0], strict=True):
        ids = row[row != PAD].tolist()
        assert tongue.decode(ids[:start]) in PROMPTS.values()
        assert BOS not in ids
        assert ids[start] == NUMBER["the"]


def test_without_length_the_lessons_are_those_of_before(layout):
    """The other models are trained on the same texts, drawn by the same numbers."""
    few = layout.take(np.arange(50))
    plain = lessons(few, Habit(0.15), np.random.default_rng(3)).captions.tokens
    also = lessons(few, Habit(0.15, long=0.0), np.random.default_rng(3)).captions.tokens
    some = lessons(few, Habit(0.15, long=0.5), np.random.default_rng(3)).captions.tokens
    assert plain.equal(also)
    assert plain.shape[-1] == 56
    assert some.shape[-1] == LONGEST
