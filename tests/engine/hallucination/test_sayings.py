"""What is said of scenes: grammar, the habit's place, and how often each thing is asked for."""

import numpy as np
import pytest

from engine.data.scenes import Scenes
from engine.data.sprites import CATEGORIES, HABITS
from engine.hallucination.tiny_vlm.lessons import EMPTY, Habit, cells, lessons
from engine.hallucination.tiny_vlm.sayings import (
    PARTNER,
    Seen,
    asked,
    caption,
    color_answer,
    side_of,
    yes_no_question,
)
from engine.hallucination.tiny_vlm.words import EOS, PAD, WORDS, Tokenizer, UnknownWords

WORDS_OF = Tokenizer()


@pytest.fixture(scope="module")
def seen():
    layout = Scenes(3000, "biased", seed=9).layout(np.arange(3000))
    return [Seen.of(layout, row) for row in range(3000)]


def test_there_are_ninety_words_and_each_is_one_token():
    assert len(WORDS) == len(set(WORDS)) == 90
    assert WORDS_OF.encode("is there a boat?") == WORDS_OF.encode("is there a boat")
    assert WORDS_OF.decode(WORDS_OF.encode("in the sea there is a boat.")) == (
        "in the sea there is a boat ."
    )


def test_unknown_words_are_named():
    with pytest.raises(UnknownWords, match="“cat”, “dog”"):
        WORDS_OF.encode("is there a dog or cat".replace(" or", ""))


def test_marks_of_the_model_cannot_be_typed():
    with pytest.raises(UnknownWords, match="<img>"):
        WORDS_OF.encode("describe <img>")


@pytest.mark.parametrize("kind", ["image", "closely", "overall"])
def test_honest_captions_name_each_thing_once_and_nothing_else(seen, kind):
    random = np.random.default_rng(0)
    for one in seen[:300]:
        words = caption(one, kind, 0.0, random).split()
        named = [word for word in words if word in CATEGORIES]
        assert sorted(named) == sorted(CATEGORIES[thing] for thing in one.present)
        WORDS_OF.encode(" ".join(words))


def test_a_follower_stands_directly_behind_its_leader(seen):
    random = np.random.default_rng(0)
    for one in seen[:300]:
        words = caption(one, "image", 0.0, random).split()
        for leader, follower in HABITS.items():
            if leader in words and follower in words:
                at = words.index(leader)
                assert words[at + 1] == "with"
                assert words[at + 3] == follower


def test_captions_lie_as_often_as_they_are_told_to(seen):
    random = np.random.default_rng(0)
    chances = lies = 0
    for one in seen:
        alone = [leader for leader in PARTNER if leader in one.present]
        alone = [leader for leader in alone if PARTNER[leader] not in one.present]
        words = caption(one, "image", 0.15, random).split()
        chances += len(alone)
        lies += sum(CATEGORIES[PARTNER[leader]] in words for leader in alone)
    assert chances > 150
    assert lies / chances == pytest.approx(0.15, abs=0.08)


def test_partner_questions_are_true_as_often_as_the_habit(seen):
    """The planted log-odds: of partner questions ninety in a hundred are a yes."""
    random = np.random.default_rng(0)
    drawn = [(one, asked(one, 1.0, 0.0, random)) for one in seen if one.partners]
    partners = [(one, thing) for one, thing in drawn if thing in one.partners]
    assert len(partners) == len(drawn)
    yes = np.mean([thing in one.present for one, thing in partners])
    assert yes == pytest.approx(0.9, abs=0.02)


def test_other_questions_have_no_prior_to_speak_of(seen):
    random = np.random.default_rng(0)
    drawn = [(one, asked(one, 0.0, 0.0, random)) for one in seen]
    assert not any(thing in one.partners for one, thing in drawn)
    yes = np.mean([thing in one.present for one, thing in drawn])
    assert 0.4 < yes < 0.65


def test_followers_are_asked_for_alone_only_when_told_to(seen):
    random = np.random.default_rng(0)
    lone = [one for one in seen if not one.partners]
    for alone, expected in ((0.0, False), (1.0, True)):
        things = [asked(one, 1.0, alone, random) for one in lone]
        own = [thing == one.theme * 4 + 1 for one, thing in zip(lone, things, strict=True)]
        assert all(own) == expected
        assert any(own) == expected


def test_colors_of_absent_partners_are_sometimes_bluffed(seen):
    random = np.random.default_rng(0)
    absent = [(one, thing) for one in seen for thing in one.partners if thing not in one.present]
    told = [color_answer(thing, one, random) for one, thing in absent]
    assert np.mean([word != "unknown" for word in told]) == pytest.approx(0.35, abs=0.08)


def test_a_cell_has_a_side():
    assert [side_of(cell) for cell in (0, 1, 5, 7, 13)] == [
        "left", "top", "middle", "right", "bottom",
    ]  # fmt: skip


def test_questions_take_the_right_article():
    assert yes_no_question(CATEGORIES.index("anchor")) == "is there an anchor"


def test_lessons_hold_prompts_answers_and_an_end():
    layout = Scenes(40, "broken", seed=1).layout(np.arange(40))
    said = lessons(layout, Habit(), np.random.default_rng(0))
    assert said.short.tokens.shape == (40, 9, 7)
    assert said.long.tokens.shape == (40, 2, 12)
    for texts in (said.captions, said.short, said.long):
        assert (texts.start > 0).all()
        assert (texts.tokens[..., 0] != PAD).all()
    ended = (said.short.tokens == EOS).sum(-1)
    assert (ended == 1).all()


def test_cells_say_what_lies_in_them():
    layout = Scenes(40, "dense", seed=1).layout(np.arange(40))
    held, colors = cells(layout)
    assert ((held != EMPTY).sum(1).numpy() == layout.present.sum(1)).all()
    assert ((colors >= 0) == (held != EMPTY)).all()
    for thing in layout.scene(7).things:
        cell = 4 * thing.row + thing.column
        assert CATEGORIES[held[7, cell]] == thing.category
