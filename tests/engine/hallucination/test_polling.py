"""POPE's builder and scorer, held against the authors' scripts written again plainly."""

import json
import random as chance
from math import isnan

import numpy as np
import pytest

from engine.hallucination.measures.polling import (
    SPLITS,
    amber,
    as_lines,
    build,
    confusion_counts,
    interval,
    noun_question,
    of_counts,
    reading,
    usual_company,
    with_intervals,
)

OBJECTS = [
    ["dog", "cat", "ball", "tree"],
    ["cat", "dog", "sofa"],
    ["car", "tree", "dog"],
    ["sofa", "cat", "lamp", "dog"],
    ["car", "lamp"],
    ["apple", "tree", "car", "lamp"],
]
SEEDS = range(5)


def drawn(seed):
    return chance.Random(seed)  # noqa: S311 - the authors' own


def scripted(objects, split, pairs):
    """As `pope` of the authors' utils.py goes about it, step by step, with the global generator."""
    polled_images = [
        (at, image_objects)
        for at, image_objects in enumerate(objects)
        if len(image_objects) >= pairs
    ]
    often, cooccurrences = {}, {}
    for _, present in polled_images:
        for name in present:
            often[name] = often.get(name, 0) + 1
            for other in present:
                if other != name:
                    counts = cooccurrences.setdefault(name, {})
                    counts[other] = counts.get(other, 0) + 1
    names = list(often)
    ranked = [noun for noun, _ in sorted(often.items(), key=lambda pair: pair[1], reverse=True)]
    questions = []
    for image, present in polled_images:
        history = []
        for at in range(pairs):
            history.append(present[at])
            questions.append((image, present[at], True))
            order = sorted(
                cooccurrences[present[at]].items(), key=lambda pair: pair[1], reverse=True
            )
            candidates = {"popular": ranked, "adversarial": [noun for noun, _ in order]}.get(
                split, []
            )
            for name in candidates:
                if name not in history and name not in present:
                    break
            else:
                name = chance.choice(names)  # noqa: S311
                while name in history or name in present:
                    name = chance.choice(names)  # noqa: S311
            history.append(name)
            questions.append((image, name, False))
    return questions


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_questions_are_those_of_the_authors_script(split, seed):
    chance.seed(seed)
    expected = scripted(OBJECTS, split, 2)
    built = build(OBJECTS, split, drawn(seed), 2)
    assert [
        (poll_question.image, poll_question.thing, poll_question.there) for poll_question in built
    ] == expected


def test_what_is_asked_is_there_or_absent_as_the_split_says():
    positives = [
        [poll_question for poll_question in build(OBJECTS, split, drawn(3)) if poll_question.there]
        for split in SPLITS
    ]
    assert positives[0] == positives[1] == positives[2]
    assert 4 not in {
        poll_question.image for poll_question in positives[0]
    }  # two things are too few for three questions
    for split in SPLITS:
        for image, names in enumerate(OBJECTS):
            absent = [
                poll_question.thing
                for poll_question in build(OBJECTS, split, drawn(0))
                if poll_question.image == image and not poll_question.there
            ]
            assert not set(absent) & set(names)
            assert len(set(absent)) == len(absent)
    (first, *_) = (
        poll_question
        for poll_question in build(OBJECTS, "popular", drawn(0))
        if not poll_question.there
    )
    assert first.thing == "sofa"  # of the most frequent, the first that is not in the image
    assert usual_company([["a", "b"], ["a", "c"], ["a", "c"]])["a"] == ["c", "b"]
    objects = [["a", "b"], ["c", "d"]]  # whoever is beside them is in the image
    absent = [
        {
            poll_question.thing
            for poll_question in build(objects, "adversarial", drawn(seed), 1)
            if not poll_question.there
        }
        for seed in range(20)
    ]
    assert {name for names in absent for name in names} == {"a", "b", "c", "d"}
    built = build([["a", "b"]], "random", drawn(0), 2)
    assert [poll_question.there for poll_question in built] == [True, True]


def test_questions_are_written_as_the_script_writes_them():
    assert noun_question("dog") == "Is there a dog in the image?"
    assert noun_question("orange") == "Is there an orange in the image?"
    assert noun_question("orange", published=True) == "Is there an orange in the imange?"
    assert noun_question("dog", published=True) == "Is there a dog in the image?"
    polls = build([["orange", "dog"], ["cat", "dog"]], "popular", drawn(0), 1)
    lines = [json.loads(line) for line in as_lines(polls, published=True).splitlines()]
    assert lines[0] == {
        "question_id": 1,
        "image": "0",
        "text": "Is there an orange in the imange?",
        "label": "yes",
    }
    assert [line["label"] for line in lines] == ["yes", "no"] * 2
    assert "imange" not in as_lines(polls)


@pytest.mark.parametrize(
    ("answer", "yes", "word"),
    [
        ("Yes, there is.", True, "yes"),
        ("no", False, "no"),
        ("No, it is not.", False, "no"),
        ("There is not. Yes", False, "no"),
        ("Yes. No dog", True, "yes"),
        ("NO", True, "no"),
        ("No!", True, "no"),
        ("I see a dog", True, ""),
        ("", True, ""),
        ("There isn’t one", True, "no"),
        ("nothing", True, ""),
        ("yes and no", False, ""),
        ("A knot", True, ""),
    ],
)
def test_an_answer_is_read_as_the_script_reads_it_and_as_a_person_does(answer, yes, word):
    text = answer.split(".")[0].replace(",", "").split(" ")  # evaluate.py, line by line
    assert yes == (not ("No" in text or "not" in text or "no" in text))
    assert (reading(answer).yes, reading(answer).word) == (yes, word)


def test_the_rates_are_those_of_the_script():
    rng = np.random.default_rng(2)
    yes, present = rng.random((2, 200)) > 0.4
    tp = sum(a and b for a, b in zip(yes, present, strict=True))
    fp = sum(a and not b for a, b in zip(yes, present, strict=True))
    tn = sum(not a and not b for a, b in zip(yes, present, strict=True))
    fn = sum(not a and b for a, b in zip(yes, present, strict=True))
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    result = of_counts(confusion_counts(yes, present).sum(0))
    assert {name: float(value) for name, value in result.items()} == pytest.approx(
        {
            "accuracy": (tp + tn) / 200,
            "precision": precision,
            "recall": recall,
            "F1": 2 * precision * recall / (precision + recall),
            "yes-ratio": yes.mean(),
            "false yes": fp / (fp + tn),
        }
    )


def test_an_oracle_is_right_and_who_always_says_yes_is_right_half_the_time():
    present = np.array([True, False] * 6)
    right = of_counts(confusion_counts(present, present).sum(0))
    assert all(float(right[name]) == 1 for name in ("accuracy", "precision", "recall", "F1"))
    always = of_counts(confusion_counts(np.ones(12, bool), present).sum(0))
    assert (always["accuracy"], always["recall"], always["yes-ratio"]) == (0.5, 1, 1)
    never = of_counts(confusion_counts(np.zeros(12, bool), present).sum(0))
    assert isnan(never["precision"])
    assert isnan(never["F1"])


def test_amber_counts_the_no_and_takes_neither_for_wrong():
    present = np.array([True, True, False, False, False])
    result = amber(["yes", "", "no", "no", "yes"], present)
    assert result["accuracy"] == 3 / 5
    assert result["precision"] == 1
    assert result["recall"] == 2 / 3
    assert result["F1"] == pytest.approx(0.8)
    assert amber(["no", "yes"], np.array([True, False]))["precision"] == 0


def test_an_interval_is_that_of_images_drawn_again():
    rng = np.random.default_rng(0)
    right = (rng.random(400) < 0.8).astype(float)
    counts = np.stack([right, np.ones(400)], -1)
    low, high = interval(counts, lambda sums: sums[:, 0] / sums[:, 1])
    half = 1.96 * np.sqrt(0.8 * 0.2 / 400)
    assert high - low == pytest.approx(2 * half, rel=0.15)
    assert low < right.mean() < high
    images = np.repeat(np.arange(400), 4)
    intervals = with_intervals(
        confusion_counts(right > 0, right >= 0)[images], images, ["accuracy"]
    )
    assert intervals["accuracy high"][0] - intervals["accuracy low"][0] == pytest.approx(
        2 * half, rel=0.15
    )  # four answers to one image are one image
    assert all(isnan(end) for end in interval(counts[:1], lambda sums: sums[:, 0]))
