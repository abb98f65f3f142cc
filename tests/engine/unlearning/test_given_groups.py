"""Many opened models of each kind, also from a zip, are judged; what does not fit is a sentence."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from engine import unlearning
from engine.core.errors import BadData, BadModel, BlindspotError, DoesNotFit
from engine.core.run import answer
from engine.evaluation.forgetting.klom import BINS, GAUSSIAN, klom, margins
from engine.unlearning.dmm.trainings import ALL, PART, SEEDS, STAYS, models_of, train_part
from engine.unlearning.zipped_models import open_zip
from engine.vision.models.card import card_of, weights_of
from engine.vision.models.rebuild import model_bytes, rebuilt
from engine.vision.training import Recipe, fresh, outputs, train_stacked
from tests import tiny
from tests.engine.unlearning.dmm.test_trainings import RECIPE
from tests.engine.unlearning.trained import class_case, saved
from tests.hostile.archives import zipped

WAY = unlearning.FineTune(epochs=1)


@cache
def case_and_groups():
    """Twenty originals, what a way made of each, and forty networks without the images."""
    case = class_case(recipe=RECIPE)
    data = case.data
    originals = tuple(models_of(train_part(case, ALL, 0), case.model.name))
    unlearned = tuple(
        rebuilt(answer(WAY, replace(case, model=model, seed=seed))["model"])
        for seed, model in enumerate(originals)
    )
    seeds = [SEEDS[STAYS] + index for index in range(2 * PART)]
    oracles = tuple(fresh(data, RECIPE, seed) for seed in seeds)
    train_stacked(oracles, data, RECIPE, seeds, rows=[case.splits.retain] * len(seeds))
    return case, {"original": originals, "unlearned": unlearned, "retrained": oracles}


def of(case, groups):
    """The case of some groups; the first of each is judged alone."""
    return unlearning.GivenGroups(
        replace(case, model=groups["original"][0]),
        groups["unlearned"][0],
        groups["retrained"][0],
        groups,
    )


def test_klom_of_opened_models_is_that_of_forget_where_they_are_its_own():
    case, groups = case_and_groups()
    theirs = answer(unlearning.KLoM(images=30), of(case, groups))
    ours = answer(unlearning.KLoM(images=30), unlearning.AfterCase(case, WAY))
    assert theirs["points"]["id"].tolist() == ours["points"]["id"].tolist()
    for name in ("nothing done", "unlearned", "noise"):
        np.testing.assert_allclose(theirs["points"][name], ours["points"][name], rtol=1e-3)
    assert theirs["margins"].order == ours["margins"].order
    assert set(theirs) == {"points", "summary", "margins"}
    sentence = unlearning.KLoM.finding(unlearning.KLoM(), of(case, groups), theirs)
    assert sentence.startswith("On the middle forgotten image, the unlearned models are ")
    assert unlearning.KLoM.finding(
        unlearning.KLoM(), unlearning.AfterCase(case, WAY), ours
    ).partition(" is ")[2] in sentence.replace(" are ", " is ")


@pytest.mark.parametrize("form", [GAUSSIAN, BINS])
def test_both_forms_are_those_of_margins_by_hand_and_the_noise_is_the_other_half(form, monkeypatch):
    monkeypatch.setattr("engine.unlearning.given.NEEDED", {GAUSSIAN: 4, BINS: 6})
    monkeypatch.setattr("engine.evaluation.forgetting.klom.NEEDED", {GAUSSIAN: 4, BINS: 6})
    case, every = case_and_groups()
    sizes = {"original": 8, "unlearned": 7, "retrained": 13}  # 6 of each can be compared
    groups = {kind: models[: sizes[kind]] for kind, models in every.items()}
    group_case = of(case, groups)
    assert group_case.usable == 6
    reports = []
    question = unlearning.KLoM(form, 100, 10)
    result = question(group_case, lambda *report: reports.append(report))["points"]
    assert [done for done, _ in reports] == pytest.approx([n / 24 for n in range(1, 25)])
    assert reports[6][1] == "asking unlearned model 1 of 6"
    rows, data = case.data.places(result["id"]), case.data
    group_margins = {
        kind: margins(
            np.stack([outputs(model, data, rows).numpy() for model in models]), data.labels[rows]
        )
        for kind, models in groups.items()
    }
    judges, others = group_margins["retrained"][:6], group_margins["retrained"][6:12]
    for name, values in (
        ("nothing done", group_margins["original"][:6]),
        ("unlearned", group_margins["unlearned"][:6]),
        ("noise", others),
    ):
        np.testing.assert_allclose(result[name], klom(values, judges, form), rtol=1e-4, atol=1e-6)
    assert not np.allclose(result["noise"], result["unlearned"])


def test_too_few_models_those_that_do_not_fit_and_those_that_are_there_twice_are_a_sentence():
    case, every = case_and_groups()
    few = of(case, {kind: models[:4] for kind, models in every.items()})
    for form, need in ((GAUSSIAN, 20), (BINS, 100)):
        words = (
            f"at least {need} original, {need} unlearned and {2 * need} retrained models .* "
            "4 original, 4 unlearned and 4 retrained were opened"
        )
        with pytest.raises(BlindspotError, match=words):
            unlearning.KLoM(form)(few)
    alone = unlearning.GivenGroups(few.case, few.unlearned, None, {"unlearned": every["unlearned"]})
    assert alone.counts == {"original": 0, "unlearned": 20, "retrained": 0}
    assert "0 original, 20 unlearned and 0 retrained were opened" in alone.too_few(GAUSSIAN)
    odd = tiny.learned()
    with pytest.raises(BadModel, match=r"The retrained model 3 does not fit the first: .*missing"):
        of(case, every | {"retrained": (*every["retrained"][:2], odd)})
    twice = every["unlearned"][:2]
    with pytest.raises(BlindspotError, match="unlearned models 2 and 3 hold the same weights"):
        of(case, every | {"unlearned": (*twice, twice[1].twin())})


def test_the_first_of_each_is_judged_alone_and_the_others_name_the_question():
    case, every = case_and_groups()
    group_case = of(case, every)
    alone = unlearning.GivenCase(group_case.case, group_case.unlearned, group_case.retrained)
    theirs, ours = (
        answer(unlearning.Confidence(), judged_case)["images"]
        for judged_case in (group_case, alone)
    )
    np.testing.assert_array_equal(theirs.values, ours.values)
    fewer = of(case, every | {"retrained": every["retrained"][:39]})
    assert len({group_case.fingerprint, alone.fingerprint, fewer.fingerprint}) == 3
    with pytest.raises(DoesNotFit, match="not known here how the opened model was made"):
        answer(unlearning.Steps(), group_case)
    with pytest.raises(DoesNotFit, match="compares many models of each kind"):
        answer(unlearning.KLoM(), alone)


@pytest.fixture(scope="module")
def models():
    return [fresh(tiny.columns(8, tuple("abcd")), Recipe("mlp"), seed) for seed in range(3)]


def exported(model):
    """A file with its card."""
    return model_bytes(card_of(model, title="Mine"), weights_of(model))


def test_models_come_by_name_and_what_a_system_adds_is_passed_over(models):
    content = zipped(
        {
            "runs/b.pt": saved(models[1].network.state_dict()),
            "runs/a.safetensors": exported(models[0]),
            "runs/c.safetensors": exported(models[2]),
            "__MACOSX/runs/._a.safetensors": b"x",
            "runs/.DS_Store": b"x",
        }
    )
    zip_file = open_zip(content, "runs.zip", 3)
    assert [model.fingerprint for model in zip_file.models] == [
        model.fingerprint for model in models
    ]
    assert zip_file.skipped == ()
    assert not any("runs" in model.title for model in zip_file.models)
    content = zipped({"x.pt": saved(models[2].network.state_dict())})
    again = open_zip(content, "x.zip", 3, like=models[0])
    assert again.models[0].fingerprint == models[2].fingerprint


def test_too_many_too_large_and_too_slow_are_a_sentence(models, monkeypatch):
    content = zipped({f"{at}.safetensors": exported(model) for at, model in enumerate(models)})
    with pytest.raises(BadModel, match=r"my.zip holds 3 files, and at most 2 models are read"):
        open_zip(content, "my.zip", 2)
    monkeypatch.setattr(unlearning.zipped_models, "SECONDS", -1.0)
    with pytest.raises(BadModel, match=r"my.zip takes more than -1 seconds to read"):
        open_zip(content, "my.zip", 3)
    monkeypatch.setattr(unlearning.zipped_models, "MOST_BYTES", 1000)
    with pytest.raises(BadModel, match=r"my.zip unpacks to \d+ MB of weights, and at most 0 MB"):
        open_zip(content, "my.zip", 3)


def test_a_bad_file_among_good_ones_is_left_out_and_named(models):
    odd = fresh(tiny.columns(8, tuple("abcd")), Recipe("lenet"))
    content = bytearray(
        zipped(
            {
                "a/0.safetensors": exported(models[0]),
                "a/1-damaged.safetensors": exported(models[1]),
                "a/2-other.pt": saved(odd.network.state_dict()),
                "a/3-no.pt": b"PK\x03\x04 no",
                "a/notes.txt": b"x",
                "a/9.pt": saved(models[2].network.state_dict()),
            }
        )
    )
    place = content.index(b"1-damaged") + 200
    content[place : place + 60] = bytes(60)
    zip_file = open_zip(bytes(content), "my.zip", 9)
    assert [model.fingerprint for model in zip_file.models] == [
        models[place].fingerprint for place in (0, 2)
    ]
    reasons = {left.file: left.reason for left in zip_file.skipped}
    assert list(reasons) == ["1-damaged.safetensors", "2-other.pt", "3-no.pt", "notes.txt"]
    assert "damaged" in reasons["1-damaged.safetensors"]
    assert "does not fit" in reasons["2-other.pt"]
    assert "cannot be read as weights" in reasons["3-no.pt"]
    assert "no file of weights" in reasons["notes.txt"]


def test_a_zip_without_a_model_is_a_sentence(models):
    with pytest.raises(BadModel, match=r"my.zip holds no .*“notes.txt”: It is no file of weights"):
        open_zip(zipped({"a/notes.txt": b"x"}), "my.zip", 3)
    with pytest.raises(BadModel, match=r"my.zip holds no model that can be opened: put"):
        open_zip(zipped({}), "my.zip", 3)
    with pytest.raises(BadData, match=r"my.zip is not a zip archive"):
        open_zip(b"nothing", "my.zip", 3)
    with pytest.raises(BadModel, match=r"“a.pt”: The file holds .*say for which architecture"):
        open_zip(zipped({"a.pt": saved(models[0].network.state_dict())}), "my.zip", 3)
