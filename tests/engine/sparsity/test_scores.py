"""Scores against closed forms and autograd, from a search for one cut, and from a file."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from engine.core.errors import BlindspotError, DoesNotFit
from engine.core.method import Slider, Switch, quiet, setting
from engine.core.result import WeightScores
from engine.core.run import answer
from engine.sparsity import (
    CRITERIA,
    Learned,
    MaskRules,
    Prune,
    PruneCase,
    Pruner,
    Pruning,
    prunable_parts,
    pruner_of,
    read_scores,
)
from engine.sparsity.criteria.chance import Random
from engine.sparsity.criteria.grasp import Grasp
from engine.sparsity.criteria.magnitude import Magnitude
from engine.sparsity.criteria.snip import Snip
from engine.sparsity.criteria.taylor import Taylor
from engine.sparsity.jackpot.criterion import Jackpot
from engine.sparsity.masks.compare import overlap
from engine.sparsity.masks.pruning import BY_TITLE, criterion_of, searched_settings
from engine.sparsity.method import SparsityMethod
from tests import tiny
from tests.in_memory import written


class Softmax(nn.Module):
    def __init__(self, side=8, classes=4):
        super().__init__()
        self.fc = nn.Linear(3 * side * side, classes)

    def forward(self, images):
        return self.fc(images.flatten(1))


@pytest.fixture
def linear():
    model = tiny.classifier(tiny.random_weights(Softmax(), scale=0.05), side=8)
    return PruneCase(model, tiny.data_for(model))


def test_magnitude_is_the_size_of_every_weight(linear):
    result = Magnitude()(linear)["scores"]
    expected = np.abs(linear.model.network.fc.weight.numpy())
    assert np.array_equal(result.values["fc.weight"], expected)


def test_snip_on_a_linear_softmax_model_is_its_closed_form(linear):
    result = Snip(each=3)(linear)["scores"].values["fc.weight"]
    pixels, targets = linear.batch(3)
    x = pixels.flatten(1)
    weight, bias = (p.detach() for p in linear.model.network.fc.parameters())
    gap = (x @ weight.T + bias).softmax(1) - F.one_hot(targets, 4)  # (p − y)
    plain = (weight * (gap.T @ x) / len(x)).abs()
    np.testing.assert_allclose(result, (plain / plain.sum()).numpy(), rtol=2e-4, atol=1e-9)
    assert result.sum() == pytest.approx(1.0, abs=1e-4)


def test_grasp_multiplies_by_the_hessian_as_autograd_does():
    case = tiny.prune_case(tiny.mlp(side=12))
    result = Grasp(each=4, temperature=2.0)(case)["scores"].values
    pixels, targets = case.batch(4)
    network = case.model.network
    names = ["first.weight", "last.weight"]
    weights = tuple(network.get_parameter(name).detach() for name in names)

    def loss(*given):
        named = dict(zip(names, given, strict=True))
        return F.cross_entropy(torch.func.functional_call(network, named, (pixels,)) / 2.0, targets)

    slope = torch.autograd.functional.jacobian(loss, weights)
    _, flow = torch.autograd.functional.hvp(loss, weights, slope)
    plain = [weight * product for weight, product in zip(weights, flow, strict=True)]
    total = sum(scores.abs().sum() for scores in plain)
    for name, product in zip(names, plain, strict=True):
        expected = (product / total).numpy()
        atol = 1e-5 * abs(expected).max()
        np.testing.assert_allclose(result[name], expected, rtol=1e-4, atol=atol)


def test_grasp_keeps_what_the_paper_does_not_remove(linear):
    scores = Grasp(each=4)(linear)["scores"]
    masks = Pruner(linear.model, scores, MaskRules(head=True, least=0)).at(0.5)
    paper = -scores.values["fc.weight"].ravel()  # −θ ⊙ Hg: the largest are removed
    assert paper[~masks.flat].min() >= paper[masks.flat].max()


def test_taylor_adds_the_squared_sensitivity_of_each_batch(linear):
    result = Taylor(each=2, batches=3)(linear)["scores"].values["fc.weight"]
    pixels, targets = linear.batch(2)
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(0))
    weight, bias = (p.detach() for p in linear.model.network.fc.parameters())
    total = torch.zeros_like(weight)
    for group in order.tensor_split(3):
        x = pixels[group].flatten(1)
        gap = (x @ weight.T + bias).softmax(1) - F.one_hot(targets[group], 4)
        total += (weight * (gap.T @ x) / len(group)).square()
    np.testing.assert_allclose(result, total.numpy(), rtol=2e-3, atol=1e-12)


def test_random_masks_are_nested_for_a_seed_and_overlap_as_chance_says():
    case = tiny.prune_case()
    masks = [
        Pruner(case.model, Random(draw=draw)(case)["scores"], MaskRules(head=True)).at(0.7)
        for draw in (0, 0, 1)
    ]
    assert np.array_equal(masks[0].flat, masks[1].flat)
    result = overlap(masks[0], masks[2])
    assert result.iou == pytest.approx(result.chance, abs=0.06)
    assert result.chance == pytest.approx(0.3 / 1.7, abs=0.02)
    higher = Pruner(case.model, Random()(case)["scores"], MaskRules(head=True)).at(0.9)
    assert higher.inside(masks[0])


def test_scores_look_at_so_many_images_of_each_class_and_the_same_for_a_seed(linear):
    rows = linear.rows(2)
    assert list(np.bincount(linear.data.labels[rows])) == [2, 2, 2, 2]
    assert set(rows) <= set(linear.data.rows("train"))
    again = PruneCase(linear.model, linear.data, seed=0).rows(2)
    other = PruneCase(linear.model, linear.data, seed=1).rows(2)
    assert np.array_equal(rows, again)
    assert not np.array_equal(rows, other)


@dataclass(frozen=True)
class Sought(SparsityMethod):
    """Scores that are higher toward the end above a ratio of one half, and toward the start below.

    It stands for a search, which finds other weights at another ratio.
    """

    name, title, cost, proof = "Sought", "Sought", "live", ""
    ratio: float = setting(0.9, Slider(0.0, 0.99, 0.01), "Ratio", "Of the cut.")
    head: bool = setting(False, Switch(), "Head", "Of the cut.")
    other: int = setting(3, Slider(1, 5, 1), "Other", "No setting of a cut.")

    def __call__(self, case, progress=quiet):
        sign = 1 if self.ratio > 0.5 else -1
        results = {
            part.name: sign * np.arange(part.size, dtype=np.float32).reshape(part.shape)
            for part in prunable_parts(case.model)
        }
        return {"scores": WeightScores(results, "place", "mean")}


@pytest.fixture
def sought(monkeypatch, empty_home):
    monkeypatch.setitem(BY_TITLE, "Sought", Sought)


@pytest.mark.usefixtures("sought")
def test_a_search_gets_the_values_of_the_cut_and_keeps_its_other_settings():
    assert searched_settings(Sought) == {"ratio", "head"}
    assert criterion_of("Sought", MaskRules(head=True), 0.3) == Sought(0.3, True, 3)
    assert criterion_of("Sought", MaskRules()) == Sought()


@pytest.mark.usefixtures("sought")
@pytest.mark.parametrize(("ratio", "first"), [(0.4, True), (0.6, False)])
def test_masks_come_from_the_search_at_their_own_ratio(ratio, first):
    rules = MaskRules("per layer", head=True)
    masks = pruner_of(tiny.prune_case(), "Sought", rules, ratio=ratio).at(ratio)
    for part in masks.parts:
        row, kept_count = masks.array(part.name).ravel(), part.size - round(ratio * part.size)
        assert (row[:kept_count] if first else row[-kept_count:]).all()
        assert np.count_nonzero(row) == kept_count


def test_only_criteria_that_search_get_the_ratio_the_layers_and_the_head_of_the_cut():
    plain = [kind for kind in CRITERIA if not searched_settings(kind)]
    assert Magnitude in plain
    for kind in plain:
        assert criterion_of(kind.title, MaskRules(head=True), 0.3) == kind()
    criterion = criterion_of(Jackpot.title, MaskRules("ERK", head=True), 0.9)
    assert criterion == Jackpot(ratio=0.9, allocation="ERK", head=True)


def file_of(arrays, save=np.savez):
    return written(save, **arrays)


@pytest.fixture(scope="module")
def case():
    return tiny.prune_case(tiny.cnn())


@pytest.fixture(scope="module")
def by_size(case):
    return dict(Magnitude()(case)["scores"].values)


@pytest.mark.parametrize("allocation", ["global", "per layer", "ERK"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_file_of_magnitudes_gives_the_masks_of_magnitude(case, by_size, allocation, save):
    learned_case = replace(case, learned=read_scores(file_of(by_size, save), case.model))
    rules = MaskRules(allocation=allocation)
    for ratio in (0.3, 0.8):
        names = ("Learned", "Magnitude")
        first, second = (pruner_of(learned_case, name, rules).at(ratio) for name in names)
        assert np.array_equal(first.flat, second.flat)


def test_other_scores_are_another_question_and_other_masks(case, by_size):
    cases = [
        replace(case, learned=read_scores(file_of(scores), case.model))
        for scores in (by_size, {name: -magnitude for name, magnitude in by_size.items()})
    ]
    assert cases[0].fingerprint != cases[1].fingerprint
    values = dict(reversed(cases[0].learned.values.items()))
    same = replace(case, learned=replace(cases[0].learned, values=values))
    assert same.fingerprint == cases[0].fingerprint
    first, second = (Prune(ratio=0.5, criterion="Learned").masks(variant) for variant in cases)
    assert np.count_nonzero(first.flat & second.flat) < 0.1 * first.total


def test_without_scores_it_is_refused_with_what_to_do(case):
    for method in (Learned(), Prune(ratio=0.5, criterion="Learned")):
        with pytest.raises(DoesNotFit, match="open a file of them"):
            answer(method, replace(case, learned=None))
    assert "Learned" in Pruning.__dataclass_fields__["criterion"].metadata["control"].options


def test_scores_that_lack_a_layer_serve_until_it_is_to_be_cut(case, by_size):
    head = prunable_parts(case.model)[-1].name
    some = {name: magnitude for name, magnitude in by_size.items() if name != head}
    learned_case = replace(case, learned=read_scores(file_of(some), case.model))
    masks = Prune(ratio=0.5, criterion="Learned").masks(learned_case)
    assert masks.sparsity == pytest.approx(0.5, abs=0.01)
    with pytest.raises(BlindspotError, match=f"no scores of {head}"):
        Prune(ratio=0.5, criterion="Learned", head=True).masks(learned_case)


def test_files_that_do_not_fit_are_refused_with_a_sentence(case, by_size):
    first = next(iter(by_size))
    wrong = {
        "no file of scores": (
            b"",
            b"tea",
            file_of(by_size)[:100],
            file_of({first: np.array([object()], dtype=object)}),  # pickled
        ),
        "no scores in this file": (file_of({}),),
        "no weight 'nose'": (file_of({"nose": np.ones(3)}),),
        "but the weight is": (file_of({first: np.ones(3)}),),
        "no numbers": [
            file_of({first: np.full(by_size[first].shape, odd)}) for odd in (np.nan, 1e300, "tea")
        ],
        "more scores than": (file_of({first: np.zeros(2**20)}, np.savez_compressed),),
    }
    for words, files in wrong.items():
        for data in files:
            with np.errstate(over="ignore"), pytest.raises(BlindspotError, match=words):
                read_scores(data, case.model)
