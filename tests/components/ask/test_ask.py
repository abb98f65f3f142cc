"""The Ask view's arithmetic and its sentences."""

from __future__ import annotations

import numpy as np
import pytest

from components.ask.cause import by_thing, elsewhere, verdict
from components.ask.claims import lists, rates, short_words
from components.ask.priors import finding, of_the_image, squares, survivors
from components.ask.region import start
from components.dialog.answer_words import caption_words
from components.draw.tokens import word_values
from components.widgets.rectangle import Box
from engine.data.scenes import Scenes
from engine.hallucination.measures.claims import claims
from engine.result import HeatMap, Table, Tokens

SCENE = Scenes(kind="counter", seed=1000).scene(424)  # a blue car, a purple wheel, an orange fork


def told(prompt, answer, scene=SCENE):
    return claims(prompt, answer.split(), scene)


# ---------------------------------------------------------------- what a word hangs on


def table(**by_thing):
    attention, lost = np.float32(list(by_thing.values())).T
    columns = {"attention": (attention, "share"), "lost": (lost, "share")}
    return Table.of(columns, rows=tuple(by_thing))


def test_attention_is_shared_out_over_the_things_masks():
    values = np.zeros((64, 64), np.float32)
    values[SCENE.mask("car")] = 3 / SCENE.mask("car").sum()
    values[SCENE.mask("wheel")] = 1 / SCENE.mask("wheel").sum()
    looks = HeatMap(values, "share of attention", signed=False)
    images = Table.of({"owed": (np.float32([0, 0.5, 0.1, 0.2]), "probability")})
    found = by_thing(looks, SCENE, images)
    assert found.rows == ("car", "wheel", "fork")
    assert found["attention"][:2] == pytest.approx([0.75, 0.25], abs=1e-6)
    assert found["lost"] == pytest.approx([0.5, 0.1, 0.2])
    assert elsewhere(table(car=(0.2, 0), sun=(0.1, 0))) == pytest.approx(70)


def test_the_verdict_says_when_attention_and_cause_agree_and_when_not():
    agree = verdict("“yes”", table(car=(0.4, 0.5), fork=(0.1, 0.2), sun=(0.1, 0)), 0.6)
    assert "hangs on the car (60 % → 10 % without it) and on the fork (60 % → 40 %" in agree
    assert "also looked most at the car" in agree
    apart = verdict("“yes”", table(car=(0.1, 0.5), fork=(0.1, 0.2), sun=(0.4, 0)), 0.6)
    assert "looked most at the sun, but without the sun it stays: 60 % → 60 %" in apart
    assert "Attention pointed elsewhere" in apart
    nothing = verdict("“yes”", table(car=(0.4, 0.09), sun=(0.1, -0.3)), 0.6)
    assert "hangs on no single thing" in nothing


def test_the_first_region_is_around_the_first_thing():
    box, mask = start(SCENE), SCENE.mask("car")
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    assert (box.top * 64, (box.top + box.height) * 64) == pytest.approx(
        (rows[0], rows[-1] + 1), abs=0.05
    )
    assert (box.left * 64, (box.left + box.width) * 64) == pytest.approx(
        (columns[0], columns[-1] + 1), abs=0.05
    )
    assert Box(0.251, 0.5, 0.5, 0.5).sides() == {
        "top": 0.5, "left": 0.25, "bottom": 1.0, "right": 0.75,
    }  # fmt: skip


# ---------------------------------------------------------------- without looking


def in_pictures(*words, **shares):
    """How likely words are: in this image, in three pictures that show nothing, and another."""
    rows = ("this image", "blank", "noise", "another scene", "no image")
    columns = {f"{at + 1}. {word}": (np.float32(shares[word]), "probability")
               for at, word in enumerate(words)}  # fmt: skip
    return Table.of(columns, rows)


def test_a_word_survives_where_it_keeps_half_of_its_probability():
    often, seldom = [0.8, 0.4, 0.39, 0.9, 0.8], [0.9, 0.1, 0.1, 0.9, 0.1]
    assert survivors(["yes"], in_pictures("yes", yes=often)) == (
        "“yes” survives in 2 of 3 that show nothing: a blank picture, no picture at all."
    )
    both = in_pictures("car", "lamp", car=often, lamp=seldom)
    assert survivors(["car", "lamp"], both).startswith("1 of 2 words")
    assert survivors(["car", "lamp"], both).endswith("nothing: “car”.")


def test_the_pictures_that_replace_the_image_stand_beside_what_is_said_of_them():
    finding_of = finding(("a blank picture", "pure noise"), ("“no”", "“yes”"))
    assert finding_of == "It says “no” of a blank picture; “yes” of pure noise."
    table = of_the_image(["yes"], in_pictures("yes", yes=[0.8, 0.4, 0.39, 0.9, 0.8]))
    assert squares(table).texts == [["0.80"], ["0.40 ✓"], ["0.39"], ["0.90 ✓"], ["0.80 ✓"]]


# ---------------------------------------------------------------- claims


def test_a_false_yes_is_told_with_the_leader_that_it_goes_with():
    words = short_words(told("is there a lamp", "yes"), SCENE)
    assert words == (
        "There is no lamp in this scene. The model made up a thing that is not there. In what it "
        "learned, a lamp mostly goes with a car, and there is a car."
    )
    assert short_words(told("is there a lamp", "no"), SCENE) == "There is no lamp in this scene."
    faint = SCENE.with_opacity("car", 0.09)
    assert short_words(told("is there a car", "no", faint), faint) == (
        "There is a blue car, at 9 % opacity."
    )
    assert "a color for what is not there" in short_words(
        told("what color is the lamp", "red"), SCENE
    )


def test_a_caption_is_told_by_what_it_made_up_and_left_out():
    found = told("describe the image", "there is a car with a lamp and a car")
    assert caption_words(found) == "It made up a lamp and left out the wheel and the fork."
    text = " ".join(lists(found))
    assert "✓ There, and named]: **car**" in text
    assert "✗ Made up]: **lamp**" in text
    assert "↻ Named again: **car**" in text
    assert "○ There, and not named: **wheel, fork**" in text
    assert "1 of 3 (33 %); things found (recall) 1 of 3 (33 %)" in rates(found)


def test_a_caption_that_names_nothing_has_no_rate():
    assert "none named" in rates(told("describe the image", "in the street"))


def test_the_words_of_an_answer_are_taken_along_with_how_sure_the_model_was():
    tokens = Tokens(
        np.arange(2), np.float32([0.5, 0.25]), np.float32([1, 2]), np.zeros((2, 1, 1, 1)),
        ("a", "lamp"), "describe", (1, 1), True,
    )  # fmt: skip
    assert word_values(tokens).csv().splitlines() == [
        "row,probability,entropy", "a,0.5,1.0", "lamp,0.25,2.0",
    ]  # fmt: skip
