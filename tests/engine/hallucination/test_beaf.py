"""BEAF asks the same question before and after, about scenes that differ in one thing alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.evaluation.language.beaf import method as beaf
from engine.evaluation.language.beaf.figures import KINDS, beaf_figures, by_kind
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.rates import ScenesCase
from engine.evaluation.language.scenes import SceneBatch, margins
from engine.hallucination import bands
from engine.hallucination.decoding.vcd import VCD
from engine.hallucination.mvp.method import MVP
from engine.hallucination.vasparse.strategy import VASparse
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.case import CaptionCase
from engine.vision.language.scenes import UNSEEN
from engine.vision.language.tiny_vlm.sayings import yes_no_question
from engine.vision.language.tiny_vlm.weights import HABIT, HONEST, load

COUNT = 12


@pytest.fixture(scope="module")
def case():
    return ScenesCase(load(HABIT), Greedy(), COUNT, "biased")


@pytest.fixture(scope="module")
def result(case):
    return beaf.BEAF()(case)


def test_each_thing_is_taken_out_once_of_the_scenes_that_rates_are_counted_on(case):
    drawn = SceneBatch.drawn(COUNT, "biased", seed=UNSEEN).layout
    assert np.array_equal(beaf.layout_of(case).images(), drawn.images())
    layout = beaf.layout_of(case)
    all_askings = list(beaf.askings(layout, 4, seed=0))
    for row, present in enumerate(layout.present):
        categories = set(np.flatnonzero(present).tolist())
        scene_askings = [asking for asking in all_askings if asking.scene == row]
        assert {asking.removed for asking in scene_askings} == categories | {-1}
        questions = [asking.asked for asking in scene_askings if asking.removed == -1]
        assert categories < set(questions)
        assert len(set(questions)) == len(questions) == len(categories) + 4
        for out in categories:
            assert [asking.asked for asking in scene_askings if asking.removed == out] == questions
    scene = beaf.layout_of(case).scene(0)
    category = scene.things[0].category
    before, after = beaf.question_images(
        beaf.layout_of(case), [beaf.Asking(0, -1, 0), beaf.Asking(0, CATEGORIES.index(category), 0)]
    )
    assert torch.equal(before * 255, torch.from_numpy(scene.image).float())
    changed = (before != after).any(0).numpy()
    assert changed.any()
    assert not (changed & ~scene.mask(category)).any()
    car, lamp, boat, fish = (CATEGORIES.index(name) for name in ("car", "lamp", "boat", "fish"))
    assert beaf.absent_things([car, boat, fish], 1, (0, 0)) == [lamp]
    many = beaf.absent_things([car], 10, (0, 0))
    assert many[0] == lamp
    assert car not in many
    assert many == beaf.absent_things([car], 10, (0, 0))
    assert beaf.absent_things([car], 0, (0, 0)) == []


def test_the_records_are_what_the_model_says(case, result):
    records, layout = result["records"], beaf.layout_of(case)
    before = torch.sigmoid(margins(case.vlm, SceneBatch.of(layout))).numpy()
    for at in range(0, len(records), 7):
        scene, out, category = (int(records[name][at]) for name in ("scene", "removed", "asked"))
        copy = SceneBatch.of(layout.take(np.array([scene])).without(CATEGORIES[out]))
        after = float(torch.sigmoid(margins(case.vlm, copy)[0, category]))
        assert records["there"][at] == layout.present[scene, category]
        assert records["p before"][at] == pytest.approx(before[scene, category], abs=1e-3)
        assert records["p after"][at] == pytest.approx(after, abs=1e-3)
        assert records["says before"][at] == (before[scene, category] > 0.5)
        assert records["says after"][at] == (after > 0.5)
        assert records["opacity"][at] == layout.opacity[scene, out]


def test_the_figures_are_those_of_the_card_and_of_the_finding(case, result):
    other = bands.removal(case.vlm, SceneBatch.of(beaf.layout_of(case)))
    slowly = [other[f"SB+, {kind} removed"] for kind in ("partner", "reverse", "other")]
    assert result["kinds"].rows == KINDS
    assert result["kinds"]["SB+"].tolist() == pytest.approx(slowly)
    finding = beaf.BEAF().finding(case, result)
    figures, kinds = result["figures"], result["kinds"]
    assert f"{100 * figures['TU'][0]:.0f} % of {figures['pairs'][0]} pairs" in finding
    stays, others = (f"{100 * kinds['SB+'][at]:.0f} %" for at in (0, 2))
    assert f"Yes stays for {stays} of partners beside their leader, {others} of others." in finding
    alone = result["records"].take(np.flatnonzero(result["records"]["company"] == 0).tolist())
    assert "it says yes all the same" in beaf.said_of("It", beaf_figures(alone), by_kind(alone))
    counted = {name: int(column[0]) for name, column in result["reading"].columns.items()}
    assert counted.pop("answers") > len(result["records"])
    assert set(counted.values()) == {0}  # it says yes or no, and nothing else


def test_who_always_says_yes_is_right_about_what_is_there_and_about_little_else(case):
    """At the settings of the page; so the texts name no half."""
    layout = beaf.layout_of(replace(case, count=beaf.SCENES))
    all_askings = list(beaf.askings(layout, beaf.BEAF().absent, seed=0))
    records = beaf.paired(layout, all_askings, ["yes"] * len(all_askings), [1.0] * len(all_askings))
    result = beaf_figures(records)
    present = [
        layout.present[asking.scene, asking.asked] and asking.asked != asking.removed
        for asking in all_askings
    ]
    assert result["accuracy"][0] == pytest.approx(np.mean(present))
    assert result["accuracy"][0] < 0.45
    assert result["TU"][0] == 0
    text = Path("docs/hallucination.md").read_text().split("## Before and after")[1]
    for passage in (beaf.BEAF.__doc__, text.split("\n##")[0]):
        words = " ".join(passage.split())
        assert "always says yes is right about each thing that is there" in words
        assert "half" not in passage


@pytest.mark.parametrize("strategy", [VCD(), VASparse()], ids=["VCD", "VASparse"])
def test_a_strategy_answers_as_it_does_alone(case, strategy):
    strategy_case = replace(case, strategy=strategy, count=2)
    records = beaf.BEAF(absent=1)(strategy_case)["records"]
    layout = beaf.layout_of(strategy_case)
    for at in (0, len(records) - 1):
        scene, out, category = (int(records[name][at]) for name in ("scene", "removed", "asked"))
        for when, removed in (("before", -1), ("after", out)):
            (image,) = beaf.question_images(layout, [beaf.Asking(scene, removed, category)])
            alone = strategy(CaptionCase(case.vlm, image, yes_no_question(category)))
            (word,) = alone["answer"].words
            assert records[f"says {when}"][at] == (word == "yes")
            chance = dict(zip(alone["final"].labels[0], alone["final"].values[0], strict=True))
            p = chance.get("yes", 0) / (chance.get("yes", 0) + chance.get("no", 0))
            assert records[f"p {when}"][at] == pytest.approx(p, abs=1e-3)


def test_mvp_is_asked_one_by_one():
    scenes_case = ScenesCase(load(HONEST), MVP(length=6, paths=1), 1, "biased")
    records = beaf.BEAF(absent=0)(scenes_case)["records"]
    assert len(records) == int(beaf.layout_of(scenes_case).present.sum()) ** 2
    assert np.isfinite(records["p after"]).all()


def test_without_contrast_vcd_says_what_greedy_says(case, result):
    plain = beaf.BEAF()(replace(case, strategy=VCD(alpha=0.0, beta=0.0)))
    for name in ("says before", "says after"):
        assert np.array_equal(plain["records"][name], result["records"][name])
