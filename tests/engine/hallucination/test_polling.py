"""POPE's builder and scorer, held against the authors' scripts written again plainly."""

import json
import random as chance
from math import isnan

import numpy as np
import pytest

from engine.evaluation.language import polling

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
    polled_images = [(at, names) for at, names in enumerate(objects) if len(names) >= pairs]
    often, together = {}, {}
    for _, present in polled_images:
        for name in present:
            often[name] = often.get(name, 0) + 1
            for other in present:
                if other != name:
                    counts = together.setdefault(name, {})
                    counts[other] = counts.get(other, 0) + 1
    names = list(often)
    ranked = [noun for noun, _ in sorted(often.items(), key=lambda pair: pair[1], reverse=True)]
    questions = []
    for image, present in polled_images:
        history = []
        for at in range(pairs):
            history.append(present[at])
            questions.append((image, present[at], True))
            order = sorted(together[present[at]].items(), key=lambda pair: pair[1], reverse=True)
            ranks = {"popular": ranked, "adversarial": [noun for noun, _ in order]}.get(split, [])
            for name in ranks:
                if name not in history and name not in present:
                    break
            else:
                name = chance.choice(names)  # noqa: S311
                while name in history or name in present:
                    name = chance.choice(names)  # noqa: S311
            history.append(name)
            questions.append((image, name, False))
    return questions


@pytest.mark.parametrize("split", polling.SPLITS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_questions_are_those_of_the_authors_script(split, seed):
    chance.seed(seed)
    expected = scripted(OBJECTS, split, 2)
    built = polling.build(OBJECTS, split, drawn(seed), 2)
    assert [(poll.image, poll.thing, poll.there) for poll in built] == expected


def test_what_is_asked_is_there_or_absent_as_the_split_says():
    positives = [
        [poll for poll in polling.build(OBJECTS, split, drawn(3)) if poll.there]
        for split in polling.SPLITS
    ]
    assert positives[0] == positives[1] == positives[2]
    assert 4 not in {
        poll.image for poll in positives[0]
    }  # two things are too few for three questions
    for split in polling.SPLITS:
        for image, names in enumerate(OBJECTS):
            built = polling.build(OBJECTS, split, drawn(0))
            absent = [poll.thing for poll in built if poll.image == image and not poll.there]
            assert not set(absent) & set(names)
            assert len(set(absent)) == len(absent)
    (first, *_) = (poll for poll in polling.build(OBJECTS, "popular", drawn(0)) if not poll.there)
    assert first.thing == "sofa"  # of the most frequent, the first that is not in the image
    assert polling.usual_company([["a", "b"], ["a", "c"], ["a", "c"]])["a"] == ["c", "b"]
    objects = [["a", "b"], ["c", "d"]]  # whoever is beside them is in the image
    absent = [
        {
            poll.thing
            for poll in polling.build(objects, "adversarial", drawn(seed), 1)
            if not poll.there
        }
        for seed in range(20)
    ]
    assert {name for names in absent for name in names} == {"a", "b", "c", "d"}
    built = polling.build([["a", "b"]], "random", drawn(0), 2)
    assert [poll.there for poll in built] == [True, True]


def test_questions_are_written_as_the_script_writes_them():
    assert polling.noun_question("dog") == "Is there a dog in the image?"
    assert polling.noun_question("orange") == "Is there an orange in the image?"
    assert polling.noun_question("orange", published=True) == "Is there an orange in the imange?"
    assert polling.noun_question("dog", published=True) == "Is there a dog in the image?"
    polls = polling.build([["orange", "dog"], ["cat", "dog"]], "popular", drawn(0), 1)
    lines = [json.loads(line) for line in polling.as_lines(polls, published=True).splitlines()]
    text = "Is there an orange in the imange?"
    assert lines[0] == {"question_id": 1, "image": "0", "text": text, "label": "yes"}
    assert [line["label"] for line in lines] == ["yes", "no"] * 2
    assert "imange" not in polling.as_lines(polls)


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
    assert (polling.reading(answer).yes, polling.reading(answer).word) == (yes, word)


def test_the_rates_are_those_of_the_script_and_of_amber():
    yes, present = np.random.default_rng(2).random((2, 200)) > 0.4
    tp = sum(a and b for a, b in zip(yes, present, strict=True))
    fp = sum(a and not b for a, b in zip(yes, present, strict=True))
    tn = sum(not a and not b for a, b in zip(yes, present, strict=True))
    fn = sum(not a and b for a, b in zip(yes, present, strict=True))
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    result = polling.of_counts(polling.confusion_counts(yes, present).sum(0))
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
    never = polling.of_counts(polling.confusion_counts(np.zeros(200, bool), present).sum(0))
    assert isnan(never["precision"])
    assert isnan(never["F1"])
    present = np.array([True, True, True, True, False, False, False])
    result = polling.amber(["yes", "", "no", "no", "no", "yes", "no"], present)
    assert result == pytest.approx(  # of four no, two are right; of three absent things, two found
        {"accuracy": 3 / 7, "precision": 2 / 4, "recall": 2 / 3, "F1": 4 / 7}
    )
    assert polling.amber(["no", "yes"], np.array([True, False]))["precision"] == 0


def test_an_interval_is_that_of_images_drawn_again(monkeypatch):
    right = (np.random.default_rng(0).random(400) < 0.8).astype(float)
    counts = np.stack([right, np.ones(400)], -1)
    low, high = polling.interval(counts, lambda sums: sums[:, 0] / sums[:, 1])
    half = 1.96 * np.sqrt(0.8 * 0.2 / 400)
    assert high - low == pytest.approx(2 * half, rel=0.15)
    assert low < right.mean() < high
    images = np.repeat(np.arange(400), 4)
    intervals = polling.with_intervals(
        polling.confusion_counts(right > 0, right >= 0)[images], images, ["accuracy"]
    )
    assert intervals["accuracy high"][0] - intervals["accuracy low"][0] == pytest.approx(
        2 * half, rel=0.15
    )  # four answers to one image are one image
    assert all(isnan(end) for end in polling.interval(counts[:1], lambda sums: sums[:, 0]))
    monkeypatch.setattr(polling, "BOUND", 20_000)  # 50 draws together
    together = polling.redrawn(counts)
    assert together.shape == (200, 2)
    monkeypatch.setattr(polling, "BOUND", 300)
    assert np.array_equal(polling.redrawn(counts), together)
