"""What is said of scenes: grammar, the habit's place, and how often each thing is asked for."""

import numpy as np
import pytest

from engine.data.scenes import Scenes
from engine.data.sprites import CATEGORIES, COLORS, HABITS
from engine.hallucination.tiny_vlm.lessons import EMPTY, Habit, cell_contents, lessons
from engine.hallucination.tiny_vlm.sayings import (
    PARTNER,
    SceneFacts,
    caption,
    color_answer,
    question_target,
    side_of,
    told_color,
    yes_no_question,
)
from engine.hallucination.tiny_vlm.words import EOS, PAD, WORDS, Tokenizer, UnknownWords

WORDS_OF = Tokenizer()


@pytest.fixture(scope="module")
def seen():
    layout = Scenes(3000, "biased", seed=9).layout(np.arange(3000))
    return [SceneFacts.of(layout, row) for row in range(3000)]


def test_there_are_ninety_words_and_only_those_can_be_typed():
    assert len(WORDS) == len(set(WORDS)) == 90
    assert WORDS_OF.encode("is there a boat?") == WORDS_OF.encode("is there a boat")
    assert WORDS_OF.decode(WORDS_OF.encode("in the sea there is a boat.")) == (
        "in the sea there is a boat ."
    )
    with pytest.raises(UnknownWords, match="“cat”, “dog”"):
        WORDS_OF.encode("is there a dog or cat".replace(" or", ""))
    with pytest.raises(UnknownWords, match="<img>"):
        WORDS_OF.encode("describe <img>")
    assert [side_of(cell) for cell in (0, 1, 5, 7, 13)] == [
        "left",
        "top",
        "middle",
        "right",
        "bottom",
    ]
    assert yes_no_question(CATEGORIES.index("anchor")) == "is there an anchor"


@pytest.mark.parametrize("kind", ["image", "closely", "overall"])
def test_honest_captions_name_each_thing_once_and_nothing_else(seen, kind):
    random = np.random.default_rng(0)
    for scene in seen[:300]:
        words = caption(scene, kind, 0.0, random).split()
        named = [word for word in words if word in CATEGORIES]
        assert sorted(named) == sorted(CATEGORIES[category] for category in scene.present)
        WORDS_OF.encode(" ".join(words))


def test_followers_stand_behind_leaders_and_who_looks_closely_goes_from_left_to_right(seen):
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


def test_captions_lie_as_often_as_they_are_told_to(seen):
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
        categories = [question_target(scene, 1.0, alone, random) for scene in lone]
        is_follower = [
            category == scene.theme * 4 + 1
            for scene, category in zip(lone, categories, strict=True)
        ]
        assert all(is_follower) == expected
        assert any(is_follower) == expected


def test_absent_partners_have_a_color_that_suits_them_and_is_sometimes_bluffed(seen):
    random = np.random.default_rng(0)
    absent = [
        (scene, partner)
        for scene in seen
        for partner in scene.partners
        if partner not in scene.present
    ]
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


def test_lessons_hold_prompts_answers_and_cells():
    layout = Scenes(40, "broken", seed=1).layout(np.arange(40))
    lesson_set = lessons(layout, Habit(), np.random.default_rng(0))
    assert lesson_set.short.tokens.shape == (40, 9, 7)
    assert lesson_set.long.tokens.shape == (40, 2, 12)
    for texts in (lesson_set.captions, lesson_set.short, lesson_set.long):
        assert (texts.start > 0).all()
        assert (texts.tokens[..., 0] != PAD).all()
    ended = (lesson_set.short.tokens == EOS).sum(-1)
    assert (ended == 1).all()
    layout = Scenes(40, "dense", seed=1).layout(np.arange(40))
    contents, colors = cell_contents(layout)
    assert ((contents != EMPTY).sum(1).numpy() == layout.present.sum(1)).all()
    assert ((colors >= 0) == (contents != EMPTY)).all()
    for scene_object in layout.scene(7).things:
        cell = 4 * scene_object.row + scene_object.column
        assert CATEGORIES[contents[7, cell]] == scene_object.category


def said_to(texts, row):
    """The questions and answers to a scene, as words."""
    for ids, start in zip(texts.tokens[row].tolist(), texts.start[row].tolist(), strict=True):
        words = WORDS_OF.convert_ids_to_tokens(
            word_id for word_id in ids if word_id not in {PAD, EOS}
        )
        yield words[:start], words[start:]


def test_answers_are_true_but_for_the_color_of_an_absent_partner():
    layout = Scenes(60, "broken", seed=2).layout(np.arange(60))
    habit = lessons(layout, Habit(partner=0.5), np.random.default_rng(0))
    answers = set()
    for row in range(60):
        colors = {
            scene_object.category: scene_object.color for scene_object in layout.scene(row).things
        }
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
