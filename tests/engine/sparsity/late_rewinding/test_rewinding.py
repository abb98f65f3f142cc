"""Tickets from a step of a training: each figure is that of trainings made by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.core.errors import BlindspotError, Cancelled
from engine.core.result import Table
from engine.core.run import answer
from engine.sparsity import Rewinding, prunable_parts
from engine.sparsity.late_rewinding import between, rewinding
from engine.sparsity.late_rewinding.rewinds import OTHER_ORDER, Rewinds, one_after_another
from engine.vision.lab import TrainCase
from engine.vision.training import Recipe, Recorder, fresh, train
from tests.engine.sparsity.cases import calls_of
from tests.engine.vision.training.test_loop import striped

MLP = TrainCase(striped(60), Recipe("mlp", epochs=3, batch=8, rate=0.1), 4)  # 15 steps
RESNET = replace(MLP, recipe=Recipe("resnet8", epochs=2, batch=12, rate=0.1, width=0.25))
SOME = Rewinding(density=0.2, points=4, seeds=1)  # steps 0, 1, 2 and 15 of 15


@pytest.fixture(scope="module", autouse=True)
def coarse():
    """A plane of few nodes: each is an evaluation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rewinding, "nodes", 4)
        yield


@pytest.fixture(scope="module")
def evaluated_steps():
    """Of each rewind step: the steps at which the dense network and the ticket were evaluated."""
    return []


@pytest.fixture(scope="module")
def result(evaluated_steps):
    def watched(rewinds, dense, step, ticket):
        evaluated_steps.append((step, set(dense), set(ticket)))
        return usual(rewinds, dense, step, ticket)

    usual = rewinding.touched
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rewinding, "touched", watched)
        return SOME(MLP)


def rewinds(case, density=0.2, levels=1):
    return Rewinds(case, density, levels, one_after_another(lambda *_: None, 99))


def by_hand(case, start=0, weights=None, masks=None, seed=None, keep=()):
    """A network trained from a step, and its weights after some others."""
    model, recorder = fresh(case.data, case.recipe, case.seed), Recorder(keep)
    if weights is not None:
        model.network.load_state_dict(weights)
    seed = case.seed if seed is None else seed
    train(model, case.data, case.recipe, seed, start=start, masks=masks or {}, recorder=recorder)
    return model, recorder.weights


def largest(model, share):
    """Masks of that share of all weights, the largest ones, written plainly."""
    sizes = {p.name: model.network.state_dict()[p.name].abs() for p in prunable_parts(model)}
    ordered = torch.cat([size.ravel() for size in sizes.values()]).sort(descending=True).values
    least = ordered[round(share * len(ordered)) - 1]
    return {name: size >= least for name, size in sizes.items()}


def right(model, case):
    rows = case.data.rows("test")
    with torch.no_grad():
        predictions = model(case.data.pixels(rows)).argmax(1)
    return (predictions == case.data.targets(rows)).float().mean().item()


def difference(model, other, masks):
    """Length of the difference where the masks are true, and the angle."""
    a, b = (
        torch.cat([m.network.state_dict()[name].double()[mask] for name, mask in masks.items()])
        for m in (model, other)
    )
    cosine = (a @ b / a.norm() / b.norm()).clamp(-1, 1)
    return (a - b).norm().item(), torch.rad2deg(torch.acos(cosine)).item()


def test_every_figure_is_that_of_trainings_by_hand(result):
    table = result["runs"]
    whole, saved = by_hand(MLP, keep=(1, 2))
    for row, step in (("6.67 %", 1), ("13.3 %", 2)):
        dense, _ = by_hand(MLP, step, saved[step])
        masks = largest(dense, 0.2)
        ticket, _ = by_hand(MLP, step, saved[step], masks)
        other, _ = by_hand(MLP, step, saved[step], masks, MLP.seed + OTHER_ORDER)
        figures = dict(zip(table.order, table.values[table.rows.index(row)], strict=True))
        assert figures["step"] == step
        assert figures["dense"] == pytest.approx(right(dense, MLP))
        assert figures["ticket"] == pytest.approx(right(ticket, MLP))
        for what, pair in (("pruning", (dense, ticket)), ("order", (ticket, other))):
            distance, angle = difference(*pair, masks)
            assert figures[f"{what} distance"] == pytest.approx(distance, rel=1e-6)
            assert figures[f"{what} angle"] == pytest.approx(angle, rel=1e-5)
            assert distance > 0.01
    assert table.cell("0 %", "dense") == pytest.approx(right(whole, MLP))


@pytest.mark.parametrize(("case", "levels"), [(MLP, 1), (MLP, 2), (RESNET, 1)])
def test_rewound_to_the_end_the_ticket_is_the_dense_network_pruned(case, levels, result):
    is_fixture_case = case is MLP and levels == 1
    table = (result if is_fixture_case else replace(SOME, levels=levels)(case))["runs"]
    figures = dict(zip(table.order, table.values[-1], strict=True))
    assert figures["rewound to"] == 1
    unmoved = [name for name in figures if "distance" in name or "angle" in name]
    assert [figures[name] for name in (*unmoved, "barrier")] == [0.0] * 9
    dense, _ = by_hand(case)
    if levels == 1:
        for name, mask in largest(dense, 0.2).items():
            dense.network.state_dict()[name].mul_(mask)
    assert figures["ticket" if levels == 1 else "dense"] == pytest.approx(right(dense, case))


def test_two_tickets_in_one_order_are_the_same_to_the_bit_and_in_another_order_not():
    trained = rewinds(RESNET)
    start = trained.first()
    masks = trained.found(0, start, trained.train(0, start)[trained.steps])
    first, second = (trained.train(3, start, masks)[trained.steps] for _ in range(2))
    other = trained.train(3, start, masks, other_order=True)[trained.steps]
    assert between.distance_and_angle(first, second, masks) == (0.0, 0.0)
    assert min(between.distance_and_angle(first, other, masks)) > 0


def test_a_ticket_of_several_levels_is_cut_each_time_in_a_ticket_trained_from_the_same_weights():
    trained = rewinds(MLP, levels=2)
    _, saved = by_hand(MLP, keep=(2,))
    dense, _ = by_hand(MLP, 2, saved[2])
    masks = trained.found(2, saved[2], trained.train(2, saved[2])[trained.steps])
    second = largest(by_hand(MLP, 2, saved[2], largest(dense, 0.2**0.5))[0], 0.2)
    assert all(torch.equal(masks[name], mask) for name, mask in second.items())
    assert not all(torch.equal(masks[name], mask) for name, mask in largest(dense, 0.2).items())


def surroundings(case, rows=None):
    rows = case.data.rows("test") if rows is None else rows
    return between.Surroundings(fresh(case.data, case.recipe).eval(), case.data, rows)


def test_the_ends_of_the_line_have_the_errors_of_the_two_tickets(result):
    trained = rewinds(MLP)
    start = trained.first()
    masks = trained.found(0, start, trained.train(0, start)[trained.steps])
    ends = [
        trained.train(0, start, masks, other_order=reordered)[trained.steps]
        for reordered in (False, True)
    ]
    line = surroundings(MLP).line(*ends)
    assert line.shape == (between.ALPHAS, 2)
    assert line[[0, -1], 1] == pytest.approx([1 - trained.accuracy(end) for end in ends])
    errors = result["barrier"]["0 %"]
    assert errors == pytest.approx(line[:, 1])
    expected = errors.max() - errors[[0, -1]].mean()
    assert result["runs"].cell("0 %", "barrier") == pytest.approx(expected)
    middle = {k: ends[0][k] + 10 / 29 * (ends[1][k] - ends[0][k]) for k in ends[0]}
    assert line[10, 1] == pytest.approx(1 - trained.accuracy(middle))


def test_the_ends_have_statistics_of_training_images_where_there_is_batch_norm():
    case = RESNET
    model, _ = by_hand(case)
    weights = model.network.state_dict()
    expected = fresh(case.data, case.recipe)
    expected.network.load_state_dict(weights)
    for module in expected.network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0  # what is counted is that of the one batch
    expected.train()
    with torch.no_grad():
        expected(case.data.pixels(case.data.rows("train")))
    expected.eval()
    line = surroundings(case).line(weights, weights)
    assert line[:, 1] == pytest.approx(1 - right(expected, case))
    assert between.barrier(line[:, 1]) == 0


def test_counting_statistics_changes_nothing_else():
    model, _ = by_hand(RESNET)
    before = {k: tensor.clone() for k, tensor in model.network.state_dict().items()}
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    usual = [layer.momentum for layer in norms]
    between.count_statistics(model, RESNET.data)
    after = model.network.state_dict()
    changed = {k.rpartition(".")[2] for k in after if not torch.equal(after[k], before[k])}
    assert "running_mean" in changed
    assert changed <= {"running_mean", "running_var", "num_batches_tracked"}
    assert [layer.momentum for layer in norms] == usual
    assert not any(module.training for module in model.modules())


def test_the_plane_holds_three_networks_at_their_distances_unless_they_lie_on_a_line():
    start = rewinds(MLP).first()
    ends = [by_hand(MLP, seed=seed)[0].network.state_dict() for seed in (1, 2)]
    around = surroundings(MLP)
    views = around.plane(start, *ends, 4)
    places = views["arms"].places.astype(float)  # one, start, other
    flat = [around.flat(state) for state in (ends[0], start, ends[1])]
    for at, other in ((0, 1), (1, 2), (0, 2)):
        assert np.linalg.norm(places[at] - places[other]) == pytest.approx(
            (flat[at] - flat[other]).norm().item(), rel=1e-5
        )
    expected = [around.at(w)[0] for w in (ends[0], start, ends[1])]
    assert views["arms"].values == pytest.approx(expected)
    assert views["way"].values[[0, -1]] == pytest.approx(views["arms"].values[[0, 2]])
    plane = views["plane"]
    across = (flat[0] - flat[1]) / places[0, 0]
    upward = (flat[2] - flat[1] - places[2, 0] * across) / places[2, 1]
    row = flat[1] + float(plane.x[2]) * across + float(plane.y[1]) * upward
    assert plane.values[1, 2] == pytest.approx(around.loss(row), rel=1e-4)
    assert plane.x[0] < 0 < places[:, 0].max() < plane.x[-1]
    start, end = (fresh(MLP.data, MLP.recipe, seed).network.state_dict() for seed in (0, 1))
    assert surroundings(MLP).plane(start, end, end, 4) == {}
    assert surroundings(MLP).plane(start, start, end, 4) == {}


def test_images_are_counted_until_an_accuracy_is_first_reached():
    trained = rewinds(MLP, levels=2)  # 36 images in batches of 8, 7, 7, 7, 7
    assert [trained.shown(step) for step in (0, 1, 2, 5, 6, 15)] == [0, 8, 15, 36, 44, 108]
    dense, ticket = {1: 0.3, 5: 0.55, 6: 0.5, 15: 0.91}, {2: 0.1, 5: 0.7, 15: 0.7}
    table = rewinding.touched(trained, dense, 2, ticket)
    reached = [[level, 108, 21, 15 + 2 * 93 + 21] for level in (0.6, 0.7)]
    missed = [[level, 108, np.nan, np.nan] for level in (0.8, 0.9)]
    np.testing.assert_array_equal(table[:5], [[0.5, 36, 21, 15 + 2 * 93 + 21], *reached, *missed])
    assert np.isnan(table[5:, 1:]).all()


@pytest.mark.usefixtures("result")
def test_the_dense_network_and_every_ticket_are_looked_at_after_the_same_steps(evaluated_steps):
    assert [step for step, _, _ in evaluated_steps] == [0, 1, 2, 15]
    for step, dense, ticket in evaluated_steps:
        assert ticket == {moment for moment in dense if moment >= step}
        assert {0, 1, 2, 15} <= dense


def test_several_seeds_are_those_alone_with_their_means(result):
    both = replace(SOME, seeds=2)(MLP)
    alone = [result, SOME(replace(MLP, seed=5))]
    expected = np.concatenate([single["runs"].values for single in alone])
    np.testing.assert_array_equal(both["runs"].values, expected)
    assert both["runs"]["seed"].tolist() == [4] * 4 + [5] * 4
    ticket = np.stack([single["runs"]["ticket"] for single in alone])
    table = both["rewinding"]
    assert table["ticket"] == pytest.approx(ticket.mean(0))
    assert table["lowest ticket"] == pytest.approx(ticket.min(0))
    assert table["highest ticket"] == pytest.approx(ticket.max(0))
    errors = np.mean([single["barrier"].values for single in alone], 0)
    assert both["barrier"].values == pytest.approx(errors)
    np.testing.assert_array_equal(both["plane"].values, alone[0]["plane"].values)
    assert set(both["claims"]["outcome"]) <= {-1, 0, 1}
    assert alone[0]["claims"]["outcome"].tolist() == [0, 0, 0]  # one seed decides nothing


def run_of(ticket, pruning, order, random):
    """Figures of one seed at 0, 0.5, 2, 10 and 100 %."""
    names = ("rewound to", "ticket", "pruning distance", "order distance")
    columns = [0, 0.005, 0.02, 0.1, 1], ticket, pruning, order, random
    named = zip((*names, "pruning distance, random"), columns, strict=True)
    return Table.of({name: (np.array(values, float), "") for name, values in named})


def test_a_margin_is_how_far_the_figures_are_on_the_claims_side():
    good = run_of([0.8, 0.9, 0.92, 0.94, 0.5], [4, 3, 2, 1, 0], [4, 3, 2, 1, 0], [3, 3, 4, 4, 0])
    assert rewinding.margins(good) == pytest.approx([0.12, 0.3, 0.5])  # 0.5 % is no late point
    bad = run_of([0.8, 0.7, 0.8, 0.8, 0.5], [4, 3, 2, 1, 0], [1, 2, 3, 4, 0], [3, 3, 4, 0.5, 0])
    assert rewinding.margins(bad) == pytest.approx([-1 / 30, -1.7, -1])


def test_the_sentence_names_the_best_late_ticket_and_how_many_claims_hold(result):
    table = result["rewinding"]
    right, best = table["ticket"], 1 + int(table["ticket"][1:3].argmax())
    words = SOME.finding(MLP, result)
    assert f"on {100 * right[0]:.1f} % of test images from the first weights" in words
    assert f"at best on {100 * right[best]:.1f} % when rewound to {table.rows[best]} of" in words
    assert f"dense network on {100 * table['dense'][0]:.1f} %" in words
    assert words.endswith("0 of 3 claims hold here, 3 undecided (1 seed).")


def test_what_cannot_be_rewound_is_refused_in_a_sentence():
    short_case = replace(MLP, recipe=replace(MLP.recipe, epochs=1))
    with pytest.raises(BlindspotError, match="choose 2 epochs or more"):
        SOME(short_case)
    with pytest.raises(BlindspotError, match="15 steps: it cannot be rewound to step 16"):
        rewinds(MLP).train(16, rewinds(MLP).first())
    unseen = replace(MLP, data=replace(MLP.data, split=MLP.data.split % 2))
    with pytest.raises(BlindspotError, match="no test images"):
        SOME(unseen)
    with pytest.raises(BlindspotError, match="nothing is left of"):
        Rewinding(density=0.01, points=4, seeds=1)(RESNET)


def test_a_seed_that_is_done_is_not_trained_again_after_a_stop(monkeypatch, empty_home):
    case, usual = replace(MLP, seed=77), Rewinding.one_seed

    def stopped(self, seed_case, progress):
        if seed_case.seed == 78:
            raise Cancelled("enough")
        return usual(self, seed_case, progress)

    monkeypatch.setattr(Rewinding, "one_seed", stopped)
    with pytest.raises(Cancelled):
        answer(replace(SOME, seeds=2), case)
    monkeypatch.setattr(Rewinding, "one_seed", usual)
    calls = calls_of(monkeypatch, Rewinding, "one_seed")
    resumed = answer(replace(SOME, seeds=2), case)
    assert [seed_case.seed for _, seed_case, _ in calls] == [78]
    assert resumed["runs"]["seed"].tolist() == [77] * 4 + [78] * 4
