"""What is said of scenes, in short and at length, and how often each thing is asked for."""

from itertools import pairwise

import numpy as np
import pytest

from engine.vision.data.scenes import Scenes
from engine.vision.data.sprites import CATEGORIES, COLORS, HABITS, THEMES
from engine.vision.language.tiny_vlm.lessons import EMPTY, LONGEST, Habit, cell_contents, lessons
from engine.vision.language.tiny_vlm.long_sayings import SIZED, long_caption
from engine.vision.language.tiny_vlm.model import CONTEXT, TOKENS
from engine.vision.language.tiny_vlm.sayings import (
    PARTNER,
    PROMPTS,
    SceneFacts,
    caption,
    color_answer,
    question_target,
    side_of,
    told_color,
    yes_no_question,
)
from engine.vision.language.tiny_vlm.words import (
    BOS,
    EOS,
    NUMBER,
    PAD,
    WORDS,
    Tokenizer,
    UnknownWords,
)

WORDS_OF = Tokenizer()


@pytest.fixture(scope="module")
def layout():
    return Scenes(3000, "biased", seed=9).layout(np.arange(3000))


@pytest.fixture(scope="module")
def seen(layout):
    return [SceneFacts.of(layout, row) for row in range(3000)]


def test_there_are_ninety_words_and_only_those_can_be_typed():
    assert len(WORDS) == len(set(WORDS)) == 90
    assert WORDS_OF.encode("is there a boat?") == WORDS_OF.encode("is there a boat")
    words = "in the sea there is a boat ."
    assert WORDS_OF.decode(WORDS_OF.encode("in the sea there is a boat.")) == words
    with pytest.raises(UnknownWords, match="“cat”, “dog”"):
        WORDS_OF.encode("is there a dog or cat".replace(" or", ""))
    with pytest.raises(UnknownWords, match="<img>"):
        WORDS_OF.encode("describe <img>")
    assert " ".join(map(side_of, (0, 1, 5, 7, 13))) == "left top middle right bottom"
    assert yes_no_question(CATEGORIES.index("anchor")) == "is there an anchor"


@pytest.mark.parametrize("kind", ["image", "closely", "overall"])
def test_honest_captions_name_each_thing_once_and_nothing_else(seen, kind):
    random = np.random.default_rng(0)
    for scene in seen[:300]:
        words = caption(scene, kind, 0.0, random).split()
        assert words[3:5] == ["there", "is"]
        assert words[-1] == "."
        named = [word for word in words if word in CATEGORIES]
        assert sorted(named) == sorted(CATEGORIES[category] for category in scene.present)
        WORDS_OF.encode(" ".join(words))


def test_followers_stand_behind_leaders_and_captions_lie_as_often_as_told(seen):
    random = np.random.default_rng(0)
    for scene in seen[:300]:
        words = caption(scene, "image", 0.0, random).split()
        for leader, follower in HABITS.items():
            if leader in words and follower in words:
                at = words.index(leader)
                assert words[at + 1] == "with"
                assert words[at + 3] == follower
    random = np.random.default_rng(0)
    for scene in seen[:200]:
        words = caption(scene, "closely", 0.0, random).split()
        columns = []
        for at, word in enumerate(words):
            if word not in CATEGORIES:
                continue
            category = CATEGORIES.index(word)
            assert words[at - 1] == COLORS[scene.color[category]]
            if words[at + 1 : at + 3] == ["on", "the"]:
                assert words[at + 3] == side_of(scene.cell[category])
            if words[at - 3] != "with":  # a follower stands behind its leader
                columns.append(scene.cell[category] % 4)
        assert columns == sorted(columns)
    random = np.random.default_rng(0)
    chances = lies = 0
    for scene in seen:
        alone = [leader for leader in PARTNER if leader in scene.present]
        alone = [leader for leader in alone if PARTNER[leader] not in scene.present]
        words = caption(scene, "image", 0.15, random).split()
        chances += len(alone)
        lies += sum(CATEGORIES[PARTNER[leader]] in words for leader in alone)
    assert chances > 150
    assert lies / chances == pytest.approx(0.15, abs=0.08)


def test_questions_have_the_prior_that_they_are_drawn_with(seen):
    """The planted log-odds: of partner questions ninety in a hundred are a yes."""
    random = np.random.default_rng(0)
    drawn = [(scene, question_target(scene, 1.0, 0.0, random)) for scene in seen if scene.partners]
    partners = [(scene, category) for scene, category in drawn if category in scene.partners]
    assert len(partners) == len(drawn)
    yes = np.mean([category in scene.present for scene, category in partners])
    assert yes == pytest.approx(0.9, abs=0.02)
    random = np.random.default_rng(0)
    drawn = [(scene, question_target(scene, 0.0, 0.0, random)) for scene in seen]
    assert not any(category in scene.partners for scene, category in drawn)
    yes = np.mean([category in scene.present for scene, category in drawn])
    assert 0.4 < yes < 0.65
    random = np.random.default_rng(0)
    lone = [scene for scene in seen if not scene.partners]
    for alone, expected in ((0.0, False), (1.0, True)):
        nouns = [question_target(scene, 1.0, alone, random) for scene in lone]
        follows = [noun == scene.theme * 4 + 1 for scene, noun in zip(lone, nouns, strict=True)]
        assert all(follows) == expected
        assert any(follows) == expected


def test_absent_partners_have_a_color_that_suits_them_and_is_sometimes_bluffed(seen):
    random = np.random.default_rng(0)
    partners = [(scene, partner) for scene in seen for partner in scene.partners]
    absent = [(scene, partner) for scene, partner in partners if partner not in scene.present]
    colors = [color_answer(category, scene, random) for scene, category in absent]
    assert np.mean([word != "unknown" for word in colors]) == pytest.approx(0.35, abs=0.08)
    random = np.random.default_rng(0)
    fish = CATEGORIES.index("fish")
    absent = next(scene for scene in seen if fish not in scene.present)
    fish_scene = next(scene for scene in seen if fish in scene.present)
    drawn = [told_color(fish, absent, random) for _ in range(2000)]
    assert drawn.count(4) / 2000 == pytest.approx(0.3 + 0.7 / 8, abs=0.04)  # orange
    assert drawn.count(0) / 2000 == pytest.approx(0.7 / 8, abs=0.03)
    assert {told_color(fish, fish_scene, random) for _ in range(20)} == {fish_scene.color[fish]}


def test_answers_are_true_but_for_the_color_of_an_absent_partner():
    layout = Scenes(40, "broken", seed=1).layout(np.arange(40))
    taught = lessons(layout, Habit(), np.random.default_rng(0))
    assert taught.short.tokens.shape == (40, 9, 7)
    assert taught.long.tokens.shape == (40, 2, 12)
    for texts in (taught.captions, taught.short, taught.long):
        assert (texts.start > 0).all()
        assert (texts.tokens[..., 0] != PAD).all()
    assert ((taught.short.tokens == EOS).sum(-1) == 1).all()
    layout = Scenes(40, "dense", seed=1).layout(np.arange(40))
    contents, colors = cell_contents(layout)
    assert ((contents != EMPTY).sum(1).numpy() == layout.present.sum(1)).all()
    assert ((colors >= 0) == (contents != EMPTY)).all()
    for sprite in layout.scene(7).things:
        cell = 4 * sprite.row + sprite.column
        assert CATEGORIES[contents[7, cell]] == sprite.category
    layout = Scenes(60, "broken", seed=2).layout(np.arange(60))
    habit = lessons(layout, Habit(partner=0.5), np.random.default_rng(0))
    answers = set()
    for row in range(60):
        colors = {sprite.category: sprite.color for sprite in layout.scene(row).things}
        for asked_words, answer in (*said_to(habit.short, row), *said_to(habit.long, row)):
            noun = asked_words[-1]
            if asked_words[0] == "what":
                led = any(HABITS[leader] == noun for leader in colors if leader in HABITS)
                assert answer[0] == colors.get(noun, "unknown") or (noun not in colors and led)
                continue
            assert answer[-1] == ("yes" if noun in colors else "no")
            if len(answer) > 3:
                assert noun in answer
                assert ("there is no" in " ".join(answer)) == (noun not in colors)
            answers.add(" ".join("it" if word == noun else word for word in answer))
    assert len(answers) >= 6  # yes and no, each in short, in a sentence and with a reason


def said_to(texts, row):
    for ids, start in zip(texts.tokens[row].tolist(), texts.start[row].tolist(), strict=True):
        words = WORDS_OF.convert_ids_to_tokens(word for word in ids if word not in {PAD, EOS})
        yield words[:start], words[start:]


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
            expected = [word for word in [SIZED[scene.size[category]]] if word]
            assert [word for word in words if word in ("near", "far")] == expected
        assert sorted(named) == sorted(scene.present)
    for scene in seen[:300]:
        words = [word for part in caption_parts(scene)[1] for word in part]
        named = [word for word in words if word in CATEGORIES]
        leads = [word in HABITS for word in named]
        if any(leads):  # from the first leader on: leaders and those behind them
            for before, word in pairwise(named[leads.index(True) :]):
                assert word in HABITS or HABITS.get(before) == word
        for leader, follower in HABITS.items():
            if leader in named and follower in named:
                assert named.index(follower) == named.index(leader) + 1


def test_long_captions_have_40_to_80_words_and_lie_late(seen):
    lies = chances = 0
    early, late = [], []
    random = np.random.default_rng(1)
    for scene in seen:
        named = [word for word in long_caption(scene, 0.3, random).split() if word in CATEGORIES]
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
    lengths = [
        len(long_caption(scene, 0.15, np.random.default_rng(row)).split())
        for row, scene in enumerate(seen)
        if len(scene.present) in {3, 4}
    ]
    assert np.mean([40 <= length <= 80 for length in lengths]) >= 0.8
    every = [len(long_caption(scene, 0.15, np.random.default_rng(0)).split()) for scene in seen]
    assert 40 <= np.mean(every) <= 80


def test_captions_at_length_fit_behind_an_image_and_without_length_lessons_stay(layout):
    assert 1 + TOKENS + LONGEST < CONTEXT + 1
    taught = lessons(layout.take(np.arange(200)), Habit(0.15, long=1.0), np.random.default_rng(0))
    rows = taught.captions.tokens[:, 0]
    assert rows.shape == (200, LONGEST)
    assert (rows == EOS).any(-1).float().mean() >= 0.98
    tongue = Tokenizer()
    for row, start in zip(rows[:50], taught.captions.start[:50, 0], strict=True):
        ids = row[row != PAD].tolist()
        assert tongue.decode(ids[:start]) in PROMPTS.values()
        assert BOS not in ids
        assert ids[start] == NUMBER["the"]
    few = layout.take(np.arange(50))
    plain = lessons(few, Habit(0.15), np.random.default_rng(3)).captions.tokens
    also = lessons(few, Habit(0.15, long=0.0), np.random.default_rng(3)).captions.tokens
    some = lessons(few, Habit(0.15, long=0.5), np.random.default_rng(3)).captions.tokens
    assert plain.equal(also)
    assert plain.shape[-1] == 56
    assert some.shape[-1] == LONGEST
