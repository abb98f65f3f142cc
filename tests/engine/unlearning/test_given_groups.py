"""Many opened models of each kind, also from a zip, are judged; what does not fit is a sentence."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from engine import unlearning
from engine.core.errors import BadData, BadModel, DoesNotFit
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
from tests.refusals import assert_refused

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
    sentence = unlearning.KLoM().finding(of(case, groups), theirs)
    assert sentence.startswith("On the middle forgotten image, the unlearned models are ")
    other = unlearning.KLoM().finding(unlearning.AfterCase(case, WAY), ours)
    assert other.partition(" is ")[2] in sentence.replace(" are ", " is ")


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
    method = unlearning.KLoM(form, 100, 10)
    result = method(group_case, lambda *report: reports.append(report))["points"]
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
    for form, needs in ((GAUSSIAN, (20, 20, 40)), (BINS, (100, 100, 200))):
        counts = "{} original, {} unlearned and {} retrained"
        words = f"at least {counts.format(*needs)} models .* {counts.format(4, 4, 4)} were opened"
        assert_refused(words, unlearning.KLoM(form), few)
    alone = unlearning.GivenGroups(few.case, few.unlearned, None, {"unlearned": every["unlearned"]})
    assert alone.counts == {"original": 0, "unlearned": 20, "retrained": 0}
    assert "0 original, 20 unlearned and 0 retrained were opened" in alone.too_few(GAUSSIAN)
    odd = every | {"retrained": (*every["retrained"][:2], tiny.learned())}
    words = "The retrained model 3 does not fit the first: .*missing"
    assert_refused(words, of, case, odd, error=BadModel)
    first, second = every["unlearned"][:2]
    twice = every | {"unlearned": (first, second, second.twin())}
    assert_refused("unlearned models 2 and 3 hold the same weights", of, case, twice)


def test_the_first_of_each_is_judged_alone_and_the_others_name_the_question():
    case, every = case_and_groups()
    group_case = of(case, every)
    alone = unlearning.GivenCase(group_case.case, group_case.unlearned, group_case.retrained)
    theirs, ours = (answer(unlearning.Confidence(), c)["images"] for c in (group_case, alone))
    np.testing.assert_array_equal(theirs.values, ours.values)
    fewer = of(case, every | {"retrained": every["retrained"][:39]})
    assert len({group_case.fingerprint, alone.fingerprint, fewer.fingerprint}) == 3
    for method, question, words in (
        (unlearning.Steps(), group_case, "not known here how the opened model was made"),
        (unlearning.KLoM(), alone, "compares many models of each kind"),
    ):
        assert_refused(words, answer, method, question, error=DoesNotFit)


@pytest.fixture(scope="module")
def models():
    return [fresh(tiny.columns(8, tuple("abcd")), Recipe("mlp"), seed) for seed in range(3)]


def fingerprints(models):
    return [model.fingerprint for model in models]


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
    assert fingerprints(zip_file.models) == fingerprints(models)
    assert zip_file.skipped == ()
    assert not any("runs" in model.title for model in zip_file.models)
    content = zipped({"x.pt": saved(models[2].network.state_dict())})
    again = open_zip(content, "x.zip", 3, like=models[0])
    assert fingerprints(again.models) == fingerprints(models[2:])


def test_too_many_too_large_and_too_slow_are_a_sentence(models, monkeypatch):
    content = zipped({f"{at}.safetensors": exported(model) for at, model in enumerate(models)})
    words = "my.zip holds 3 files, and at most 2 models are read"
    assert_refused(words, open_zip, content, "my.zip", 2, error=BadModel)
    for bound, most, words in (
        ("SECONDS", -1.0, "my.zip takes more than -1 seconds to read"),
        ("MOST_BYTES", 1000, r"my.zip unpacks to \d+ MB of weights, and at most 0 MB"),
    ):
        monkeypatch.setattr(unlearning.zipped_models, bound, most)
        assert_refused(words, open_zip, content, "my.zip", 3, error=BadModel)


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
    assert fingerprints(zip_file.models) == fingerprints((models[0], models[2]))
    skipped = {
        "1-damaged.safetensors": "damaged",
        "2-other.pt": "does not fit",
        "3-no.pt": "cannot be read as weights",
        "notes.txt": "no file of weights",
    }
    assert [left.file for left in zip_file.skipped] == list(skipped)
    assert all(skipped[left.file] in left.reason for left in zip_file.skipped)


def test_a_zip_without_a_model_is_a_sentence(models):
    weights_alone = {"a.pt": saved(models[0].network.state_dict())}
    for content, words in (
        ({"a/notes.txt": b"x"}, "my.zip holds no .*“notes.txt”: It is no file of weights"),
        ({}, "my.zip holds no model that can be opened: put"),
        (weights_alone, "“a.pt”: The file holds .*say for which architecture"),
    ):
        assert_refused(words, open_zip, zipped(content), "my.zip", 3, error=BadModel)
    assert_refused("my.zip is not a zip archive", open_zip, b"nothing", "my.zip", 3, error=BadData)
