"""Reprogramming: heads, prompts and bound classes by hand; sources stay as they are."""

from dataclasses import replace
from functools import cache
from importlib import import_module
from itertools import product
from math import cos, pi
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.core.errors import BlindspotError, DoesNotFit
from engine.core.run import answer
from engine.evaluation.experiment import (
    HOLDS,
    NOT_HERE,
    UNDECIDED,
    ExperimentCase,
    SeedFigures,
    judge_claims,
    trained_model,
)
from engine.evaluation.measures.calibration import calibration
from engine.sparsity import Reprogram
from engine.sparsity.reprogram import experiment as reprogram
from engine.sparsity.reprogram import reprogrammed
from engine.sparsity.reprogram.claims import (
    BARE,
    CLAIMS,
    DENSE,
    LP,
    LP_COOLED,
    LP_ERROR,
    LP_FEW,
    SOURCE,
    TICKET_SHARES,
    TICKETS,
    VP,
    VP_ERROR,
    VP_FEW,
)
from engine.sparsity.reprogram.experiment import AGAIN, ONCE, RANDOM, Ticket, few_of_each, sureness
from engine.vision import data as data_sets
from engine.vision.training import Recipe, fresh, outputs, train
from engine.vision.weights.masks import masks_in
from tests import tiny
from tests.engine.anomaly import outcomes
from tests.engine.sparsity.cases import small_case

SHORT = Recipe("lenet", epochs=1, width=0.5)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Sources that learn for one epoch."""
    monkeypatch.setattr(Reprogram, "recipe", SHORT)


@cache
def resnet():
    """A source with BatchNorm that has learned a little; no test changes it."""
    data = data_sets.load("bars:count=190")
    recipe = Recipe("resnet8", epochs=1, width=0.25)
    model = fresh(data, recipe, 1)
    train(model, data, recipe, 1)
    return model


def sources_by_hand(seed):
    """The dense network and its tickets; each level cuts the smallest of what is left."""
    data = data_sets.load("bars")
    result, keep = [], {}
    for share in (*TICKET_SHARES, None):
        model = fresh(data, SHORT, seed)
        train(model, data, SHORT, seed, masks=keep)
        result.append(model)
        weights = {n: w for n, w in model.network.state_dict().items() if w.dim() > 1}
        keep = keep or {name: torch.ones_like(w, dtype=torch.bool) for name, w in weights.items()}
        if share:
            left = torch.cat([weights[name][keep[name]].abs() for name in weights])
            total = sum(w.numel() for w in weights.values())
            line = left.sort().values[round((1 - share / (len(left) / total)) * len(left))]
            keep = {name: keep[name] & (weights[name].abs() >= line) for name in weights}
    return dict(zip((DENSE, *TICKETS), result, strict=True))


def learn_by_hand(weights, loss, rows, seed, epochs, rate, at_epoch=lambda: None):
    """Adam over epochs in the trainer's order, with a rate that falls as a half cosine."""
    adam = torch.optim.Adam(weights, rate)
    count = -(-len(rows) // 64)
    for epoch in range(epochs):
        at_epoch()
        order = np.random.default_rng([seed, epoch]).permutation(rows)
        for batch, part in enumerate(np.array_split(order, count)):
            done = (epoch + batch / count) / epochs
            adam.param_groups[0]["lr"] = rate * (1 + cos(pi * done)) / 2
            adam.zero_grad()
            loss(torch.from_numpy(part)).backward()
            adam.step()


def probe_by_hand(source, data, rows, seed, epochs):
    pixels = reprogrammed.resized(data.pixels(), 16)
    captured = {}
    hook = source.network.head.register_forward_pre_hook(lambda _, args: captured.update(x=args[0]))
    with torch.no_grad():
        source(pixels)
    hook.remove()
    chance, reach = torch.Generator().manual_seed(seed), captured["x"].shape[1] ** -0.5
    weight = torch.empty(len(data.classes), captured["x"].shape[1])
    weight.uniform_(-reach, reach, generator=chance).requires_grad_()
    bias = torch.empty(len(data.classes)).uniform_(-reach, reach, generator=chance)
    bias.requires_grad_()

    def logits(places):
        return captured["x"][places] @ weight.T + bias

    def loss(places):
        return F.cross_entropy(logits(places), data.targets()[places])

    learn_by_hand([weight, bias], loss, rows, seed, epochs, 0.01)
    return logits


def prompt_by_hand(source, data, rows, seed, epochs):
    canvas = torch.zeros(len(data), 3, 16, 16)
    canvas[:, :, 4:12, 4:12] = data.pixels()
    border = torch.zeros(16, 16, requires_grad=True)
    bound = []

    def look(places):
        around_it = torch.sigmoid(border).clone()
        around_it[4:12, 4:12] = 0
        return source(canvas[places] + around_it)

    def remap():
        with torch.no_grad():
            taken = look(rows).argmax(1).tolist()
        counts = np.zeros((19, len(data.classes)), int)
        for prediction, label in zip(taken, data.labels[rows], strict=True):
            counts[prediction, label] += 1
        bound[:] = brute_force(counts)

    remap()
    test = torch.from_numpy(data.rows("test"))
    with torch.no_grad():
        bare = (look(test)[:, bound].argmax(1) == data.targets()[test]).double().mean().item()

    def loss(places):
        return F.cross_entropy(look(places)[:, bound], data.targets()[places])

    learn_by_hand([border], loss, rows, seed, epochs, 0.05, remap)
    return (lambda places: look(places)[:, bound]), bare


def brute_force(counts):
    """All pairs from the most frequent on; each class is taken once."""
    sources, targets = counts.shape
    pairs = sorted(product(range(sources), range(targets)), key=lambda at: (-counts[at], *at))
    results = {}
    for source, target in pairs:
        if target not in results and source not in results.values():
            results[target] = source
    return [results[target] for target in range(targets)]


def test_every_figure_is_that_of_networks_trained_and_asked_by_hand():
    case = small_case()
    data, seed, table = case.data, case.seed, Reprogram(seeds=1, epochs=3, shots=2)(case)["table"]
    test, train_rows = data.rows("test"), data.rows("train")
    few = few_of_each(data, 2, seed)
    for name, source in sources_by_hand(seed).items():
        prompt, bare = prompt_by_hand(source, data, train_rows, seed, 3)
        ways = {
            LP: probe_by_hand(source, data, train_rows, seed, 3),
            VP: prompt,
            LP_FEW: probe_by_hand(source, data, few, seed, 15),
            VP_FEW: prompt_by_hand(source, data, few, seed, 15)[0],
        }
        bars = data_sets.load("bars")
        test_rows = bars.rows("test")
        hits = outputs(source, bars, test_rows).argmax(1) == bars.targets(test_rows)
        assert table.cell(name, SOURCE) == pytest.approx(hits.double().mean().item())
        assert table.cell(name, BARE) == pytest.approx(bare)
        for way, logits in ways.items():
            with torch.no_grad():
                test_logits = logits(torch.from_numpy(test))
            hit = (test_logits.argmax(1) == data.targets(test)).double().mean().item()
            assert table.cell(name, way) == pytest.approx(hit), (name, way)
            if error := {LP: LP_ERROR, VP: VP_ERROR}.get(way):
                expected = calibration(test_logits.numpy(), data.labels[test]).ece
                assert table.cell(name, error) == pytest.approx(expected, abs=1e-4)
        assert np.isnan(table.cell(name, LP_COOLED))  # no validation images


def test_tickets_are_nested_exact_and_begin_as_the_dense_network_does():
    data, before = data_sets.load("bars"), None
    for level, share in enumerate(TICKET_SHARES):
        regime = Ticket(SHORT, TICKET_SHARES[: level + 1])
        masks = regime.masks(fresh(data, SHORT, 0), data, 0)
        assert abs(masks.kept - share * masks.total) <= 1
        assert before is None or masks.inside(before)
        before = masks
    assert not np.array_equal(regime.masks(fresh(data, SHORT, 0), data, 1).flat, before.flat)
    trained = trained_model(Reprogram().conditions(small_case(0))[TICKETS[-1]])
    assert masks_in(trained).digest == before.digest


@pytest.mark.parametrize("seed", range(20))
def test_bound_classes_are_those_of_a_brute_force_and_none_is_taken_twice(seed):
    chance = np.random.default_rng(seed)
    counts = chance.integers(0, 4, (7, int(chance.integers(1, 8))))  # many ties
    result = reprogrammed.greedy(counts)
    assert result.tolist() == brute_force(counts)
    assert len(set(result.tolist())) == counts.shape[1]


def test_without_a_border_a_prompt_has_no_gradient_and_is_the_mapping_alone():
    case, source = small_case(), resnet()
    method = Reprogram(border=0, epochs=2)
    bare = method.bare(source, case.data, case.data.rows("train"), case.seed)
    prompted = method.adapt(source, VP, case, lambda *_: None)
    rows = case.data.rows("test")
    assert torch.equal(outputs(bare, case.data, rows), outputs(prompted, case.data, rows))
    assert not prompted.network.prompt.any()
    expected = source(F.interpolate(case.data.pixels(rows), (16, 16), mode="bilinear"))
    assert torch.allclose(outputs(bare, case.data, rows), expected[:, bare.network.mapping])
    for border, moves in ((0, False), (4, True)):
        network = reprogrammed.Prompted(source, border, torch.arange(3))
        network.prompt.requires_grad_()
        F.cross_entropy(network(case.data.pixels(rows)), case.data.targets(rows)).backward()
        assert bool(network.prompt.grad.any()) is moves
        assert not network.prompt.grad[:, border : 16 - border, border : 16 - border].any()


@pytest.mark.parametrize("way", [LP, VP])
def test_a_source_with_batch_norm_is_not_changed_and_never_in_training_mode(way, monkeypatch):
    case, source, modes = small_case(), resnet(), set()
    before = {name: weight.clone() for name, weight in source.network.state_dict().items()}
    look = reprogram.Prompted.look

    def spied(self, images):
        modes.update(module.training for module in self.source.modules())
        return look(self, images)

    monkeypatch.setattr("engine.sparsity.reprogram.reprogrammed.Frozen.look", spied)
    model = Reprogram(epochs=2).adapt(source, way, case, lambda *_: None)
    assert modes == {False}
    for classifier in (source, model.network.source):
        for name, tensor in classifier.network.state_dict().items():
            assert torch.equal(tensor, before[name]), name
    learned = {name for name, _ in model.network.named_parameters()}
    assert learned == ({"head.weight", "head.bias"} if way == LP else {"prompt"})
    assert not any(parameter.requires_grad for parameter in source.parameters())


@pytest.mark.parametrize("mapping", [AGAIN, ONCE, RANDOM])
def test_test_images_decide_nothing_that_is_learned(mapping, monkeypatch):
    case, source, remap = small_case(), resnet(), Mock(wraps=reprogram.Remap)
    monkeypatch.setattr(reprogram, "Remap", remap)
    test = case.data.rows("test")
    images, labels = case.data.images.copy(), case.data.labels.copy()
    images[test], labels[test] = 255 - images[test], (labels[test] + 1) % 3
    ours, theirs = (
        Reprogram(epochs=3, mapping=mapping).adapt(source, VP, question, lambda *_: None).network
        for question in (case, replace(case, data=replace(case.data, images=images, labels=labels)))
    )
    assert torch.equal(ours.mapping, theirs.mapping)
    assert torch.equal(ours.prompt, theirs.prompt)
    assert remap.call_count == 2 * (mapping == AGAIN)  # once for each of both
    assert ours.prompt.any()
    assert len(set(ours.mapping.tolist())) == 3


def test_classes_are_bound_by_the_images_given_and_drawn_ones_by_the_seed():
    data, source = data_sets.load("digits"), resnet()
    prompted = reprogrammed.Prompted(source, 4, torch.arange(10))
    model = reprogrammed.reprogrammed_classifier(prompted, data)
    rows = data.some("train", 100)
    reprogrammed.bind(model, data, rows)
    network = model.network
    taken = source(network.seen(data.pixels(rows)).detach()).argmax(1)
    counts = np.zeros((19, 10), int)
    np.add.at(counts, (taken.numpy(), data.labels[rows]), 1)
    assert network.mapping.tolist() == brute_force(counts)
    drawn = [
        Reprogram(mapping=RANDOM).bare(source, data, rows, seed).network.mapping.tolist()
        for seed in (0, 0, 1)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("way", [LP, VP])
def test_calibration_does_not_depend_on_the_size_of_batches(way, monkeypatch):
    case = ExperimentCase(data_sets.load("digits"))
    model = Reprogram(epochs=1).adapt(resnet(), way, case, lambda *_: None)
    plain, cooled = sureness(model, case.data)
    monkeypatch.setattr(import_module(outputs.__module__), "LOOK", 7)
    again, cooled_again = sureness(model, case.data)
    assert again.ece == pytest.approx(plain.ece, abs=1e-5)
    assert cooled_again.ece == pytest.approx(cooled.ece, abs=1e-4)
    assert cooled.nll <= plain.nll + 0.01  # fitted on other images


def test_few_images_are_as_many_of_each_class_and_another_seed_draws_others():
    data = data_sets.load("digits")
    rows = few_of_each(data, 7, 0)
    assert set(rows) <= set(data.rows("train"))
    assert np.bincount(data.labels[rows]).tolist() == [7] * 10
    assert rows.tolist() != few_of_each(data, 7, 1).tolist()
    assert len(few_of_each(data, 1000, 0)) == len(data.rows("train"))


def test_data_that_do_not_fit_are_refused_with_a_sentence():
    many = tiny.columns(40, tuple(f"class {index}" for index in range(20)))
    with pytest.raises(DoesNotFit, match="has 20 classes, and the source network only 19"):
        Reprogram().conditions(ExperimentCase(many))
    data = tiny.columns(8, ("a", "b", "c"))
    wide = replace(data, images=np.concatenate([data.images] * 2, 3))
    with pytest.raises(BlindspotError, match="must be square"):
        Reprogram().picture(ExperimentCase(wide))


def test_the_picture_has_the_digits_in_the_middle_of_a_gray_border():
    data = data_sets.load("digits")
    picture = Reprogram().picture(ExperimentCase(data))
    assert picture.images.shape == (3, 4, 16, 16, 3)
    digit_row = next(row for row in data.rows("test") if data.labels[row] == 3)
    inside = picture.images[2, 1]
    assert np.array_equal(inside[4:12, 4:12, 0], data.images[digit_row, 0])
    border = np.ones((16, 16), bool)
    border[4:12, 4:12] = False
    assert (abs(inside[border].astype(int) - 128) <= 1).all()
    assert picture.caption(2, 1) == "3"
    large = Reprogram(border=1).picture(ExperimentCase(data_sets.load("mnist-5k")))
    assert large.images.shape == picture.images.shape


def test_figures_as_the_paper_has_them_make_every_claim_hold():
    dense = {SOURCE: 0.98, LP: 0.8, VP: 0.5, BARE: 0.3, LP_ERROR: 0.02, VP_ERROR: 0.05}
    ticket = {SOURCE: 0.975, LP: 0.79, VP: 0.4, BARE: 0.3, LP_ERROR: 0.03, VP_ERROR: 0.09}
    table = {DENSE: dense} | {name: dict(ticket) for name in TICKETS}
    table[TICKETS[-1]] |= {SOURCE: 0.9, LP: 0.1}  # worse at home: not judged by
    table[TICKETS[-2]] |= {LP: 0.77, VP: 0.36}  # the sparsest that is as good at home
    margins = [claim.margin(lambda row, name: table[row][name]) for claim in CLAIMS]
    assert margins == pytest.approx([0.11, 0.13, 0.01, 0.04, 0.1])
    table[TICKETS[1]][VP_ERROR] = 0.01  # one ticket ahead; the mean is not
    assert CLAIMS[3].margin(lambda row, name: table[row][name]) == pytest.approx(0.02)


def test_networks_that_are_alike_make_calibration_neither_hold_nor_fail_more_than_by_chance():
    chance, outcomes_of_equals = np.random.default_rng(0), []
    for _ in range(400):
        runs = [
            SeedFigures(name, seed, {LP_ERROR: chance.normal(0.05, 0.01)})
            for seed in range(3)
            for name in (DENSE, *TICKETS)
        ]
        outcomes_of_equals.append(int(judge_claims(CLAIMS[2:3], runs)["outcome"][0]))
    for side in (HOLDS, NOT_HERE):  # 5 % each by chance, with its standard error of 1 %
        assert outcomes_of_equals.count(side) / 400 < 0.09


def test_claims_about_a_ticket_as_good_as_dense_are_undecided_where_there_is_none():
    right_at_home = {DENSE: 0.98} | dict.fromkeys(TICKETS, 0.96)
    runs = [
        SeedFigures(name, seed, {SOURCE: value, LP: 0.8, VP: value / 2})
        for seed in range(3)
        for name, value in right_at_home.items()
    ]
    table = judge_claims(CLAIMS[:2], runs)
    assert table["outcome"].tolist() == [UNDECIDED, UNDECIDED]
    assert np.isnan(table["margin"]).all()
    assert all("undecided if a seed has no such ticket" in note for note in table.notes)


def test_views_are_of_the_networks_behind_the_figures():
    case, method = small_case(), Reprogram(seeds=2, epochs=1)
    result = method(case)
    assert result["prompts"].rows == (DENSE, *TICKETS)
    runs, counts = result["runs"], result["bound"]
    assert sorted(note for note in counts.notes if note) == ["a", "b", "c"]
    assert counts.values.sum() == len(case.data.rows("test"))
    for place, name in enumerate((DENSE, *TICKETS)):
        assert result["transfer"][VP][place] == result["table"].cell(name, VP)
    bins = result["prompt ticket"]
    at = next(row for row, name in enumerate(runs.rows) if name == TICKETS[-1])
    gaps = bins["images"] * np.abs(bins["confidence"] - bins["right"])
    assert runs[VP_ERROR][at] == pytest.approx(np.nansum(gaps) / bins["images"].sum(), abs=1e-6)
    source = trained_model(method.conditions(case)[DENSE])
    network = method.adapt(source, VP, case, lambda *_: None).network
    border = result["prompts"].images[0, 0].astype(float) / 255
    expected = (network.prompt.sigmoid() * network.edge)[0].numpy()
    assert border[..., 0] == pytest.approx(expected, abs=1 / 255)


def test_a_probe_sees_what_the_source_s_head_saw():
    source, data = resnet(), data_sets.load("digits")
    probe = reprogrammed.Probed(source, 10, 0)
    pixels = reprogrammed.resized(data.pixels(data.rows("test")[:5]), 16)
    features = source.features(pixels).clone()  # may have a gradient beside it
    expected = features @ probe.head.weight.T + probe.head.bias
    assert torch.allclose(probe(pixels), expected, atol=1e-5)
    assert source.network.head.out_features == 19  # the source keeps its own


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_claims_at_the_usual_settings(measure, monkeypatch):
    monkeypatch.undo()
    result = answer(Reprogram(), ExperimentCase(data_sets.load(Reprogram.data[0])))
    table = result["table"]
    assert table.cell(DENSE, SOURCE) > 0.95
    assert table.cell(DENSE, LP) > table.cell(DENSE, BARE)
    outcomes.note(measure, "Reprogram LT, bars to digits", result["claims"])
    for name in Reprogram.measures:
        measure(f"Reprogram LT, {name}", outcomes.by_condition(table, name))
