"""A generator forgets a class: the answer is that of its pictures; its file, and the docs."""

import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from engine.core.result import Table
from engine.unlearning import GeneratorCase, GeneratorSalUn
from engine.unlearning.generator.judging import judge_samples, read_by
from engine.unlearning.generator.model import ImageGenerator
from engine.unlearning.generator.network import built
from engine.unlearning.generator.weights import KEY, load, plan, read
from engine.unlearning.salun import generator as salun
from engine.unlearning.salun import generator_steps as forgetting
from engine.unlearning.salun.generator import AFTER, BEFORE, CHANCE, chance_mask_words
from engine.unlearning.salun.generator_file import card_of_forgotten, forgotten_file
from engine.vision.models import embedded
from tests import tiny
from tests.engine.unlearning.generator.test_judging import strip_images
from tests.refusals import assert_refused, reports_until_stopped

DIGITS = "digits-generator"
QUICK = GeneratorSalUn(steps=50, each=8, passes=10)
SMALL = GeneratorSalUn(steps=5, each=4, passes=5, label="1")


@pytest.fixture(autouse=True, scope="module")
def few_images():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forgetting, "BATCH", 16)
        yield


def test_the_class_is_forgotten_and_the_others_are_kept():
    """An MLP that never judged them reads the pictures themselves."""
    case = GeneratorCase.from_arguments(model=DIGITS)
    result = QUICK(case)
    judge, view = embedded.load("digits-mlp"), result["sheet"]
    order = [int(name.removeprefix("asked for ")) for name in view.rows]
    assert order[0] == 3
    right = np.zeros((10, 3))
    for row, at in np.ndindex(right.shape):
        right[row, at] = np.mean(read_by(judge, strip_images(view, row, at)) == order[row])
    assert right[0, 0] >= 0.8  # before
    assert right[0, 1] <= 0.2
    assert right[1:].mean(0).min() >= 0.75
    figures = result["figures"]
    assert figures.cell(AFTER, "forgotten class") <= 0.2
    assert figures.cell(AFTER, "other classes") >= 0.8
    assert figures.cell(BEFORE, "forgotten class") >= 0.9
    assert "Asked for 3," in QUICK.finding(case, result)


@pytest.fixture(scope="module")
def small():
    return SMALL(tiny.generator_case())


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
    layers = tiny.generator_case().generator.network.children()
    sizes = [sum(parameter.numel() for parameter in layer.parameters()) for layer in layers]
    share = np.average(small["where"]["may move"], weights=sizes)
    assert share == pytest.approx(0.5, abs=1e-3)
    # half of the training images of three classes are 9, fewer than 3 × 4 samples
    assert figures["images compared"].tolist() == [9, 12, 12, 12]


def test_before_is_drawn_without_forgetting_and_the_mask_does_not_depend_on_drawing(small):
    other = GeneratorSalUn(steps=5, each=4, passes=5, label="2", share=0.1)(tiny.generator_case())
    drawn, again = (np.sort(result["sheet"].images[:, 0], 0) for result in (small, other))
    assert np.array_equal(drawn, again)
    other = replace(SMALL, guidance=5.0)(tiny.generator_case())
    assert not np.array_equal(other["sheet"].images, small["sheet"].images)
    for name in ("where", "losses"):
        assert np.array_equal(other[name].values, small[name].values)


def test_another_seed_is_another_question_and_another_answer(small):
    other = replace(tiny.generator_case(), seed=1)
    assert other.fingerprint != tiny.generator_case().fingerprint
    result = SMALL(other)
    assert not np.array_equal(result["sheet"].images, small["sheet"].images)
    assert not np.array_equal(result["losses"].values, small["losses"].values)


def test_an_unknown_class_and_a_generator_of_one_class_are_refused():
    data = tiny.columns(8, ("0",))
    alone = ImageGenerator(built(8, 1, 8, 0), "one", "One", data.classes)
    judge = tiny.classifier(tiny.random_weights(tiny.Cnn(classes=1)), 8)
    for label, case, words in (
        ("0", GeneratorCase(alone, data, judge), "one class only: nothing would be left"),
        ("9", tiny.generator_case(), "draws no class '9': choose 0, 1, 2, 3"),
    ):
        assert_refused(words, GeneratorSalUn(label=label), case)


UNCLEAR = "is neither clearly better nor worse on {} samples a class"


@pytest.mark.parametrize(
    ("own", "others", "each", "wanted"),
    [
        ((0, 5), (100, 95), 20, "does as well"),
        ((0, 60), (98, 98), 20, "does worse"),
        ((0, 5), (98, 70), 20, "does worse"),
        ((0, 60), (98, 70), 20, "does worse"),
        ((60, 0), (98, 98), 20, "does better"),
        ((0, 60), (70, 98), 20, "does differently"),
        ((0, 31), (98, 98), 20, UNCLEAR.format(20)),  # two standard errors: 31.6
        ((0, 32), (98, 98), 20, "does worse"),
        ((0, 31), (98, 98), 50, "does worse"),
        ((0, 60), (98, 98), 4, UNCLEAR.format(4)),
        ((0, 5), (98, 75), 4, UNCLEAR.format(4)),  # of 36 samples: 23.6
        ((0, 5), (98, 74), 4, "does worse"),
        ((0, 0), (98, 87.9), 50, "does worse"),  # 6.7 of 450, but no less than 10
        ((0, 0), (98, 88.1), 50, "does as well"),
    ],
)
def test_the_chance_mask_is_called_worse_or_better_only_where_it_is(own, others, each, wanted):
    """Worse: it clearly forgets less or keeps less, and does neither of the two clearly better."""
    figures = [dict(zip((AFTER, CHANCE), pair, strict=True)) for pair in (own, others)]
    assert chance_mask_words(*figures, each, classes=10) == wanted


@pytest.mark.parametrize(("share", "told"), [(0.5, False), (0.55, True)])
def test_what_it_is_read_as_is_told_where_it_is_most_of_them(small, share, told):
    """At one half it is not most of them."""
    sheets, labels = (BEFORE, AFTER, CHANCE), ("0", "1", "2", "3")
    read = np.tile([0.3, 0.0, share, 0.7 - share], (3, 1))
    result = small | {"instead": Table.grid(read, sheets, labels, ["share"] * 4)}
    sentence = GeneratorSalUn(label="1").finding(tiny.generator_case(), result)
    assert ("mostly as 2" in sentence) is told
    assert ("mostly" in sentence) is told


DOCS = Path(__file__).parents[4] / "docs" / "generator.md"
METHOD = GeneratorSalUn(label="7", share=0.3, steps=5, each=4, passes=5)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "forgot.safetensors"
    path.write_bytes(forgotten_file(METHOD, GeneratorCase.from_arguments(model=DIGITS)))
    return path


def test_the_file_has_the_weights_whose_samples_are_judged(file, monkeypatch):
    case, generators = GeneratorCase.from_arguments(model=DIGITS), []
    monkeypatch.setattr(
        salun,
        "judge_samples",
        lambda generator, *arguments: (
            generators.append(generator) or judge_samples(generator, *arguments)
        ),
    )
    result = METHOD(case)
    opened = read(file, plan(DIGITS), case.generator.labels)
    before, after = generators[0].network.state_dict(), generators[1].network.state_dict()
    for name, weight in opened.network.state_dict().items():
        assert torch.equal(weight, after[name]), name
    changed = sum(int((after[name] != tensor).sum()) for name, tensor in before.items())
    assert 0 < changed <= 0.31 * sum(tensor.numel() for tensor in before.values())
    again = judge_samples(opened, case, METHOD)
    assert again.agreed[7] == result["figures"].cell("after SalUn", "forgotten class")


def test_its_card_says_how_it_was_made_and_names_the_question(file):
    case = GeneratorCase.from_arguments(model=DIGITS)
    with safe_open(file, framework="pt") as weights_file:
        metadata = json.loads(weights_file.metadata()[KEY])
    assert metadata["plan"]["name"] == DIGITS
    assert metadata["settings"] == {"label": "7", "share": 0.3, "steps": 5, "retain": 3.0}
    assert metadata["parent"] == load(DIGITS).fingerprint
    card = card_of_forgotten(METHOD, case)
    assert card.items() <= metadata.items()
    fewer = case.data.take(np.arange(len(case.data) - 1))
    assert card == card_of_forgotten(replace(METHOD, guidance=0.0), case)
    for other in (
        card_of_forgotten(replace(METHOD, steps=10), case),
        card_of_forgotten(METHOD, replace(case, seed=1)),
        card_of_forgotten(METHOD, replace(case, data=fewer)),
    ):
        assert other != card


def test_making_it_can_be_stopped(file):
    make = partial(forgotten_file, METHOD, GeneratorCase.from_arguments(model=DIGITS))
    reports_until_stopped(make, about="forgetting")


def test_the_lines_of_the_docs_draw_with_it(file, tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    name = "blindspot-digits-generator-forgot-3.safetensors"
    (tmp_path / name).write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(DOCS), "exec"), {})  # noqa: S102 - the page's own lines
    assert capsys.readouterr().out.strip() == "torch.Size([200, 1, 8, 8])"
