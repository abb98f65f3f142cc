"""Forgetting a range of a number: figures by hand, Blindspot's loss, its limits, the claims."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import norm, wasserstein_distance

from engine.core.keeping.memory import Memory
from engine.core.method import quiet
from engine.evaluation.experiment import ExperimentCase
from engine.unlearning import RangeForgetting
from engine.unlearning.deep_regression import experiment as forget_range
from engine.unlearning.deep_regression import figures as number_figures
from engine.unlearning.deep_regression import numbers
from engine.unlearning.deep_regression.claims import (
    AIN,
    ATTACK,
    BLINDSPOT,
    CLAIMS,
    DISTANCE,
    FORGOTTEN,
    GAUSSIAN,
    MEMBERS,
    ORIGINAL,
    PAIRED,
    PROXY,
    RETAINED,
    RETRAINED,
    SECOND,
    TUNED,
)
from engine.unlearning.deep_regression.experiment import RECIPE
from engine.unlearning.deep_regression.figures import (
    densities,
    errors,
    held_out,
    membership,
    predicted_numbers,
    relearned,
    wasserstein,
)
from engine.vision import data as data_sets
from engine.vision.data.brain import FIELD
from engine.vision.training import Batch, absolute_error, fresh, loop, outputs, train
from tests import tiny
from tests.outcomes import OUTCOMES_HERE, margins_of, measured
from tests.refusals import assert_refused, reports_until_stopped


@pytest.fixture
def short(monkeypatch):
    """Trainings of two epochs, on a case of small squares."""
    monkeypatch.setattr(forget_range, "RECIPE", replace(RECIPE, epochs=2, shift=0, mirror=False))
    monkeypatch.setattr(forget_range, "AGAIN", 1)
    return ExperimentCase(tiny.squares(), 3)


def untrained(task, seed):
    return fresh(task.data, RECIPE, seed)


def by_hand(task, model, rows, recipe, seed, targets=None, objective=absolute_error):
    twin = model.twin()
    labels = task.targets if targets is None else targets
    train(twin, task.data, recipe, seed, rows=rows, objective=objective, targets=labels)
    return twin


def slow_loss(model, proxy, batch, gone, beta):
    share, loss = gone.float().mean().item(), 0.0

    def maps_of(network, pixels):
        result, maps = [], (pixels - network.mean) / network.std
        maps = maps.mean(1, keepdim=True)
        for layer in network.network.body:
            maps = layer(maps)
            result.append(maps)
        return result

    predictions = model(batch.pixels)[:, 0]
    if gone.any():
        number = (predictions[gone] - proxy(batch.pixels[gone])[:, 0]).abs().mean()
        attention, pairs = 0.0, map(maps_of, (model, proxy), [batch.pixels[gone]] * 2)
        for ours, theirs in zip(*pairs, strict=True):
            for image_maps in zip(ours, theirs, strict=True):
                a, b = ((maps**2).mean(0).flatten() for maps in image_maps)
                attention += ((a / a.norm() - b / b.norm()) ** 2).mean() / len(ours)
        loss += share * (number + beta * attention)
    if not gone.all():
        loss += (1 - share) * (predictions[~gone] - batch.targets[~gone, 0]).abs().mean()
    return float(loss)


@pytest.fixture(scope="module")
def task():
    return numbers.band_task(tiny.squares(), numbers.LARGEST, 0.3)


@pytest.mark.parametrize("places", [range(12), [0, 1], [0, 5, 9]])
@pytest.mark.parametrize("beta", [0.0, 50.0])
def test_blindspot_s_loss_is_that_of_a_slow_sum(places, beta, task):
    rows = task.data.rows("train")[list(places)]
    model, proxy = (untrained(task, seed) for seed in (0, 1))
    model.train()
    for layer in (*model.network.body, *proxy.network.body):
        layer[1].eval()  # norms use the same statistics in the pieces as in the whole
    batch = Batch(rows, task.data.pixels(rows), torch.from_numpy(task.targets[rows])[:, None])
    loss = numbers.ProxyLoss(proxy, torch.from_numpy(task.forgotten), beta)
    with torch.no_grad():
        slow = slow_loss(model, proxy, batch, torch.from_numpy(task.forgotten[rows]), beta)
        assert loss(model, batch).item() == pytest.approx(slow, rel=1e-5)


def test_attention_is_squared_averaged_over_channels_and_normalized_within_each_image():
    maps = torch.tensor([[[[3.0, 0.0]], [[0.0, 4.0]]], [[[0.0, 0.0]], [[2.0, 0.0]]]])
    expected = torch.tensor([[4.5, 8.0], [2.0, 0.0]])
    expected = expected / expected.norm(dim=1, keepdim=True)
    assert numbers.attention(maps).tolist() == [pytest.approx(row) for row in expected.tolist()]


def test_the_proxy_stays_as_it_is_and_in_eval_mode(task):
    model, proxy = (untrained(task, seed) for seed in (0, 1))
    proxy.train().requires_grad_(True)
    loss = numbers.ProxyLoss(proxy, torch.from_numpy(task.forgotten), 50.0)
    before = {name: tensor.clone() for name, tensor in proxy.state_dict().items()}
    modes = []
    proxy.register_forward_hook(lambda net, *_: modes.append((net.training, net.network.training)))
    recipe = numbers.further(replace(RECIPE, shift=0, mirror=False), 1)
    trained = by_hand(task, model, task.data.rows("train"), recipe, 0, objective=loss)
    assert set(modes) == {(False, False)}
    assert not any(weight.requires_grad for weight in proxy.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in proxy.state_dict().items())
    assert not torch.equal(trained.network.head.weight, model.network.head.weight)


def test_drawn_targets_have_the_spread_of_all_training_targets_and_only_the_band_has_them():
    task = numbers.band_task(tiny.squares(count=4000), numbers.LARGEST, 0.2)
    drawn = numbers.noisy_targets(task, 0)
    learned = task.targets[task.data.rows("train")]
    rows = task.rows("train", forgotten=True)
    others = np.setdiff1d(np.arange(len(task.data)), rows)
    assert (drawn[others] == task.targets[others]).all()
    assert drawn[rows].mean() == pytest.approx(learned.mean(), abs=0.2 * float(learned.std()))
    assert drawn[rows].std() == pytest.approx(learned.std(), rel=0.12)
    assert task.targets[rows].std() < 0.6 * learned.std()  # the band's own spread is another
    assert (drawn == numbers.noisy_targets(task, 0)).all()
    assert (drawn != numbers.noisy_targets(task, 1)).any()


@pytest.mark.parametrize(("end", "share"), [(numbers.LARGEST, 0.3), (numbers.SMALLEST, 0.2)])
def test_the_band_is_an_end_of_the_training_areas_in_cm2(end, share):
    data = tiny.squares()
    task = numbers.band_task(data, end, share)
    masks = data.truth["mask"].sum((1, 2))
    assert (data.ids[masks > 0] == task.data.ids).all()
    assert task.targets == pytest.approx(masks[masks > 0] * (FIELD / 10 / 16) ** 2)
    rows = task.data.rows("train")
    gone = task.targets[task.rows("train", forgotten=True)]
    stays = task.targets[task.rows("train", forgotten=False)]
    assert abs(len(gone) / len(rows) - share) < 0.15  # squares of one size go together
    assert gone.min() > stays.max() if end == numbers.LARGEST else gone.max() < stays.min()
    ends = (gone.min(), task.targets.max()) if end == numbers.LARGEST else (0, gone.max())
    assert (task.low, task.high) == pytest.approx(ends)


def test_data_without_masks_or_with_too_few_lesions_are_refused_in_a_sentence(task):
    data = tiny.squares()
    is_moved = np.isin(data.ids, task.data.ids[task.rows("validation", forgotten=True)[2:]])
    moved = replace(data, split=np.where(is_moved, 0, data.split).astype(np.uint8))
    without = replace(data, truth={"mask": np.zeros((96, 16, 16), bool)})
    for refused, share, words in (
        (tiny.columns(8, ("a", "b")), 0.3, "no masks of lesions"),
        (tiny.squares(count=24), 0.1, "At least 4 training images must be forgotten"),
        (moved, 0.3, "At least 4 validation images must be forgotten"),
        (without, 0.3, "no image with a lesion"),
        (replace(data, classes=("none", "diffuse")), 0.3, "no image with a lesion"),
    ):
        assert_refused(words, numbers.band_task, refused, numbers.LARGEST, share)


def test_the_distance_is_scipy_s_and_a_density_is_that_of_gaussians():
    rng = np.random.default_rng(0)
    sample, other = rng.normal(size=57), rng.gamma(2.0, size=57)
    assert wasserstein(sample, other) == pytest.approx(wasserstein_distance(sample, other))
    assert wasserstein(sample, rng.permutation(sample)) == 0
    sample = np.random.default_rng(0).normal(5, 2, 60)
    table = densities({"a": sample, "b": sample + 1}, "cm²")
    width = 1.06 * sample.std() * 60**-0.2
    places = table["prediction"]
    expected = norm.pdf(places[:, None], sample, width).mean(1)
    assert table["a"] == pytest.approx(expected)
    assert np.trapezoid(table["b"], places) == pytest.approx(1, abs=0.01)
    assert table.units == ("cm²", "1/cm²", "1/cm²")


def test_an_attacker_finds_what_is_known_by_heart_and_not_the_band_itself(monkeypatch):
    task = numbers.band_task(tiny.squares(count=800), numbers.LARGEST, 0.3)
    rows, losses = task.data.rows("train"), np.zeros(len(task.data))
    losses[task.data.rows("test")] = np.linspace(2, 3, len(task.data.rows("test")))
    monkeypatch.setattr(number_figures, "errors", lambda _model, _task, some: losses[some])
    assert membership(None, task, 0) == (1.0, 1.0)
    losses[rows[task.forgotten[rows]]] = 2.5  # forgotten images look like those never seen
    assert membership(None, task, 0) == (0.0, 1.0)
    losses[:] = np.random.default_rng(0).normal(1, 0.1, len(losses))
    assert abs(membership(None, task, 0)[1] - 0.5) < 0.15
    losses = np.where(task.forgotten, 5.0, 1.0)  # wrong in the band, and alike elsewhere
    assert membership(None, task, 0)[1] == 0.5


def test_learning_again_ends_at_the_goal_and_at_the_most_epochs(task, monkeypatch):
    model = untrained(task, 0)
    recipe = replace(numbers.further(RECIPE, 2), rate=0.01)
    batches = 2 * -(-len(task.data.rows("train")) // recipe.batch)
    before = model.network.head.weight.clone()
    now = errors(model, task, held_out(task)).mean()
    assert relearned(model, task, recipe, 0, now, quiet) == (0, True)
    assert relearned(model, task, recipe, 0, 0.0, quiet) == (batches, False)  # all there are
    assert torch.equal(before, model.network.head.weight)
    falling = iter((3.0, 2.0, 1.0, 0.0))  # at first, and after each step
    monkeypatch.setattr(number_figures, "errors", lambda *_: np.array([next(falling)]))
    assert relearned(model, task, recipe, 0, 1.5, quiet) == (2, True)


def test_every_figure_is_that_of_networks_trained_and_asked_by_hand(short, monkeypatch):
    longer = replace(forget_range.RECIPE, epochs=8)
    changed = {"RECIPE": longer, "AGAIN": 20, "SLACK": 1.0, "REFERENCES": Memory(2)}
    for name, value in changed.items():  # so that the retrained network gets there, after a while
        monkeypatch.setattr(forget_range, name, value)
    method = RangeForgetting(seeds=1, share=0.3, proxy=1)
    result = method(short)["table"]
    recipe, seed = forget_range.RECIPE, short.seed + 10
    task = numbers.band_task(short.data, numbers.LARGEST, 0.3)
    data, everything = task.data, task.data.rows("train")
    stays, gone = (task.rows("train", forgotten=side) for side in (False, True))
    first, on = fresh(data, recipe, seed), numbers.further(recipe, 1)
    original = by_hand(task, first, everything, recipe, seed)
    nets = {RETRAINED: by_hand(task, first, stays, recipe, seed), ORIGINAL: original}
    nets[TUNED] = by_hand(task, original, stays, replace(on, epochs=5), seed)
    noise = numbers.noisy_targets(task, seed)
    nets[GAUSSIAN] = by_hand(task, original, everything, on, seed, noise)
    little = replace(recipe, epochs=1, batch=8)
    proxy, other = seed + 1_000_003, seed + 2_000_003
    nets[PROXY] = by_hand(task, fresh(data, recipe, proxy), stays, little, proxy)
    nets[SECOND] = by_hand(task, fresh(data, recipe, other), stays, recipe, other)
    loss = numbers.ProxyLoss(nets[PROXY].twin(), torch.from_numpy(task.forgotten), 50.0)
    nets[BLINDSPOT] = by_hand(task, original, everything, on, seed, objective=loss)

    def said(name, rows):
        return outputs(nets[name], data, rows)[:, 0].double().numpy()

    def error(name, rows):
        return abs(said(name, rows) - task.targets[rows]).mean()

    band_rows = task.rows("validation", forgotten=True)
    goal = error(ORIGINAL, band_rows)
    again = replace(recipe, epochs=forget_range.AGAIN, rate=0.01, schedule="constant")
    steps = {name: relearned(net, task, again, seed, goal, quiet)[0] for name, net in nets.items()}
    for name, net in nets.items():
        predicted, retrained_answers = said(name, gone), said(RETRAINED, gone)
        members, right = membership(net, task, seed)
        expected = {
            DISTANCE: wasserstein_distance(predicted, retrained_answers),
            PAIRED: abs(predicted - retrained_answers).mean(),
            RETAINED: error(name, task.rows("test", forgotten=False)),
            FORGOTTEN: error(name, task.rows("test", forgotten=True)),
            MEMBERS: members,
            ATTACK: right,
            AIN: steps[name] / steps[RETRAINED],
        }
        ours = {measure: result.cell(name, measure) for measure in expected}
        assert ours == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert len({round(result.cell(name, DISTANCE), 6) for name in nets}) == len(nets)
    assert set(result.rows) == set(nets)
    assert len(set(steps.values())) > 2
    units = dict(zip(result.order, result.units, strict=True))
    assert (units[RETAINED], units[f"{RETAINED} (sd)"], units[AIN]) == ("cm²", "cm²", "share")


def test_without_a_retrained_network_that_gets_there_there_is_no_ain(short, monkeypatch):
    monkeypatch.setattr(forget_range, "REFERENCES", Memory(2))
    monkeypatch.setattr(forget_range, "SLACK", 0.0)
    method = RangeForgetting()
    training = method.conditions(short)[ORIGINAL]
    reference = method.reference(training, quiet)
    assert np.isnan(reference.steps)
    figures = method.measured(ORIGINAL, reference.original, training, quiet)
    assert [name for name, value in figures.items() if np.isnan(value)] == [AIN]


def test_stop_is_heard_while_the_proxy_learns_and_while_the_band_is_learned_again(
    short, monkeypatch
):
    monkeypatch.setattr(forget_range, "PROXIES", Memory(2))
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)
    method = RangeForgetting(proxy=1)
    training = method.conditions(short)[ORIGINAL]
    reference = method.reference(training, quiet)

    reports_until_stopped(partial(method.proxy_network, training, reference.task))
    worst = replace(reference, goal=0.0, steps=1.0)
    monkeypatch.setattr(RangeForgetting, "reference", lambda *_: worst)
    reports_until_stopped(partial(method.measured, ORIGINAL, reference.original, training))


def test_the_views_are_those_of_the_first_seed(short):
    method = RangeForgetting(seeds=2, epochs=1, proxy=2)
    result = method(short)
    task = numbers.band_task(short.data, method.end, method.share)
    model = method.network(BLINDSPOT, method.conditions(short)[BLINDSPOT], quiet)
    tested, gone = task.data.rows("test"), task.rows("train", forgotten=True)
    assert result["predictions"]["area"] == pytest.approx(task.targets[tested])
    for view, rows in (("predictions", tested), ("forgotten", gone)):
        expected = predicted_numbers(model, task, rows)
        assert result[view][BLINDSPOT] == pytest.approx(expected, rel=1e-5)
    assert result["band"].values.tolist() == pytest.approx([task.low, task.high])


def test_the_picture_goes_from_small_to_large_and_outlines_each_lesion():
    case = ExperimentCase(tiny.squares())
    picture = RangeForgetting().picture(case)
    assert picture.columns[::7] == ("1: stays", "8: forgotten")
    areas = [float(words.split()[0]) for words in picture.captions[8:]]
    assert areas == sorted(areas)
    drawn = (picture.images[1] != picture.images[0]).any(-1)
    assert drawn.any((1, 2)).all()
    smallest = RangeForgetting(end=numbers.SMALLEST).picture(case)
    assert smallest.columns[0] == "1: forgotten"


def test_figures_as_in_the_paper_make_every_claim_hold_and_noise_makes_it_fail():
    paper = {
        ORIGINAL: {DISTANCE: 2.99, PAIRED: 3.0, RETAINED: 9.33, AIN: 0.0},
        TUNED: {DISTANCE: 1.62, PAIRED: 2.0, RETAINED: 9.79, AIN: 0.007},
        GAUSSIAN: {DISTANCE: 2.33, PAIRED: 2.6, RETAINED: 9.81, AIN: 0.010},
        BLINDSPOT: {DISTANCE: 1.15, PAIRED: 1.9, RETAINED: 9.98, AIN: 0.333},
    }
    expected = [0.5 - 1.15 / 2.99, 1.18 / 2.99, 1.15 - 9.98 / 9.33, 0.7 / 3, 0.323]
    assert margins_of(CLAIMS, paper) == pytest.approx(expected)
    noise = paper | {BLINDSPOT: {DISTANCE: 6.0, PAIRED: 8.0, RETAINED: 14.0, AIN: 0.0}}
    assert max(margins_of(CLAIMS, noise)) < 0


@pytest.mark.slow
def test_with_the_retrained_network_as_proxy_and_no_attention_blindspot_comes_near_it():
    case = ExperimentCase(data_sets.load(RangeForgetting.data[0]))
    method = RangeForgetting()
    reference = method.reference(method.conditions(case)[BLINDSPOT], quiet)
    task = reference.task
    loss = numbers.ProxyLoss(reference.retrained, torch.from_numpy(task.forgotten), 0.0)
    rows, recipe = task.data.rows("train"), numbers.further(RECIPE, 1)
    model = numbers.taught(reference.original, task, rows, recipe, case.seed, objective=loss)
    gone = task.rows("train", forgotten=True)
    expected = predicted_numbers(reference.retrained, task, gone)
    before = wasserstein(predicted_numbers(reference.original, task, gone), expected)
    assert wasserstein(predicted_numbers(model, task, gone), expected) < 0.3 * before


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_what_the_paper_claims_is_measured_with_three_seeds(measure):
    method = RangeForgetting()
    where = f"a range of a number, {method.end} {method.share:.0%}"
    table = measured(measure, method, where, OUTCOMES_HERE)["table"]
    assert table.cell(RETRAINED, DISTANCE) == 0
    assert table.cell(RETRAINED, FORGOTTEN) > 1.5 * table.cell(ORIGINAL, FORGOTTEN)
    assert table.cell(RETRAINED, RETAINED) < 1.15 * table.cell(ORIGINAL, RETAINED)
