"""What an answer's words rest on: shares, losses and survivors, and the sentences about them."""

import numpy as np
import pytest

from engine.core.result import HeatMap, Table
from engine.evaluation.measures import located
from engine.hallucination import Cause, Greedy, Looks, Priors, RegionWords, asking
from engine.hallucination.grounding import findings
from engine.vision.language.tiny_vlm.weights import HABIT

SCENE = asking.scene("counter", 424)  # a blue car, a purple wheel, an orange fork


@pytest.fixture(scope="module")
def lamp():
    """The yes of the model with the habit, which sees a lamp beside the car."""
    case = asking.about_scene(HABIT, SCENE, "is there a lamp")
    return asking.case_of_words(case, Greedy()(case)["answer"], [0])


def of_car():
    case = asking.about_scene(HABIT, SCENE, "is there a car")
    return asking.case_of_words(case, Greedy()(case)["answer"], [0])


def test_attention_is_held_against_the_places_of_all_things(lamp):
    assert lamp.phrase == "“yes”"
    assert lamp.things == ("lamp",)
    assert lamp.mask is None
    assert np.array_equal(of_car().mask, SCENE.mask("car"))
    result = Looks()(lamp)
    words = Looks().finding(lamp, result)
    assert words.startswith(f"{100 * result['shares'].values[0]:.0f} % of the attention of “yes”")
    assert words.endswith("No place in it would be right: there is no lamp here.")
    car_case, looks = of_car(), Looks()(of_car())
    mass = located(looks["map"].values, SCENE.mask("car")).mass
    assert f"Of the map {100 * mass:.0f} % lies on the car" in Looks().finding(car_case, looks)
    values = np.zeros((64, 64), np.float32)
    values[SCENE.mask("car")] = 3 / SCENE.mask("car").sum()
    values[SCENE.mask("wheel")] = 1 / SCENE.mask("wheel").sum()
    looks = HeatMap(values, "share of attention", signed=False)
    result = findings.thing_table(lamp, looks, images(here=0.6, car=0.1, wheel=0.5, fork=0.4))
    assert result.rows == ("car", "wheel", "fork")
    assert result["attention"][:2] == pytest.approx([0.75, 0.25], abs=1e-6)
    assert result["lost"] == pytest.approx([0.5, 0.1, 0.2])


def images(**probability):
    """Words in this image and others, by how likely they are there."""
    values = np.float32(list(probability.values()))
    columns = {"probability": (values, "probability"), "owed": (values[0] - values, "probability")}
    return Table.of(columns, rows=[name.replace("_", " ") for name in probability])


def test_the_least_likely_image_is_named_and_changed_answers_are_quoted(lamp):
    case = asking.without_each(lamp, SCENE)
    result = Cause()(case)
    chance = 100 * result["images"]["probability"]
    least = int(chance[1:].argmin()) + 1
    assert Cause().finding(case, result) == (
        f"After the same words before it, “yes” has {chance[0]:.0f} % in this image; least of all, "
        f"{chance[least]:.0f} %, {case.names[least - 1]}."
    )
    faded = Table.of({"probability": ([0.6, 0.2, 0.7], "probability")}, ("this image", "0", "1"))
    assert findings.by_opacity(faded)["opacity"].tolist() == [0, 1]
    images = Cause()(case)["images"]
    said = zip(case.names, images.notes[1:], strict=True)
    changed = [name for name, text in said if text == "no"]
    assert "without the car" in changed
    words = f"What the model then says, {'; '.join(f'{name}: “no”' for name in changed)}."
    assert findings.answers_without(case, images) == words


def test_a_region_is_told_by_probability_answer_and_the_words_that_it_changes_most(lamp):
    rows, columns = (np.flatnonzero(SCENE.mask("car").any(axis)) for axis in (1, 0))
    car = RegionWords(*(side / 64 for side in (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)))
    result = car(lamp)
    words, both = result["words"], result["images"]
    expected = [words["probability"][0], words["hidden"][0]]
    assert both["probability"] == pytest.approx(expected, abs=1e-6)
    assert both.notes[0] == "yes"
    says = "The answer stays." if both.notes[1] == "yes" else "The model then says: “no”."
    assert car.finding(lamp, result).endswith(says)
    words = Table.of(
        {"owed": ([0.1, -0.5, 0.0, 0.3], "probability"), "attention inside": ([1, 2, 3, 4], "")},
        ("1. a", "2. red", "3. car", "4. ."),
    )
    assert findings.changed_most(2, words).rows == ("2. red", "4. .")


def in_pictures(*words, **shares):
    """How likely words are: in this image, in three pictures that show nothing, and another."""
    columns = {
        f"{at + 1}. {word}": (np.float32(shares[word]), "probability")
        for at, word in enumerate(words)
    }
    return Table.of(columns, ("this image", "blank", "noise", "another scene", "no image"))


def test_a_word_survives_in_pictures_that_show_nothing_by_half_of_its_probability(lamp):
    often, seldom, other = [0.8, 0.4, 0.39, 0.9, 0.8], [0.9, 0.1, 0.1, 0.9, 0.1], ["another scene"]
    sentence = "“yes” survives in 2 of 3 that show nothing: a blank picture, no picture at all."
    assert findings.survivors(["yes"], in_pictures("yes", yes=often), other) == sentence
    both = in_pictures("car", "lamp", car=often, lamp=seldom)
    words = findings.survivors(["car", "lamp"], both, other)
    assert words.startswith("1 of 2 words")
    assert words.endswith("nothing: “car”.")
    other = asking.pixels(asking.scene("counter", 425))
    case = asking.held_against(lamp, [("another scene", other)])
    result = Priors()(case)
    (shares,) = (result["words"][name] for name in result["words"].order)
    survivors = sum(2 * shares[at] >= shares[0] for at in (1, 2, 3, 5))
    assert f"“yes” survives in {survivors} of 4 that show nothing" in Priors().finding(case, result)
    prior = Priors()(lamp)["words"]
    displayed = asking.said_of_pictures(lamp, Priors(), prior)
    assert displayed.columns == ("a blank picture", "pure noise", "this image, deep in noise")
    assert displayed.captions == tuple(f"“{text}”" for text in prior.notes[1:4])
    assert displayed.finding.startswith(f"It says “{prior.notes[1]}” of a blank picture; ")
