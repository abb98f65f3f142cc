"""A ticket is what the paper's loop gives: cut, rewound and trained again, level after level."""

import json
from dataclasses import replace
from shutil import copytree

import numpy as np
import pytest
import torch

from engine.core.errors import BadSetting, BlindspotError, Cancelled
from engine.sparsity import Lottery
from engine.sparsity.lth import levels as engine_levels
from engine.sparsity.lth.levels import ARMS, NEW_START, TicketPlan, random_masks, stops
from engine.sparsity.lth.lottery import claims, usual_level
from engine.sparsity.tickets.cut import full_masks, prune_smallest
from engine.vision.lab import Train, TrainCase
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import Recipe, Recorder, figures, fresh, loop, train
from engine.vision.training.state import state_file, unfinished
from engine.vision.weights.masks import masks_in
from tests.engine.vision.training.test_loop import striped

RECIPE = Recipe("mlp", epochs=4, batch=8, optimizer="Adam", rate=0.005, schedule="cosine")
NORMED = replace(RECIPE, architecture="resnet8", optimizer="SGD", rate=0.02, width=0.25)
CASE = TrainCase(striped(), RECIPE, 5)
INTERRUPTED = Lottery(levels=2, rewind=20.0, seeds=2)


@pytest.fixture(scope="module")
def uninterrupted():
    return INTERRUPTED(CASE)


def furthest(model, other):
    """The largest difference of two networks' weights and buffers."""
    a, b = model.network.state_dict(), other.network.state_dict()
    return max((a[name].double() - b[name].double()).abs().max().item() for name in a)


@pytest.mark.parametrize(
    ("recipe", "rewind"), [(RECIPE, 0.0), (RECIPE, 30.0), (replace(NORMED, epochs=2), 30.0)]
)
def test_each_level_is_the_rewound_network_cut_and_trained_by_itself(recipe, rewind):
    """Densities are exact, masks nested, and single trainings find the same."""
    case, share, data = replace(CASE, recipe=recipe), 0.3, CASE.data
    result = Lottery(share=share, levels=2, rewind=rewind, seeds=2)(case)
    steps = recipe.epochs * -(-len(data.rows("train")) // 8)
    start, kept_count, before = int(rewind / 100 * steps), 0, None
    record = Recorder((start,))
    train(fresh(data, recipe, case.seed), data, recipe, case.seed, recorder=record)
    begin = record.weights[start]
    theta = rebuilt(result["start"]).network.state_dict()
    assert all(torch.allclose(theta[name], begin[name], atol=1e-6) for name in begin)
    for level in range(3):
        ours = rebuilt(result["networks"][level])
        masks = masks_in(ours)
        kept_count = kept_count - round(share * kept_count) if level else masks.total
        assert masks.kept == kept_count == result["levels"]["weights"][level]
        assert result["levels"]["density"][level] == kept_count / masks.total
        alone = fresh(data, recipe, case.seed)
        if level:
            assert masks.digest == prune_smallest(before, masks_in(before), share).digest
            alone.network.load_state_dict(theta)
        train(alone, data, recipe, case.seed, masks=masks, start=start if level else 0)
        assert furthest(ours, alone) < 1e-5
        right = figures(alone, data)["test accuracy"]
        matching = (result["runs"]["level"] == level) & (result["runs"]["seed"] == case.seed)
        ticket_rows = matching & (np.array(result["runs"].rows) == "ticket")
        assert result["runs"]["accuracy"][ticket_rows][0] == pytest.approx(right, abs=1e-4)
        before = ours
    assert len(result["levels"]) == 3


def test_a_level_begins_with_the_kept_weights_bit_for_bit_and_zeros_elsewhere(monkeypatch):
    begun, real = [], engine_levels.train_stacked

    def watched(models, data, recipe, seeds, *, masks, **more):
        states = [{k: v.clone() for k, v in model.network.state_dict().items()} for model in models]
        recorder = more["recorder"]
        recorder.snapshots = (*recorder.snapshots, more["start"])
        log = real(models, data, recipe, seeds, masks=masks, **more)
        begun.append((states, recorder.weights[more["start"]], masks))
        return log

    monkeypatch.setattr(engine_levels, "train_stacked", watched)
    result = Lottery(levels=2, rewind=25.0, seeds=2)(replace(CASE, recipe=NORMED))
    theta = rebuilt(result["start"]).network.state_dict()
    assert any("running_mean" in name for name in theta)
    for level, (states, entered, masks) in enumerate(begun[1:], 1):
        for name, tensor in theta.items():
            assert torch.equal(states[0][name], tensor)  # BatchNorm's statistics too
            assert torch.equal(states[4][name], tensor)  # of the random mask
            initial_weight = entered[name][0]
            if name in masks[0]:
                is_kept = masks[0][name]
                assert torch.equal(initial_weight[is_kept], tensor[is_kept])
                assert not initial_weight[~is_kept].any()
                assert torch.equal(masks[2][name], is_kept)  # of the new start
                assert not torch.equal(states[2][name], tensor)
            elif not name.startswith("validation"):
                assert torch.equal(initial_weight, tensor)
        for place in range(2):
            ticket, chance = masks[place], masks[4 + place]
            assert np.array_equal(ticket.counts, chance.counts)
            assert level < 2 or chance.inside(begun[level - 1][2][4 + place])
            assert ticket.inside(begun[level - 1][2][place])


def test_without_levels_it_is_the_dense_training_of_each_seed():
    result = Lottery(levels=0, seeds=2)(CASE)
    for place, seed in enumerate((5, 6)):
        right = Train()(replace(CASE, seed=seed))["figures"]["test accuracy"]
        ours = result["runs"]["accuracy"].reshape(3, 2)
        assert ours[0, place] == pytest.approx(right, abs=1e-4)
        assert ours[2, place] == ours[0, place]  # there is nothing to draw
    assert furthest(rebuilt(result["networks"][0]), rebuilt(Train()(CASE)["model"])) < 1e-6
    restarted = fresh(CASE.data, CASE.recipe, 5 + NEW_START)
    train(restarted, CASE.data, CASE.recipe, 5)  # in the order of the ticket
    assert ours[1, 0] == pytest.approx(figures(restarted, CASE.data)["test accuracy"], abs=1e-4)
    assert result["levels"]["density"].tolist() == [1.0]
    assert "whole network is right" in Lottery().finding(CASE, result)
    assert not len(result["claims"])


def test_the_new_start_beside_a_ticket_has_its_masks_and_is_trained_in_its_order():
    result = Lottery(share=0.4, levels=1, seeds=2)(CASE)
    for level in (0, 1):
        ticket, restarted = (rebuilt(result[name][level]) for name in ("networks", "anew"))
        masks = masks_in(restarted)
        assert masks.digest == masks_in(ticket).digest
        alone = fresh(CASE.data, RECIPE, 5 + NEW_START)
        train(alone, CASE.data, RECIPE, 5, masks=masks)
        assert furthest(restarted, alone) < 1e-5
        assert furthest(restarted, ticket) > 1e-2
        assert f"new start of {100 * masks.density:.2g} %" in result["anew"].cards[level]
        right = result["runs"]["accuracy"].reshape(2, 3, 2)[level, 1, 0]
        card = json.loads(result["anew"].cards[level])
        assert card["figures"]["test accuracy"] == round(right, 4)
    bits = result["networks"].masks["fc1.weight"]
    assert bits.dtype == np.uint8
    assert bits.shape == (2, 128 * 64 // 8)  # one bit a weight


def test_what_would_take_too_much_room_or_cannot_be_is_said(monkeypatch):
    with pytest.raises(BadSetting, match=r"Put back to cannot be 120\.0; choose from 0 to 90 %"):
        Lottery(rewind=120.0)
    plan = TicketPlan(CASE, 0.2, 3, 0.9, 2, True, "x")
    assert plan.start == int(0.9 * plan.steps)
    assert replace(plan, case=replace(CASE, seed=2**32 - 1)).drawn == [2**32 - 1, 0]
    many = replace(plan, case=replace(CASE, recipe=replace(RECIPE, epochs=100)), rewind=0.0)
    assert many.looks == tuple(many.steps // 25 * look for look in range(1, 26))
    assert replace(plan, case=replace(CASE, recipe=Recipe("mlp", epochs=1, batch=512))).start == 0
    untested = replace(CASE.data, split=np.zeros(len(CASE.data), np.uint8))
    with pytest.raises(BlindspotError, match="no test images to measure with"):
        Lottery()(replace(CASE, data=untested))
    with pytest.raises(BlindspotError, match="against attacks"):
        Lottery()(replace(CASE, recipe=replace(RECIPE, epsilon=0.1)))
    size = sum(tensor.nbytes for tensor in fresh(CASE.data, RECIPE).network.state_dict().values())
    monkeypatch.setattr(engine_levels, "MOST_BYTES", 4 * size)
    assert len(Lottery(levels=1, seeds=1)(CASE)["anew"]) == 2
    with pytest.raises(BlindspotError, match="ask for fewer levels or a smaller network"):
        Lottery(levels=2, seeds=1)(CASE)


def test_where_nothing_is_cut_all_levels_are_the_same_to_the_bit():
    result = Lottery(share=0.0, levels=2, seeds=2)(CASE)
    first = result["networks"][0].digest
    assert [result["networks"][level].digest for level in (1, 2)] == [first, first]
    for name in ("accuracy", "early stop", "density"):
        by_level = result["runs"][name].reshape(3, -1)
        np.testing.assert_array_equal(by_level[1:], by_level[:1].repeat(2, 0))
    assert result["overlap"]["IoU"].tolist() == [1.0] * 3
    assert result["overlap"]["chance"].tolist() == [1.0] * 3


def test_the_head_is_left_whole_and_not_counted_where_it_is_not_cut():
    result = Lottery(share=0.5, levels=2, seeds=1, head=False)(CASE)
    masks = masks_in(rebuilt(result["networks"][2]))
    assert "head.weight" not in masks
    assert "head" not in result["layers"].order
    assert masks.total == full_masks(fresh(CASE.data, RECIPE), head=False).total
    assert len(result["overlap"]) == 0


def test_a_stopped_run_goes_on_with_the_level_under_way_to_the_same_answer(
    uninterrupted, monkeypatch, empty_home
):
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)
    reports, parts = [], []

    def stop(done, words="", partial=None):
        reports.append((done, words))
        parts.extend([partial] if partial else [])
        if done > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        INTERRUPTED(CASE, stop)
    assert reports[-1][1].startswith("level 1 of 2")
    assert [len(part["levels"]) for part in parts] == [1]
    assert [job.note["kind"] for job in unfinished()] == ["tickets"] * 2
    trained, again, real = [], [], engine_levels.train_stacked

    def counted(*given, **more):
        trained.append(more["start"])
        return real(*given, **more)

    monkeypatch.setattr(engine_levels, "train_stacked", counted)
    after = INTERRUPTED(CASE, lambda done, *_: again.append(done))
    assert len(trained) == 2  # level 0 is not trained again
    assert again[0] > reports[-1][0] - 1e-9  # nor the first half of level 1
    assert_same_arrays(after, uninterrupted)
    assert not list(state_file("").parent.glob("*.safetensors"))


def assert_same_arrays(answer, other):
    for name, view in other.items():
        for field, array in view.arrays().items():
            np.testing.assert_array_equal(answer[name].arrays()[field], array, err_msg=name)


def test_a_run_that_was_killed_goes_on_and_one_whose_levels_are_gone_says_so(
    uninterrupted, tmp_path, monkeypatch
):
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)

    def kill(done, *_):
        if done > 0.5:
            for gone in (False, True):  # before anything is written because of the end
                copytree(tmp_path / "home", tmp_path / f"copy {gone}")
            raise Cancelled

    with monkeypatch.context() as patch:
        patch.setenv("BLINDSPOT_HOME", str(tmp_path / "home"))
        patch.setattr(loop, "KEEP_SECONDS", -1.0)
        with pytest.raises(Cancelled):
            INTERRUPTED(CASE, kill)
    for gone in (False, True):
        monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path / f"copy {gone}"))
        (levels,) = state_file("").parent.glob("*-levels.safetensors")
        if gone:
            levels.unlink()  # as the state touched longest ago goes
        reports = []
        after = INTERRUPTED(CASE, lambda *given, reports=reports: reports.append(given))
        assert (reports[0][0] < 1 / 3) == gone
        assert ("no longer kept, so it begins with the first" in reports[0][1]) == gone
        assert_same_arrays(after, uninterrupted)


def test_a_level_that_would_empty_a_layer_ends_it_and_says_so():
    result = Lottery(share=0.9, levels=8, seeds=1)(CASE)
    levels = result["levels"]
    assert 1 < len(levels) < 9
    assert "nothing is left of" in levels.notes[-1]
    assert set(levels.notes[:-1]) == {""}
    assert levels.notes[-1] in Lottery().finding(CASE, result)
    assert len(result["networks"]) == len(levels)
    assert (result["layers"].values > 0).all()


def test_random_masks_keep_the_layers_densities_and_are_drawn_by_the_seed():
    model = fresh(CASE.data, RECIPE, 1)
    masks = prune_smallest(model, full_masks(model), 0.6)
    first, same, second = (random_masks(masks, seed) for seed in (3, 3, 4))
    assert np.array_equal(first.counts, masks.counts)
    assert (first.flat & masks.flat).sum() / masks.kept < 0.5
    assert first.digest == same.digest
    assert first.digest not in {second.digest, masks.digest}
    assert random_masks(prune_smallest(model, masks, 0.5), 3).inside(first)


def test_the_early_stop_is_the_first_lowest_validation_loss():
    loss = np.array([[[3.0]], [[1.0]], [[1.0]], [[2.0]]])
    assert stops(loss, (10, 20, 30, 40)).tolist() == [[20.0]]
    several = np.array([[[3.0, 1.0]], [[np.nan, 2.0]], [[1.0, 0.5]]])  # of one, a look is missing
    assert np.array_equal(stops(several, (5, 7, 11)), [[np.nan, 11]], equal_nan=True)


def test_claims_are_judged_seed_by_seed_over_the_levels_they_speak_of():
    result = Lottery(share=0.5, levels=5, seeds=3)(CASE)
    runs, levels = result["runs"], result["levels"]
    assert usual_level(levels) == 5  # 3.1 %
    assert set(runs["level"][(runs["density"] >= 0.03) & (runs["density"] <= 0.1)]) == {4.0, 5.0}
    right = runs["accuracy"].reshape(6, 3, 3)[4:].mean(0)  # (arms, seeds)
    margins = right[0] - right[1] - 0.02
    reached, first = result["claims"]["margin"][:2]
    assert first == pytest.approx(margins.mean())
    whole_network = runs["accuracy"].reshape(6, 3, 3)[0, 0]
    assert reached == pytest.approx((right[0] - whole_network + 0.01).mean())
    stop = runs["early stop"].reshape(6, 3, 3)[4:].mean((0, 2))
    assert claims(runs, 100)["margin"][3] == pytest.approx((stop[1] - stop[0]) / 100)
    swapped = runs.columns["accuracy"].reshape(6, 3, 3)[:, [1, 0, 2]].ravel()
    other = claims(replace(runs, columns=runs.columns | {"accuracy": swapped}), 100)
    assert other["margin"][1] == pytest.approx((right[1] - right[0]).mean() - 0.02)
    rows = np.arange(len(runs.rows))[::-1]  # a run of the whole network need not come first
    backwards = {name: column[rows] for name, column in runs.columns.items()}
    turned = replace(runs, columns=backwards, rows=tuple(runs.rows[row] for row in rows))
    assert claims(turned, 100)["margin"] == pytest.approx(claims(runs, 100)["margin"])
    for arm, kind in enumerate(ARMS):
        by_hand = runs["accuracy"].reshape(6, 3, 3)[:, arm]
        np.testing.assert_allclose(levels[kind], by_hand.mean(1))
        np.testing.assert_allclose(levels[f"{kind}, lowest"], by_hand.min(1))
        np.testing.assert_allclose(levels[f"{kind}, highest"], by_hand.max(1))
