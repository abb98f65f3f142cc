"""The closed form of a request: by scikit-learn's fits, by hand, and where nothing can be said."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.core.result import Table
from engine.unlearning import ClosedForm, forget_case, request
from engine.unlearning.dmm import closed_form as room
from engine.unlearning.dmm.closed_claims import (
    ALONE,
    ASCENT,
    DATAMODEL,
    NEWTON,
    NOTHING,
    ORACLE,
    TOGETHER,
    TUNING,
    claims,
    staying,
)
from engine.unlearning.dmm.closed_form import PIXELS, at_places, curve_steps, descent, gray, remains
from engine.unlearning.dmm.heads import HEADS, LOGISTIC, RIDGE
from engine.vision.training import fresh
from tests import tiny
from tests.engine.unlearning.dmm.test_heads import peer_weights
from tests.engine.unlearning.dmm.test_trainings import RECIPE
from tests.engine.unlearning.trained import class_case
from tests.refusals import assert_refused

PENALTY = 5.0


@pytest.fixture(scope="module")
def case():
    base_case = class_case(recipe=RECIPE)
    return replace(base_case, request=request.at_random(base_case.data, 0.05))


@pytest.fixture(scope="module")
def result(case):
    return ClosedForm(features=PIXELS, steps=400)(case)


def standardized(case):
    """Gray pixels as the layers see them, by numpy."""
    data = case.data
    pixels = data.pixels().numpy().mean(1).reshape(len(data), -1).astype(float)
    known = pixels[case.splits.train]
    spread = known.std(0)
    x = np.where(spread > 1e-6, (pixels - known.mean(0)) / np.maximum(spread, 1e-6), 0)
    return np.hstack([x, np.ones((len(x), 1))])


def scores(case, kind, rows):
    """What layers say of every image that scikit-learn fits on some."""
    x = standardized(case)
    return x @ peer_weights(kind, x[rows], np.eye(10)[case.data.labels[rows]], PENALTY)


def test_its_changes_are_those_of_layers_that_are_fitted_again_by_scikit_learn(case):
    result = ClosedForm(features=PIXELS, penalty=PENALTY, images=40, steps=10)(case)
    images, left = result["images"], result["left"]
    rows = case.data.places(images["id"])
    labels = case.data.labels[rows]
    for kind in HEADS:
        change = scores(case, kind, case.splits.retain) - scores(case, kind, case.splits.train)
        np.testing.assert_allclose(images[f"{kind} true"], change[rows, labels], atol=1e-6)
        for group in ("forget", "retain", "test"):
            expected = np.sqrt((change[getattr(case.splits, group)] ** 2).mean())
            assert left.cell(NOTHING, f"{kind}, {group}") == pytest.approx(expected, abs=1e-6)
    np.testing.assert_allclose(images["ridge together"], images["ridge true"], atol=1e-8)
    assert left.cell(TOGETHER, "ridge, largest") < 1e-8
    assert left.cell(ALONE, "ridge, largest") > 1e-4
    words = ClosedForm().finding(case, result)
    assert f"Newton leaves {room.percent(remains(left, LOGISTIC, TOGETHER))}." in words
    assert f"leaves {room.percent(remains(left, RIDGE, ALONE))} of the change" in words


def test_matching_ends_where_what_it_is_taught_lies_and_ascent_does_not_end(result):
    left, steps = result["left"], result["steps"]
    assert steps["step"][[0, -1]].tolist() == [1, 400]
    for kind in HEADS:
        summed = remains(left, kind, ALONE)
        assert steps[f"{kind}, {DATAMODEL}"][-1] == pytest.approx(summed, rel=0.05)
        assert steps[f"{kind}, {ORACLE}"][-1] < 0.01 * summed
        assert steps[f"{kind}, {TUNING}"][-1] < 0.5
        assert steps[f"{kind}, {NEWTON}"][-1] < 1e-9
    assert steps["ridge, Newton"][0] < 1e-9  # one step
    assert steps["logistic, Newton"][0] == pytest.approx(remains(left, LOGISTIC, TOGETHER))
    assert steps[f"ridge, {ASCENT}"][-1] == room.AWAY
    assert np.isfinite(steps.values).all()  # a table with NaN could not be compared with itself
    assert (result["claims"]["holds"][:4] == 1).all()


def test_features_are_what_the_last_layer_sees_or_sixteen_pixels_of_larger_images(case):
    x = ClosedForm().inputs(case, lambda *_: None)
    pixels = case.data.pixels()
    features = case.model.features(pixels).double()
    known = features[case.splits.train]
    used = known.std(0, correction=0) > 1e-6
    expected = (features - known.mean(0)) / known.std(0, correction=0)
    torch.testing.assert_close(x[:, :-1][:, used], expected[:, used], atol=1e-4, rtol=1e-4)
    assert not x[:, :-1][:, ~used].any()
    assert (x[:, -1] == 1).all()
    assert x.shape[1] == ClosedForm().width(case)
    data = tiny.columns(32, ("a", "b", "c", "d"))
    expected = data.pixels().mean(1).reshape(len(data), 16, 2, 16, 2).mean((2, 4))
    torch.testing.assert_close(gray(data), expected.flatten(1).double())
    large = forget_case(fresh(data, RECIPE), data, request.of_class(data, 0))
    assert ClosedForm(features=PIXELS).width(large) == gray(data).shape[1] + 1


def test_what_would_take_minutes_is_refused_with_what_would_do(case, monkeypatch):
    monkeypatch.setattr(room, "MOST_WORK", 1e6)
    words = "898 images with 65 features.*choose pixels"
    assert_refused(words, ClosedForm(features=PIXELS), case)
    monkeypatch.setattr(room, "features", None)  # it is refused before the model is asked
    assert_refused("too long", ClosedForm(), case)
    room.check(10, 10, 10, 1)
    assert_refused("500 images to be forgotten", room.check, 10, 10, 10, 500)


def test_descent_has_momentum_and_is_read_at_the_places():
    path = descent(lambda weights: weights, torch.ones(1), 0.5)
    assert [round(float(next(path)), 4) for _ in range(3)] == [0.5, -0.2, -0.73]
    read = list(at_places(iter([torch.zeros(1), torch.ones(1)]), [1, 2, 5]))
    assert [float(reading) for reading in read] == [0.0, 1.0, 1.0]  # it stays with the last
    assert curve_steps(10).tolist() == list(range(1, 11))


def table(
    ridge_largest=1e-12,
    alone=0.1,
    ascent=(0.5, 2.0, np.nan),
    solved=(1e-9, 1e-9),
    matched=1e-9,
    tuned=(0.5, 0.05, 0.05),
):
    """What claims are judged by."""
    left = {
        "ridge, forget": [0.1, alone * 0.1, 0.0],
        "logistic, forget": [1.0, 0.5, 0.1],
        "ridge, largest": [1.0, 1.0, ridge_largest],
    }
    curves = {
        f"ridge, {ORACLE}": [0.05, 0.01, matched],
        f"ridge, {DATAMODEL}": [0.5, alone, alone],
        f"ridge, {TUNING}": tuned,
        f"ridge, {ASCENT}": ascent,
        f"logistic, {NEWTON}": [0.1, *solved],
        "step": [1.0, 10.0, 100.0],
    }
    rows = (NOTHING, ALONE, TOGETHER)
    return (
        Table.of({name: (column, "") for name, column in left.items()}, rows),
        Table.of({name: (curve, "") for name, curve in curves.items()}),
    )


@pytest.mark.parametrize(
    ("change", "row"),
    [
        ({"ridge_largest": 1e-7}, 0),
        ({"solved": (1e-3, 1e-3)}, 1),
        ({"solved": (1e-9, 1e-3)}, 1),  # it was there and left again
        ({"alone": 1.1}, 2),
        ({"matched": 0.1}, 3),
        ({"tuned": (0.05, 0.05, 0.05)}, 4),
        ({"ascent": (0.5, 0.4, 0.9)}, 5),
    ],
)
def test_each_claim_can_fail_and_says_by_what(change, row):
    plain = claims(*table())
    assert plain["holds"].tolist() == [1.0] * 6
    assert claims(*table(**change))["holds"].tolist() == [float(at != row) for at in range(6)]
    notes = plain.notes
    assert notes[1] == "a millionth of the change or less is left from step 10 on"
    assert "off by 1e-10 after 100 steps" in notes[3]
    assert notes[4].endswith("or less is left first at step 1, by fine-tuning at step 10")
    assert notes[5].endswith("50 % is left; farther away than at the beginning from step 10 on")


def test_who_is_there_first_is_told_what_never_comes_is_said_and_where_nothing_changes(case):
    number = np.array([1.0, 2.0, 3.0])
    assert staying(np.array([True, False, True]), number) == 3
    assert np.isinf(staying(np.array([True, True, False]), number))
    passing = claims(*table(tuned=(0.05, 0.5, 0.05)))  # it is there at once, and swings past
    assert passing["holds"][4] == 0
    assert passing.notes[4].endswith("first at step 1, by fine-tuning at step 1")
    result = claims(*table(tuned=(0.5, 0.5, 0.5)))
    assert result["holds"][4] == 1
    assert result.notes[4].endswith("by fine-tuning not within 100 steps")
    left, steps = table()
    columns = {name: (left[name] * 0, "") for name in left.order}
    still = Table.of(columns, left.rows)
    assert not len(claims(still, steps))
    assert ClosedForm().finding(case, {"left": still}).endswith("stays the same.")
