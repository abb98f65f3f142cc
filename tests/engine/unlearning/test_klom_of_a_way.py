"""KLoM of a way: its numbers by hand, its limits, what it refuses and hands over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import BlindspotError
from engine.models.rebuild import rebuilt
from engine.run import answer
from engine.training import outputs
from engine.unlearning import (
    AfterCase,
    FineTune,
    KLoM,
    NoOp,
    OracleMatching,
    PruneFirst,
    Retrain,
    request,
)
from engine.unlearning.diagnostics import klom as room
from engine.unlearning.oracles.trainings import ALL, STAYS, logits_of, models_of, train_part
from engine.unlearning.protocol.klom import BINS, klom, margins
from tests.engine.unlearning.oracles.test_trainings import RECIPE
from tests.engine.unlearning.trained import class_case

WAY = FineTune(epochs=1)


@pytest.fixture(scope="module")
def case():
    return class_case(recipe=RECIPE)


@pytest.fixture(scope="module")
def found(case):
    return answer(KLoM(images=30), AfterCase(case, WAY))


def test_every_number_is_that_of_models_made_by_hand(case, found):
    points, data = found["points"], case.data
    rows = data.places(points["id"])
    labels = data.labels[rows]
    originals = train_part(case, ALL, 0)
    unlearned = []
    for seed, model in enumerate(models_of(originals, case.model.name)):
        result = answer(WAY, replace(case, model=model, seed=seed))
        unlearned.append(outputs(rebuilt(result["model"]), data, rows).numpy())
    after = margins(np.stack(unlearned), labels)
    oracles, others = (
        margins(logits_of(train_part(case, STAYS, part))[:, rows], labels) for part in (0, 1)
    )
    before = margins(logits_of(originals)[:, rows], labels)
    for name, values in (("nothing done", before), ("unlearned", after), ("noise", others)):
        np.testing.assert_allclose(points[name], klom(values, oracles), atol=1e-4)
    for number, group in enumerate(("forget", "retain", "test")):
        part = points["unlearned"][points["group"] == number]
        summary = found["summary"]
        assert summary.cell(group, "unlearned, median") == pytest.approx(np.median(part))
        assert summary.cell(group, "unlearned, 95 %") == pytest.approx(np.quantile(part, 0.95))
    np.testing.assert_allclose(found["margins"]["unlearned 3"], after[2], atol=1e-4)
    middle, nothing, noise = (
        room.nats(float(np.median(points[name][points["group"] == 0])))
        for name in ("unlearned", "nothing done", "noise")
    )
    assert KLoM().finding(AfterCase(case, WAY), found) == (
        f"On the middle forgotten image, FT is {middle} from models that never saw it (nothing "
        f"done: {nothing}; noise: {noise})."
    )


def test_doing_nothing_is_the_originals_and_retraining_is_noise(case, found):
    nothing = answer(KLoM(images=30), AfterCase(case, NoOp()))["points"]
    np.testing.assert_allclose(nothing["unlearned"], nothing["nothing done"], atol=1e-4)
    np.testing.assert_allclose(nothing["nothing done"], found["points"]["nothing done"], atol=1e-4)
    again = answer(KLoM(images=30), AfterCase(case, Retrain()))["summary"]
    noise = again.cell("forget", "noise, 95 %")
    assert again.cell("forget", "unlearned, median") < max(2 * noise, 0.5)
    assert again.cell("forget", "nothing done, median") > 5 * again.cell(
        "forget", "unlearned, median"
    )


@pytest.mark.slow  # test_matching.py has one model say what its oracle says
def test_oracle_matching_comes_near_to_the_noise(case):
    table = answer(KLoM(images=30), AfterCase(case, OracleMatching()))["summary"]
    assert table.cell("forget", "unlearned, median") < 0.2 * table.cell(
        "forget", "nothing done, median"
    )


def test_histograms_of_few_models_are_refused_with_what_would_do(case):
    with pytest.raises(BlindspotError, match=r"at least 100 models.*Choose more models, or the Ga"):
        KLoM(form=BINS)(AfterCase(case, WAY))


def test_ways_with_zeros_of_their_own_and_what_cannot_be_trained_often_are_refused(case):
    assert "other zeros" in KLoM.unmet(AfterCase(case, PruneFirst()))
    odd = replace(case, recipe=replace(RECIPE, width=2.0))
    assert "dozens of networks" in KLoM.unmet(AfterCase(odd, WAY))
    assert not KLoM.unmet(AfterCase(case, WAY))
    assert KLoM.unmet(case) == "it needs a model, what it is to forget, and how."


def test_what_is_there_of_more_models_is_handed_over_and_is_that_of_fewer(case, found):
    reports = []
    KLoM(models=40, images=30)(
        AfterCase(case, WAY), lambda _done, _words="", partial=None: reports.append(partial)
    )
    first, last = [report for report in reports if report]
    np.testing.assert_allclose(first["points"]["unlearned"], found["points"]["unlearned"])
    assert len(first["margins"].order) == 80
    assert len(last["margins"].order) == 160
    assert last["cost"]["models"][0] == 40


def test_a_request_of_few_images_is_looked_at_whole(case):
    few = replace(case, request=request.of_ids(case.data, case.request.ids[:3]))
    points = answer(KLoM(images=30), AfterCase(few, NoOp()))["points"]
    assert set(points["id"][points["group"] == 0]) == set(few.request.ids)
    assert room.nats(12.34) == "12 nats"
    assert room.nats(0.123) == "0.12 nats"
