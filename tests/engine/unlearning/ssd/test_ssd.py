"""SSD's importances and dampening, by hand and in their limits; the search for a strength."""

from dataclasses import replace

import numpy as np
import pytest

from engine import unlearning
from engine.core.errors import BadSetting
from engine.core.run import answer
from engine.unlearning.protocol.scoreboard import run_of
from engine.unlearning.ssd import unlearner as ssd
from engine.unlearning.ssd.damping import damped
from engine.unlearning.ssd.importance import SETS, dampening
from engine.unlearning.ssd.unlearner import SHARES, dampen
from engine.unlearning.ways import influence as of_influence
from engine.unlearning.ways.network import in_parts, named_weights, own_copy
from engine.unlearning.ways.search import TRIED, UNCHANGED, best_strength
from tests.engine.unlearning.trained import assert_weights, class_case, loss_on, scores
from tests.refusals import assert_refused


def test_importances_are_mean_squares_of_batch_means(case):
    result = answer(unlearning.Importance(batch=31), case)["forget"].values
    free = answer(unlearning.Importance(batch=31, label_free=True), case)["forget"].values
    parts = in_parts(case.splits.forget, 31, np.random.default_rng([case.seed, 24]))
    assert len(parts) == 3
    model = own_copy(case.model)
    slow, slow_free = dict.fromkeys(result, 0), dict.fromkeys(result, 0)
    for rows in parts:
        squares = model(case.data.pixels(rows)).square().sum() / len(rows)
        for loss, total, power in (
            (loss_on(model, case.data, rows), slow, 2),
            (squares, slow_free, 1),
        ):
            model.zero_grad()
            loss.backward()
            for name, weight in named_weights(model).items():
                total[name] = total[name] + weight.grad.abs() ** power / 3
    for name in result:
        np.testing.assert_allclose(result[name], slow[name], rtol=1e-3, atol=1e-8)
        np.testing.assert_allclose(free[name], slow_free[name], rtol=1e-3, atol=1e-5)


def test_each_importance_says_how_many_images_it_took_and_a_run_looks_at_the_forgotten_twice(case):
    result = unlearning.Importance()(case)["run"]  # not one that is kept
    assert result.rows == SETS
    assert result["samples"].tolist() == [len(getattr(case.splits, name)) for name in SETS]
    exposure = answer(unlearning.SSD(ratio=10.0), case)["seen"]
    forgotten = exposure["forget"].astype(bool)
    assert (exposure["seen"][forgotten] == 2).all()
    assert (exposure["seen"][~forgotten] == 1).all()


def test_weights_are_dampened_by_the_formula_on_a_line(case):
    forget = {"w": np.array([8.0, 2.0, 0.0, 30.0, 1.0])}
    train = {"w": np.array([1.0, 1.0, 0.0, 2.0, 5.0])}
    share = dampening(forget, train, ratio=5, strength=1)["w"].numpy()
    np.testing.assert_allclose(share, [1 / 8, 1, 1, 2 / 30, 1])
    np.testing.assert_allclose(dampening(forget, train, 5, 0.5)["w"], [1 / 16, 1, 1, 1 / 30, 1])
    assert (dampening(forget, train, 0.1, 100)["w"] == 1).all()
    assert np.isfinite(dampening(forget, {"w": np.zeros(5)}, 1, 1)["w"].numpy()).all()
    importance = answer(unlearning.Importance(), case)
    weights = unlearning.SSD(ratio=5.0, strength=0.5)(case)["model"].weights
    share = dampening(importance["forget"].values, importance["train"].values, 5, 0.5)
    for name, parameter in named_weights(case.model).items():
        expected = (parameter * share[name]).detach()
        np.testing.assert_allclose(weights[name], expected, rtol=1e-4, atol=1e-7)


def test_the_same_importance_dampens_nothing_and_a_huge_strength_neither(case):
    result = answer(unlearning.Importance(), case)
    for part, ratio, strength in (("train", 1.0, 0.01), ("forget", 0.0, 1e12)):
        factors = dampening(result[part].values, result["train"].values, ratio, strength)
        assert all(bool((factor == 1).all()) for factor in factors.values())


@pytest.mark.parametrize("label_free", [False, True])
def test_nothing_grows_nothing_is_lost_and_a_higher_threshold_touches_less(case, label_free):
    touched, forgotten = [], []
    for ratio in (5.0, 10.0, 30.0, 100.0, 1000.0):
        result = answer(unlearning.SSD(ratio=ratio, label_free=label_free), case)
        for name, parameter in named_weights(case.model).items():
            was = parameter.detach().numpy()
            share = result["model"].weights[name] / np.where(was == 0, 1, was)
            assert ((share >= 0) & (share <= 1 + 1e-6)).all()
        mask = result["mask"]
        touched.append((mask["density"] * mask["weights"]).sum())
        forgotten.append(result["scores"].values[0])
    assert touched == sorted(touched, reverse=True)
    assert forgotten[0] > forgotten[-1]


def test_the_slider_gives_the_same_model_without_another_pass(case, monkeypatch):
    method = unlearning.SSD(ratio=7.0, strength=0.5)
    whole = answer(method, case)
    monkeypatch.setattr(type(case.model.network), "forward", None)
    assert_weights(whole, unlearning.dampened(case, method), rtol=0)


def test_the_plot_counts_every_weight_that_has_both_importances(case):
    result = answer(unlearning.Importance(), case)
    forget, train = result["forget"].values, result["train"].values
    field = unlearning.plane(forget, train, bins=20)
    both = sum(int(((forget[n] > 0) & (train[n] > 0)).sum()) for n in forget)
    assert field.values.sum() == both
    assert field.values.shape == (len(field.y), len(field.x)) == (20, 20)
    row, column = np.unravel_index(field.values.argmax(), field.values.shape)
    inside = 0
    for name in forget:
        places = ((train, field.x, column), (forget, field.y, row))
        near = [
            np.abs(np.log10(np.maximum(values[name], 1e-38)) - axis[at])
            <= (axis[1] - axis[0]) / 2 * 1.01
            for values, axis, at in places
        ]
        inside += int((near[0] & near[1]).sum())
    assert inside == pytest.approx(field.values.max(), rel=0.1)


def test_layers_say_what_a_threshold_dampens_and_that_for_a_share_dampens_it(case):
    result = answer(unlearning.Importance(), case)
    both = result["forget"].values, result["train"].values
    layers = unlearning.damping_table(*both, 10.0, 1.0)
    mask = answer(unlearning.SSD(ratio=10.0), case)["mask"]
    np.testing.assert_allclose(layers["chosen"], mask["density"], atol=1e-6)
    assert ((layers["left"] <= 0.1 + 1e-6) | (layers["chosen"] == 0)).all()
    for share in (0.02, 0.1):
        layers = unlearning.damping_table(*both, unlearning.threshold_for(*both, share), 1.0)
        chosen = np.average(layers["chosen"], weights=layers["weights"])
        assert chosen == pytest.approx(share, abs=0.005)
    assert_refused("share of 0", unlearning.threshold_for, *both, 0.0, error=BadSetting)


def test_the_share_is_searched_for_and_the_model_is_put_back_after_each_try(case):
    result = answer(unlearning.Importance(), case)
    forget, train = result["forget"], result["train"]
    working_model, method = own_copy(case.model), unlearning.SSD()
    tried = []
    for share in SHARES:
        ratio = unlearning.threshold_for(forget.values, train.values, share)
        model = unlearning.dampened(case, unlearning.SSD(ratio=ratio))
        rows = np.random.default_rng([case.seed, 26]).permutation(case.splits.retain)[:TRIED]
        lost, won = (loss_on(model, case.data, some, "none") for some in (rows, case.splits.forget))
        tried.append(won.clamp(max=np.log(10)).mean().item() - 2 * lost.mean().item())
    best = SHARES[int(np.argmax(tried))]
    ratio = method.threshold(case, working_model, case.data, forget, train)
    assert ratio == unlearning.threshold_for(forget.values, train.values, best)
    assert working_model.fingerprint == case.model.fingerprint
    ways = unlearning.SSD(), unlearning.SSD(share=best)
    searched, known = (answer(way, case)["mask"]["density"].tolist() for way in ways)
    assert searched == known


def test_rows_of_the_mask_stand_in_the_network_s_order_wherever_importances_come_from(case):
    backward = [  # as a file of arrays may give them
        replace(importance, values=dict(reversed(importance.values.items())))
        for importance in unlearning.SSD().importances(case)[:2]
    ]
    chosen = dampen(own_copy(case.model), *backward, 5.0, 1.0)
    assert list(chosen) == list(dict(case.model.network.named_parameters()))


def test_the_slider_s_figures_are_those_of_the_unlearner():
    case, method = class_case(), unlearning.SSD(ratio=3.0)
    result, unlearned = damped(case, method), method(case)
    expected = [float(scores(unlearned)[name]) for name in ("UA", "RA", "TA")]
    assert [result.unlearning, result.retain, result.test] == pytest.approx(expected, abs=1e-6)
    shares, sizes = unlearned["mask"]["density"], unlearned["mask"]["weights"]
    assert result.chosen == round(float((shares * sizes).sum()))
    assert result.total == sizes.sum()


def zeroed_by(model):
    def change(strength):
        for weight in named_weights(model).values():
            weight.mul_(1 - strength)

    return change


def test_the_best_strength_is_chosen_and_none_where_each_takes_the_model_with_it(case):
    model = own_copy(case.model)
    assert best_strength(case, model, case.data, (1.0,), zeroed_by(model)) is None
    assert model.fingerprint == case.model.fingerprint
    head = model.head

    def change(strength):  # the forgotten class loses its logit, the others keep theirs
        head.bias[3] -= 100 * strength

    assert best_strength(case, model, case.data, (0.001, 1.0), change) == 1.0


@pytest.mark.parametrize(
    ("method", "where", "name"),
    [
        (unlearning.IU(), of_influence, "SHARES"),
        (unlearning.IUExact(rounds=2), of_influence, "PARTS"),
        (unlearning.SSD(strength=0.01), ssd, "SHARES"),
    ],
    ids=["IU", "IUExact", "SSD"],
)
def test_a_way_that_could_only_destroy_changes_nothing_and_says_so(
    case, monkeypatch, method, where, name
):
    monkeypatch.setattr(where, name, (0.97,) if where is ssd else (1e4,))
    result = method(case)
    assert (result["run"]["steps"][0], result["run"]["failed_at"][0]) == (0, -1)
    assert result["run"].notes == (UNCHANGED,)
    assert_weights(result, case.model, rtol=0)
    if "mask" in result:
        assert not result["mask"]["density"].any()


def test_the_row_of_the_scoreboard_says_that_nothing_was_changed(case, monkeypatch):
    monkeypatch.setattr(of_influence, "PARTS", (1e4,))
    method = unlearning.IUExact(rounds=2, damping=1e-3)
    assert run_of(method, case, lambda *_: None).note == UNCHANGED
