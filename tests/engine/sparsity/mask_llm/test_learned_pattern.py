"""Masks of N of every M weights that are learned while the weights stay as they are."""

from copy import deepcopy
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from engine.core.errors import BadSetting, BlindspotError, Cancelled, DoesNotFit
from engine.core.result import WeightScores
from engine.sparsity import (
    LearnedPattern,
    MaskRules,
    Prune,
    PruneCase,
    Pruner,
    prunable_parts,
    pruned,
    pruner_of,
)
from engine.sparsity.criteria.magnitude import Magnitude
from engine.sparsity.masks.pruning import criterion_of
from engine.vision.training import descend, outputs, unfinished
from engine.vision.weights import course as course_module
from engine.vision.weights.course import MOMENTS, Course, course_words, weights_words
from engine.vision.weights.pattern import (
    Annealing,
    PatternMask,
    attach,
    candidates,
    from_groups,
    in_groups,
    largest_in_group,
    mass,
    only_masks_learn,
    sha_of_weights,
    sharpness,
)
from tests import tiny
from tests.engine.sparsity.cases import calls_of, stop_after

RULES = MaskRules(structure="N:M", n=1, m=4)
QUICK = LearnedPattern(pattern="1:4", epochs=60, each=12)


def regression(seed, together):
    """A linear layer (8 → 8) and its inputs: of several sizes, or such as hang together."""
    drawn = tiny.seeded(seed)
    weight = torch.randn(8, 8, generator=drawn)
    if together:
        mixed = torch.eye(8) + 0.3 * torch.randn(8, 8, generator=drawn)
        return torch.randn(64, 8, generator=drawn) @ mixed, weight
    sizes = torch.randn(8, generator=drawn).exp()
    return torch.randn(2048, 8, generator=drawn) * sizes, weight


def learned(inputs, weight, seed, steps=300):
    """The masks and how sharp they were, by the loss against the whole layer's own outputs."""
    layer = nn.Linear(weight.shape[1], len(weight), bias=False)
    layer.weight.data = weight.clone()
    network, mask = nn.Sequential(layer), PatternMask(weight, 2, 4, tiny.seeded(seed))
    attach(network, {"0.weight": mask})
    first = sharpness([mask])

    def loss():
        only_masks_learn(network)
        return (network(inputs) - inputs @ weight.T).square().mean(0).sum()

    network.train()
    adam = torch.optim.Adam(network.parameters(), 0.01)
    for done, _ in enumerate(descend(adam, [loss] * steps), 1):
        assert (mask.hard.sum(1) == 2).all()
        mask.advance(done / steps)
    return mask.hard.reshape(weight.shape), first, sharpness([mask])


def lost(mask, weight, inputs):
    """What each row's outputs lose, (…, rows)."""
    return (inputs @ ((1 - mask) * weight).mT).square().mean(-2)


def softest(inputs, weight, steps=400):
    """The mask between 0 and 1 with 2 of 4 in every group that loses least, (seeds, rows, inputs).

    The loss is a convex square, so that its gradient and the nearest such mask lead to the one
    minimum: here the soft masks of a learning tend as long as no choice is made.
    """
    products = inputs.mT @ inputs / inputs.shape[1]
    squares = torch.einsum("sri,sij,srj->srij", weight, products, weight)
    rate = 0.5 / torch.linalg.eigvalsh(squares).amax(-1)[..., None]
    mask = torch.full_like(weight, 0.5)
    for _ in range(steps):
        moved = mask + 2 * rate * (squares @ (1 - mask)[..., None])[..., 0]
        groups = moved.unflatten(-1, (2, 4))
        low, high = groups.amin(-1, keepdim=True) - 1, groups.amax(-1, keepdim=True)
        for _ in range(20):
            middle = (low + high) / 2
            many = (groups - middle).clamp(0, 1).sum(-1, keepdim=True) > 2
            low, high = torch.where(many, middle, low), torch.where(many, high, middle)
        mask = (groups - low).clamp(0, 1).flatten(-2)
    return mask


def trials(together, seeds=3, courses=8):
    """Of 8 rows a seed: how often the best of a row's 36 masks is learned, (rows,).

    Returns:
        found: the share of courses that end at the best, with a loss within 1e-3.
        leans: whether the soft minimum rounds to the best.
        decided: how far it is: the least kept of a group less the largest other.
        excess: how far the loss is above the best one, of the largest weights and on average.
    """
    columns = []
    drawn = [regression(seed, together) for seed in range(seeds)]
    minima = softest(*map(torch.stack, zip(*drawn, strict=True)))
    for seed, (inputs, weight) in enumerate(drawn):
        groups = candidates(2, 4)[torch.tensor(list(product(range(6), repeat=2)))]
        best = lost(groups.reshape(-1, 1, 8), weight, inputs).amin(0)
        many = weight.repeat(courses, 1)  # rows do not know of each other
        excess = lost(learned(inputs, many, seed)[0], many, inputs).view(courses, -1) / best - 1
        soft = in_groups(minima[seed], 4)
        order = soft.sort(1, descending=True).values
        leaning = lost(from_groups(largest_in_group(soft, 2), weight), weight, inputs) / best - 1
        magnitude = from_groups(largest_in_group(in_groups(weight.abs(), 4), 2), weight)
        by_size = lost(magnitude, weight, inputs) / best - 1
        found = (excess < 1e-3).float().mean(0)
        decided = (order[:, 1] - order[:, 2]).view(-1, 2).amin(1)
        columns.append((found, leaning < 1e-3, decided, excess.mean(0), by_size))
    return [torch.cat(column) for column in zip(*columns, strict=True)]


@pytest.fixture(scope="module")
def independent_trials():
    return trials(together=False)


@pytest.fixture(scope="module")
def tied_trials():
    return trials(together=True)


def test_the_best_mask_of_every_row_is_learned_where_inputs_do_not_hang_together(
    independent_trials,
):
    """In each course where the soft minimum is decided, and in one of eight in every row."""
    result, leans, decided, *_ = independent_trials
    assert leans.all()
    assert (decided > 0.3).sum() >= 8
    assert (result[decided > 0.3] == 1).all()
    assert (result > 0).all()


def test_the_best_mask_is_missed_where_the_soft_minimum_leans_to_another(tied_trials):
    """A soft mask may lose less between two others than at the best one, and then ends beside it:
    other noise finds the best of every other row, but not of all of these."""
    result, leans, *_ = tied_trials
    assert (result[leans] > 0).all()
    assert not leans.all()
    assert (result[~leans] == 0).any()
    assert result[~leans].mean() < result[leans].mean() - 0.2


def test_a_learned_mask_loses_less_than_that_of_the_largest_weights(
    independent_trials, tied_trials
):
    for *_, excess, by_size in (independent_trials, tied_trials):
        assert excess.mean() < 0.5 * by_size.mean()


def test_the_schedule_sharpens_a_choice_of_which_nothing_is_learned():
    """So that sharpness is no sign of learning; the share that left the prior is."""
    weight = torch.randn(64, 8, generator=tiny.seeded(9))
    mask = PatternMask(weight, 2, 4, tiny.seeded(10))
    mask.prefer(largest_in_group(in_groups(weight.abs(), 4), 2), 3.0)
    course = Course({"body.3.weight": mask}, 48)
    for _ in range(48):
        course.step()
    result = course.views()
    assert result["course"]["entropy"][0] > 0.5
    assert result["course"]["entropy"][-1] < 0.05
    assert len(set(result["course"]["changed"].tolist())) == 1
    assert set(result["candidates"].notes) == {"body.3"}


def test_the_choice_gets_sharp():
    mask, before, (last_entropy, last_highest) = learned(*regression(1, together=True), 0)
    entropy, highest = before
    assert entropy > 0.8
    assert highest < 0.4
    assert last_entropy < 0.01
    assert last_highest > 0.99
    assert (in_groups(mask, 4).sum(1) == 2).all()


def test_candidates_are_all_masks_in_the_papers_order_and_groups_run_along_input_channels():
    rows = ["".join(map(str, row)) for row in candidates(2, 4).int().tolist()]
    assert rows == ["1100", "1010", "1001", "0110", "0101", "0011"]
    assert len(candidates(4, 8)) == 70
    assert torch.equal(candidates(1, 4), torch.eye(4))
    for n, m in ((4, 4), (0, 4), (5, 4)):
        with pytest.raises(BadSetting, match="keep at least 1 and fewer than"):
            candidates(n, m)
    with pytest.raises(DoesNotFit, match="No layer's inputs can be parted into groups of 4"):
        in_groups(torch.zeros(4, 6), 4)
    weight = torch.arange(2 * 4 * 3 * 3.0).reshape(2, 4, 3, 3)
    groups = in_groups(weight, 4)
    assert torch.equal(groups[1], weight[0, :, 0, 1])
    assert torch.equal(from_groups(groups, weight), weight)


@pytest.mark.parametrize(("strength", "share"), [(0, 1 / 6), (1, 0.49), (3, 0.946), (5, 0.999)])
def test_the_prior_decides_so_many_groups_at_once(strength, share):
    """The figures of the method's sheet, simulated from its formula."""
    weight = torch.randn(512, 128, generator=tiny.seeded(3))
    mask = PatternMask(weight, 2, 4, tiny.seeded(4))
    magnitude = largest_in_group(in_groups(weight.abs(), 4), 2)
    mask.prefer(magnitude, strength)
    assert (mask.hard == magnitude).all(1).float().mean().item() == pytest.approx(share, abs=0.012)


def test_a_sharp_choice_with_an_endless_prior_is_magnitude():
    weight = torch.randn(16, 4, 3, 3, generator=tiny.seeded(5))
    mask = PatternMask(weight, 2, 4, tiny.seeded(6), Annealing((1e-4, 1e-4)))
    magnitude = largest_in_group(in_groups(weight.abs(), 4), 2)
    mask.prefer(magnitude, 1e4)
    assert torch.equal(mask.hard, magnitude)
    assert torch.equal(mask.train()(weight), weight * from_groups(magnitude, weight))
    assert torch.equal(mask.eval()(weight), weight * from_groups(magnitude, weight))


def test_the_soft_mask_is_the_formula_and_its_mass_counts_what_is_seen():
    weight = torch.randn(2, 4, generator=tiny.seeded(7))
    mask = PatternMask(weight, 2, 4, tiny.seeded(8), Annealing((2.0, 1.0), (100.0, 300.0)))
    mask.advance(0.5)
    soft = []
    for logits, noise in zip(mask.logits.tolist(), mask.noise.tolist(), strict=True):
        powers = np.exp((200 * np.array(logits) + np.array(noise)) / 1.5)
        soft.append(powers / powers.sum() @ mask.options.numpy())
    masked_weight = mask.train()(weight).detach()
    assert masked_weight.numpy() == pytest.approx(weight.numpy() * np.array(soft), rel=1e-4)
    assert mass([mask]).item() == pytest.approx(float(masked_weight.square().sum()), rel=1e-6)


def test_a_shared_weight_has_one_mask_and_nothing_but_logits_can_learn():
    first, second = nn.Linear(4, 4), nn.Linear(4, 4)
    second.weight = first.weight
    network = nn.Sequential(first, nn.BatchNorm1d(4), second)
    mask = PatternMask(first.weight, 2, 4, tiny.seeded())
    attach(network, {"0.weight": mask})
    assert [id(parameter) for parameter in network.parameters()] == [id(mask.logits)]
    assert torch.equal(network[0].weight, network[2].weight)
    network.train()
    only_masks_learn(network)
    assert mask.training
    assert not network[1].training
    network.eval()
    only_masks_learn(network)
    assert not mask.training


# ---------------------------------------------------------------- as a criterion


@pytest.fixture(scope="module")
def case():
    model = deepcopy(tiny.learned())
    return PruneCase(model, tiny.columns(model.side, model.labels))


@pytest.fixture(scope="module")
def result(case):
    return QUICK(case)


def loss_of(model, data):
    rows = data.rows("test")
    return F.cross_entropy(outputs(model, data, rows), data.targets(rows)).item()


def test_the_cut_of_the_scores_is_the_learned_mask_and_better_than_magnitude(case, result):
    model, scores = case.model, result["scores"]
    masks = Pruner(model, scores, RULES).at(0.5)
    plain = Pruner(model, Magnitude()(case)["scores"], RULES).at(0.5)
    for part in masks.parts:
        if part.shape[1] % 4:
            assert masks.array(part.name).all()
            assert (scores.values[part.name] == 1).all()
            continue
        assert np.array_equal(masks.array(part.name), scores.values[part.name] >= 1)
        assert (in_groups(masks[part.name].int(), 4).sum(1) == 1).all()
    learned_loss, by_size = (loss_of(pruned(model, m, "x"), case.data) for m in (masks, plain))
    assert learned_loss < 0.7 * by_size


def test_what_is_seen_of_the_learning_goes_from_even_to_sharp(result):
    course, grid = result["course"], result["candidates"]
    assert course["step"][0] == 0
    assert course["step"][-1] == 60
    assert course["entropy"][0] > 0.8
    assert course["entropy"][-1] < 0.05
    assert course["changed"][0] < 0.2  # the prior decides most groups, not all
    assert course["changed"][-1] > course["changed"][0]
    assert " 0.0 %" not in course_words(course).partition("The entropy")[0]
    assert grid.values.shape == (24, len(course))
    assert grid.values[:, -1].reshape(-1, 4).max(1) == pytest.approx(1.0, abs=0.05)
    assert grid.rows[0].endswith(" · 1000")


def test_the_groups_that_changed_their_mind_are_shown_with_their_likeliest_candidates(monkeypatch):
    monkeypatch.setattr(course_module, "ROWS", 4)
    mask = PatternMask(torch.ones(3, 2), 1, 2, tiny.seeded())
    course = Course({"first.weight": mask, "last.weight": mask}, 30)
    course.moments = [(0, 0.9, 0.6, 0.1), (15, 0.5, 0.7, 0.2), (30, 0.1, 0.8, 0.4)]
    first = [[0.7, 0.3], [0.2, 0.8], [0.6, 0.4]]
    course.watched = list(torch.tensor([first, first[::-1], [first[0], first[1], [0.45, 0.55]]]))
    shown = course.views()["candidates"]  # the third group changed, the first did not
    assert shown.rows == ("1 · 10", "1 · 01", "3 · 10", "3 · 01")
    assert shown.order == ("0", "15", "30")
    rows = [[0.7, 0.6, 0.7], [0.3, 0.4, 0.3], [0.6, 0.7, 0.45], [0.4, 0.3, 0.55]]
    assert shown.values == pytest.approx(np.array(rows))


def test_it_is_learned_for_the_pattern_that_is_cut_and_for_the_head_where_it_is(case):
    assert criterion_of(LearnedPattern.title, RULES, 0.5) == LearnedPattern(pattern="1:4")
    with pytest.raises(BadSetting, match="3:4"):
        criterion_of(LearnedPattern.title, replace(RULES, n=3))
    (head,) = (part.name for part in prunable_parts(case.model) if part.role == "head")
    assert head not in QUICK.masks(case)
    assert head in replace(QUICK, head=True).masks(case)
    criterion = criterion_of(LearnedPattern.title, replace(RULES, head=True), 0.5)
    assert criterion == LearnedPattern(pattern="1:4", head=True)


def test_cut_in_other_pieces_masks_say_that_it_holds_for_its_pattern_whatever_the_ratio(case):
    first, other = (
        Prune(criterion=LearnedPattern.title, structure=structure, pattern="1:4")
        for structure in ("N:M", "weight")
    )
    assert not any("that pattern only" in note for note in first.masks(case).notes)
    assert any("1:4 and holds for that pattern only" in note for note in other.masks(case).notes)
    pruner = pruner_of(case, LearnedPattern.title, replace(RULES, n=2))
    assert np.array_equal(pruner.at(0.2).flat, pruner.at(0.9).flat)


def test_a_mask_that_comes_along_is_the_prior(case):
    weights = {part.name: part for part in prunable_parts(case.model)}
    drawn = np.random.default_rng(0)
    values = {k: drawn.random(weight.shape, np.float32) for k, weight in weights.items()}
    carried = replace(case, learned=WeightScores(values, "score", "mean"))
    still = replace(QUICK, epochs=1, rate=1e-4, strength=5.0)
    near = {k: still(question)["scores"] for k, question in (("own", case), ("carried", carried))}
    prior = Pruner(case.model, carried.learned, RULES).at(0.5)
    same = {
        k: (Pruner(case.model, s, RULES).at(0.5).flat == prior.flat).mean() for k, s in near.items()
    }
    assert same["carried"] > 0.99
    assert same["own"] < 0.9


def test_no_weight_moves_and_one_that_did_would_be_told(case, result, monkeypatch):
    first, second = result["weights"].notes
    assert first == second
    assert len(first) == 64
    assert "No weight moved" in weights_words(result["weights"])
    step = Course.step

    def moving(course):
        step(course)
        next(copies[0].buffers()).add_(1e-3)

    copies = []
    monkeypatch.setattr(
        "engine.sparsity.mask_llm.pattern.attach",
        lambda network, masks: (copies.append(network), attach(network, masks)),
    )
    monkeypatch.setattr(Course, "step", moving)
    assert weights_words(replace(QUICK, epochs=1)(case)["weights"]).startswith("Weights moved")


def test_what_would_take_too_long_does_not_fit_or_is_too_large_is_a_sentence(case, monkeypatch):
    logits = sum(mask.logits.numel() for mask in QUICK.masks(case).values())
    monkeypatch.setattr("engine.sparsity.mask_llm.pattern.WORK", 30 * logits)
    with pytest.raises(BadSetting, match=f"{logits:,} candidate masks in 60 steps.* at most 30 "):
        QUICK(case)
    replace(QUICK, epochs=30)(case)
    odd = nn.Sequential(nn.Conv2d(3, 6, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))
    with pytest.raises(BlindspotError, match="No layer's inputs can be parted into groups of 4"):
        QUICK(tiny.prune_case(tiny.classifier(odd, name="odd")))
    monkeypatch.setattr("engine.sparsity.mask_llm.pattern.MOST", 10)
    assert "at most 10 weights" in LearnedPattern.unmet(case)


def test_a_learning_that_was_stopped_goes_on_where_it_was(case, result, monkeypatch, empty_home):
    taken, stop = calls_of(monkeypatch, Course, "step"), stop_after(0.4)

    with pytest.raises(Cancelled):
        QUICK(case, stop)
    assert 24 < len(taken) < 60
    assert [job.note["kind"] for job in unfinished()] == ["search"]
    with pytest.raises(Cancelled):
        replace(QUICK, tau=0.06)(case, stop)  # another question begins anew
    before = len(taken)
    again = QUICK(case)
    assert len(taken) - before < 36  # of 60, not all of them
    assert [len(views["course"]) for views in (again, result)] == [MOMENTS + 1] * 2
    for name, view in result["course"].columns.items():
        assert np.array_equal(again["course"][name], view)
    assert np.array_equal(again["candidates"].values, result["candidates"].values)
    for name, values in result["scores"].values.items():
        assert np.array_equal(again["scores"].values[name], values)


def test_weights_have_one_digest_in_whatever_order_they_are_held():
    first, second, other = nn.Module(), nn.Module(), nn.Module()
    for module, names in ((first, "ab"), (second, "ba"), (other, "ab")):
        for name in names:
            module.register_buffer(name, torch.full((2,), float(name == "a") + (module is other)))
    assert sha_of_weights(first) == sha_of_weights(second) != sha_of_weights(other)
