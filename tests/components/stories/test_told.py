"""Each step of a story says what the answer that ships says, and nothing that was typed."""

import re
from dataclasses import replace

import numpy as np
import pytest

from components.stories.lesion import truth
from components.stories.told import STORIES, story
from components.stories.words import class_after, lies, top_class_text
from engine.commands import gallery
from engine.commands.openings.attribution import PLANTED
from engine.core.result import Scores
from engine.evaluation.measures import located
from engine.vision.data.example import Example

STEPS = [
    pytest.param(step, id=f"{tale.name}-{at}")
    for tale in STORIES
    for at, step in enumerate(tale.steps, 1)
]


def shuffled(answer, seed):
    """The answer with random numbers of the same shapes and kinds in all of its views."""
    rng = np.random.default_rng(seed)

    def other(array):
        if array.dtype.kind == "f":
            return rng.random(array.shape).astype(array.dtype)
        return rng.permuted(array) if array.dtype.kind in "iu" else array

    views = {
        name: type(view).build({k: other(a) for k, a in view.arrays().items()}, view.facts())
        for name, view in answer.items()
    }
    return replace(answer, views=views)


@pytest.mark.parametrize("step", STEPS)
def test_the_sentence_comes_from_the_answer_that_ships(step):
    results = [gallery.shipped_answer(question) for question in step.asks()]
    assert None not in results, "run: python -m engine gallery"
    sentence = step.sentence(*results)
    assert sentence == step.sentence(*results)
    assert sentence.endswith(".")
    others = {step.sentence(*(shuffled(result, seed) for result in results)) for seed in range(6)}
    assert len(others - {sentence}) >= 2


@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_typed_that_has_to_be_measured(step):
    assert not re.search(r"\d", step.note + step.title)
    assert len(step.note) > 80
    assert step.title.endswith("?")


def test_stories_are_found_by_their_names():
    assert [story(tale.name) for tale in STORIES] == list(STORIES)
    assert story("dog") is None
    assert all(4 <= len(tale.steps) <= 8 for tale in STORIES)


def test_the_walk_ends_at_a_palace_that_is_called_a_cat():
    (result,) = (gallery.shipped_answer(question) for question in story("cat").steps[2].asks())
    assert result["top"].labels[-1][0] == result["top"].labels[0][0] == "Egyptian cat"
    assert result["rmse to target"].y[-1] < 0.05 * result["rmse to target"].y[0]


def test_the_network_with_the_shortcut_looks_at_the_mark_and_the_control_at_the_lesion():
    """What the story tells: each change of the slice alone, and the same slice in the control."""
    marked, _, healthy, unmarked, control = (
        [gallery.shipped_answer(question) for question in step.asks()]
        for step in story("lesion").steps
    )
    label = PLANTED.example(PLANTED.marked).label
    answers = [step[0]["classes"] for step in (marked, healthy, control, unmarked)]
    *others, without = (answer.labels[int(answer.values.argmax())] for answer in answers)
    assert others == [label] * 3
    assert without != label
    lesion, mark = PLANTED.example(PLANTED.marked).mask(), truth("mark")
    shortcut, plain = marked[1]["map"].values, control[1]["map"].values
    assert located(shortcut, lesion).mass < located(shortcut, lesion).chance
    assert located(shortcut, mark).mass > 10 * located(shortcut, mark).chance
    assert located(plain, lesion).mass > 5 * located(plain, lesion).chance


def test_the_twin_and_the_unmarked_slice_differ_from_the_slice_by_one_thing_each():
    names = PLANTED.marked, PLANTED.healthy, PLANTED.unmarked
    marked, twin, unmarked = map(PLANTED.example, names)
    mark = marked.data.truth["mark"][marked.row]
    pixels = [scan.picture().pixels[..., 0].astype(int) for scan in (marked, twin, unmarked)]
    assert (pixels[0] != pixels[2])[mark].any()
    assert (pixels[0] == pixels[2])[~mark].all()
    assert (pixels[0] == pixels[1])[mark].all()
    assert (pixels[0] != pixels[1])[marked.mask()].any()
    assert isinstance(twin, Example)
    assert not twin.has_finding
    assert marked.data.split[marked.row] == 2  # nobody learned from it


def test_what_the_forgotten_class_left_is_more_than_in_the_retrained_model():
    (result,) = (gallery.shipped_answer(question) for question in story("forget").steps[3].asks())
    figures = result["figures"]
    assert figures.cell("unlearned", "probe") > figures.cell("retrained", "probe") + 0.05
    assert "Something stayed behind" in story("forget").steps[3].sentence(result)


def test_sentences_that_no_view_has():
    scores = Scores(np.array([0.2, 0.75, 0.05], np.float32), ("a", "b", "c"), "probability")
    assert top_class_text(scores) == "The model says “b”, with a probability of 75 %."
    still, other = (class_after(scores, label, "Without it") for label in "ba")
    assert still == "Without it the model still says “b”, with a probability of 75 %."
    assert other == "Without it the model says “b”; “a” has a probability of 20 %."
    values, left = np.zeros((4, 4), np.float32), np.zeros((4, 4), bool)
    left[:, :2] = True
    values[0], values[1, 0] = 1, -9  # what speaks against the class counts for nothing
    corner = np.zeros_like(left)
    corner[0, 3] = True
    assert lies(values, left, corner) == (
        "On the lesion lies 50 % of the map (50 % of the image); on the mark 25 % (6 %)."
    )
