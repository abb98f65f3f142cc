"""A generator forgets a class; the answer is that of its pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import BlindspotError, Cancelled
from engine.models import embedded
from engine.unlearning import GeneratorCase, GeneratorSalUn
from engine.unlearning.generator.judging import read_by
from engine.unlearning.generator.model import ImageGenerator
from engine.unlearning.generator.network import built
from engine.unlearning.generator.salun import AFTER, BEFORE, CHANCE, beside
from engine.unlearning.generator.weights import shipped_case
from tests import tiny
from tests.engine.unlearning.generator.test_samples import shown

QUICK = GeneratorSalUn(steps=100, each=8)


def test_the_class_is_forgotten_and_the_others_are_kept():
    """An MLP that never judged them reads the pictures themselves."""
    found = QUICK(shipped_case("digits-generator"))
    judge, view = embedded.load("digits-mlp"), found["sheet"]
    order = [int(name.removeprefix("asked for ")) for name in view.rows]
    assert order[0] == 3
    right = np.array(
        [
            [np.mean(read_by(judge, shown(view, row, at)) == label) for at in range(3)]
            for row, label in enumerate(order)
        ]
    )
    assert right[0, 0] >= 0.8  # before
    assert right[0, 1] <= 0.2
    assert right[1:].mean(0).min() >= 0.75
    figures = found["figures"]
    assert figures.cell(AFTER, "forgotten class") <= 0.2
    assert figures.cell(AFTER, "other classes") >= 0.8
    assert figures.cell(BEFORE, "forgotten class") >= 0.9
    assert "Asked for 3," in QUICK.finding(shipped_case("digits-generator"), found)


@pytest.fixture(scope="module")
def small():
    return GeneratorSalUn(steps=5, each=4, passes=5, label="1")(tiny.generator_case())


def test_the_tables_belong_to_the_sheet(small):
    assert small["sheet"].columns == (BEFORE, AFTER, CHANCE)
    assert small["sheet"].rows[0] == "asked for 1"
    assert small["read"].rows == ("1", "0", "2", "3")
    assert small["instead"].rows == (BEFORE, AFTER, CHANCE)
    figures = small["figures"]
    for name in (BEFORE, AFTER, CHANCE):
        assert figures.cell(name, "forgotten class") == small["read"][name][0]
        assert small["instead"].cell(name, "1") == small["read"][name][0]
        assert figures.cell(name, "other classes") == pytest.approx(small["read"][name][1:].mean())
    assert np.isnan(figures.cell("real images", "forgotten class"))
    counts = [round(4 * small["read"][name][0]) for name in (BEFORE, AFTER, CHANCE)]
    assert small["sheet"].finding == (
        "Of 4 asked for as 1, read as 1: "
        f"{counts[0]} before, {counts[1]} after SalUn, {counts[2]} with a chance mask."
    )
    assert small["losses"]["step"].tolist() == [1, 2, 3, 4, 5]


def test_the_mask_by_layer_adds_up_to_the_share(small):
    network = tiny.generator_case().generator.network
    sizes = [sum(one.numel() for one in layer.parameters()) for layer in network.children()]
    share = np.average(small["where"]["may move"], weights=sizes)
    assert share == pytest.approx(0.5, abs=1e-3)


def test_before_is_what_is_drawn_without_forgetting(small):
    other = GeneratorSalUn(steps=5, each=4, passes=5, label="2", share=0.1)(tiny.generator_case())
    assert np.array_equal(
        np.sort(small["sheet"].images[:, 0], 0), np.sort(other["sheet"].images[:, 0], 0)
    )


def test_an_unknown_class_is_refused_with_those_that_there_are():
    with pytest.raises(BlindspotError, match=r"draws no class '9': choose 0, 1, 2, 3"):
        GeneratorSalUn(label="9")(tiny.generator_case())


def test_a_generator_of_one_class_is_refused():
    data = tiny.columns(8, ("0",))
    alone = ImageGenerator(built(8, 1, 8, 0), "one", "One", data.classes)
    judge = tiny.classifier(tiny.random_weights(tiny.Cnn(classes=1)), 8)
    with pytest.raises(BlindspotError, match="one class only: nothing would be left"):
        GeneratorSalUn(label="0")(GeneratorCase(alone, data, judge))


def test_another_seed_is_another_question_and_another_answer(small):
    case = tiny.generator_case()
    other = replace(case, seed=1)
    assert case.fingerprint != other.fingerprint
    again = GeneratorSalUn(steps=5, each=4, passes=5, label="1")(other)
    assert not np.array_equal(small["sheet"].images, again["sheet"].images)


def test_it_can_be_stopped_midway():
    told = []

    def stop(done, words="", _partial=None):
        told.append(words)
        if words.startswith("forgetting, step 3"):
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        GeneratorSalUn(steps=20, each=4, passes=5, label="1")(tiny.generator_case(), stop)
    assert told[-1] == "forgetting, step 3 of 20"


@pytest.mark.parametrize(
    ("own", "others", "wanted"),
    [
        ((0, 5), (100, 95), "as well"),
        ((0, 60), (98, 98), "worse"),
        ((0, 5), (98, 70), "worse"),
        ((0, 60), (98, 70), "worse"),
        ((60, 0), (98, 98), "better"),
        ((0, 60), (70, 98), "differently"),
    ],
)
def test_the_chance_mask_is_called_worse_or_better_only_where_it_is(own, others, wanted):
    """Worse: it forgets less or keeps less, and does neither of the two better."""
    given = [dict(zip((AFTER, CHANCE), one, strict=True)) for one in (own, others)]
    assert beside(*given) == f"does {wanted}"
