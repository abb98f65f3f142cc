"""Many opened models of each kind: KLoM is that of Forget, and what does not fit is a sentence."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from engine.errors import BadModel, BlindspotError, DoesNotFit
from engine.models.rebuild import rebuilt
from engine.run import answer
from engine.training import fresh, outputs, train_stacked
from engine.unlearning import AfterCase, Confidence, FineTune, GivenCase, GivenGroups, KLoM, Steps
from engine.unlearning.oracles.trainings import ALL, PART, SEEDS, STAYS, models_of, train_part
from engine.unlearning.protocol.klom import BINS, GAUSSIAN, klom, margins
from tests import tiny
from tests.engine.unlearning.oracles.test_trainings import RECIPE
from tests.engine.unlearning.trained import class_case

WAY = FineTune(epochs=1)


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
    return GivenGroups(
        replace(case, model=groups["original"][0]),
        groups["unlearned"][0],
        groups["retrained"][0],
        groups,
    )


def test_klom_of_opened_models_is_that_of_forget_where_they_are_its_own():
    case, groups = case_and_groups()
    theirs = answer(KLoM(images=30), of(case, groups))
    ours = answer(KLoM(images=30), AfterCase(case, WAY))
    assert theirs["points"]["id"].tolist() == ours["points"]["id"].tolist()
    for name in ("nothing done", "unlearned", "noise"):
        np.testing.assert_allclose(theirs["points"][name], ours["points"][name], rtol=1e-3)
    assert theirs["margins"].order == ours["margins"].order
    assert set(theirs) == {"points", "summary", "margins"}
    sentence = KLoM.finding(KLoM(), of(case, groups), theirs)
    assert sentence.startswith("On the middle forgotten image, the unlearned models are ")
    assert KLoM.finding(KLoM(), AfterCase(case, WAY), ours).partition(" is ")[
        2
    ] in sentence.replace(" are ", " is ")


@pytest.mark.parametrize("form", [GAUSSIAN, BINS])
def test_both_forms_are_those_of_margins_by_hand_and_the_noise_is_the_other_half(form, monkeypatch):
    monkeypatch.setattr("engine.unlearning.given.NEEDED", {GAUSSIAN: 4, BINS: 6})
    monkeypatch.setattr("engine.unlearning.protocol.klom.NEEDED", {GAUSSIAN: 4, BINS: 6})
    case, every = case_and_groups()
    sizes = {"original": 8, "unlearned": 7, "retrained": 13}  # 6 of each can be compared
    groups = {kind: models[: sizes[kind]] for kind, models in every.items()}
    group_case = of(case, groups)
    assert group_case.usable == 6
    result = KLoM(form, 100, 10)(group_case)["points"]
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


def test_too_few_are_refused_with_the_numbers_that_are_needed():
    case, every = case_and_groups()
    few = of(case, {kind: models[:4] for kind, models in every.items()})
    for form, need in ((GAUSSIAN, 20), (BINS, 100)):
        words = (
            f"at least {need} original, {need} unlearned and {2 * need} retrained models .* "
            "4 original, 4 unlearned and 4 retrained were opened"
        )
        with pytest.raises(BlindspotError, match=words):
            KLoM(form)(few)
    alone = GivenGroups(few.case, few.unlearned, None, {"unlearned": every["unlearned"]})
    assert alone.counts == {"original": 0, "unlearned": 20, "retrained": 0}
    assert "0 original, 20 unlearned and 0 retrained were opened" in alone.too_few(GAUSSIAN)


def test_the_first_of_each_is_judged_alone_and_the_others_name_the_question():
    case, every = case_and_groups()
    group_case = of(case, every)
    alone = GivenCase(group_case.case, group_case.unlearned, group_case.retrained)
    theirs, ours = (
        answer(Confidence(), judged_case)["images"] for judged_case in (group_case, alone)
    )
    np.testing.assert_array_equal(theirs.values, ours.values)
    fewer = of(case, every | {"retrained": every["retrained"][:39]})
    assert len({group_case.fingerprint, alone.fingerprint, fewer.fingerprint}) == 3
    with pytest.raises(DoesNotFit, match="not known here how the opened model was made"):
        answer(Steps(), group_case)
    with pytest.raises(DoesNotFit, match="compares many models of each kind"):
        answer(KLoM(), alone)


def test_models_that_do_not_fit_or_are_there_twice_are_a_sentence():
    case, every = case_and_groups()
    odd = tiny.learned()
    with pytest.raises(BadModel, match=r"The retrained model 3 does not fit the first: .*missing"):
        of(case, every | {"retrained": (*every["retrained"][:2], odd)})
    twice = every["unlearned"][:2]
    with pytest.raises(BlindspotError, match="unlearned models 2 and 3 hold the same weights"):
        of(case, every | {"unlearned": (*twice, twice[1].twin())})
