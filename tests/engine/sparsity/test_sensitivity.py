"""One layer cut at a time, held beside the same layer zeroed by hand."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from engine.core.errors import Cancelled
from engine.sparsity import Prune, PruneCase, masks_in, prune_case
from engine.sparsity.effects import sensitivity
from engine.sparsity.effects.sensitivity import DENSE, LEAST, OFFERED, RATIOS, Sensitivity
from engine.sparsity.masks.pruning import BY_TITLE, searched_settings
from engine.vision import data as data_sets
from engine.vision.models import embedded
from engine.vision.weights.parts import prunable_parts
from engine.vision.weights.subjects import PHOTOGRAPHS
from tests import tiny
from tests.engine.sparsity.cases import calls_of

pytestmark = pytest.mark.usefixtures("empty_home")


@pytest.fixture(scope="module")
def digits():
    return PruneCase(embedded.load("digits-cnn"), data_sets.load("digits"))


def right_by_hand(case, rows, change):
    """Accuracy of a copy whose weights were changed in place."""
    model = deepcopy(case.model)
    with torch.no_grad():
        change(dict(model.network.named_parameters()))
        answers = model(case.data.pixels(rows)).argmax(1)
    return (answers == case.data.targets(rows)).float().mean().item()


def least_weights(name, ratio):
    def change(weights):
        flat = weights[name].view(-1)
        flat[flat.abs().argsort(stable=True)[: round(ratio * len(flat))]] = 0

    return change


def least_filters(name, ratio):
    def change(weights):
        norms = weights[name].flatten(1).norm(dim=1)
        least = norms.argsort(stable=True)[: min(round(ratio * len(norms)), len(norms) - 1)]
        weights[name][least] = 0
        weights[name.replace("weight", "bias")][least] = 0

    return change


@pytest.mark.parametrize(
    ("structure", "zeroed"), [("weight", least_weights), ("filter", least_filters)]
)
def test_each_cell_is_the_network_with_that_layer_s_least_weights_zeroed_by_hand(
    digits, structure, zeroed
):
    result = Sensitivity(structure=structure, images=200, head=structure == "weight")(digits)
    rows = digits.data.some("test", 200, digits.seed)
    layer_parts = prunable_parts(digits.model, head=structure == "weight")
    assert result["accuracy"].rows == tuple(part.layer for part in layer_parts)
    dense = right_by_hand(digits, rows, lambda _: None)
    assert result["figures"][DENSE] == pytest.approx(dense, abs=1e-6)
    cells = result["accuracy"].values
    for line, part in zip(cells, layer_parts, strict=True):
        hand = [right_by_hand(digits, rows, zeroed(part.name, ratio)) for ratio in RATIOS]
        assert line == pytest.approx(hand, abs=0.006)  # at most one image on an edge
    assert cells.min() < result["figures"][DENSE] - 0.1


def test_the_finding_names_the_most_and_the_least_sensitive_layer(digits):
    method = Sensitivity()
    result = method(digits)
    table = result["accuracy"]
    means = dict(zip(table.rows, table.values.mean(1), strict=True))
    least, most = min(means, key=means.get), max(means, key=means.get)
    finding = method.finding(digits, result)
    assert finding.startswith(f"{least} is the most sensitive layer")
    assert f"{100 * means[least]:.1f} % of answers are right" in finding
    assert f"The least sensitive is {most}: {100 * means[most]:.1f} %" in finding


@pytest.mark.parametrize(
    ("there", "asked", "seen", "told"),
    [(200, 1000, 30, True), (200, 20, 20, False), (12, 1000, 30, False)],
)
def test_many_layers_are_shown_fewer_images_and_that_is_said(monkeypatch, there, asked, seen, told):
    case = tiny.prune_case()
    case = replace(case, data=tiny.data_for(case.model, there))
    layers = len(prunable_parts(case.model, head=False))
    monkeypatch.setattr(sensitivity, "MOST", 30 * layers)
    calls = calls_of(monkeypatch, sensitivity, "outputs")
    method = Sensitivity(images=asked)
    result = method(case)
    assert {len(rows) for *_, rows in calls} == {min(seen, len(case.data.rows("test")))}
    words = f" Because {layers} layers are tried, they see {seen} test images."
    assert (words in method.finding(case, result)) == told
    assert method.count(case) == seen


def test_even_very_many_layers_are_shown_some_images(monkeypatch):
    monkeypatch.setattr(sensitivity, "MOST", 1)
    assert Sensitivity().count(tiny.prune_case()) == LEAST


def test_where_labels_are_the_models_own_answers_none_is_called_right():
    case = prune_case(embedded.load("digits-cnn"))
    alike = replace(case, data=replace(case.data, name=PHOTOGRAPHS))
    result = Sensitivity(images=20)(case) | {"figures": {DENSE: 0.75}}
    for question, word, other in [(case, "right", "as before"), (alike, "as before", "right")]:
        finding = Sensitivity().finding(question, result)
        assert f"% of answers are {word} on average" in finding
        assert "(75.0 % in the whole model)" in finding
        assert other not in finding


def test_layers_that_are_done_are_handed_over_and_a_stop_is_heard(digits):
    parts_done = []

    def listen(done, words="", partial=None):
        if partial:
            parts_done.append(len(partial["accuracy"]))
        if len(parts_done) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        Sensitivity(images=50)(digits, listen)
    assert parts_done == [1, 2]


def test_what_an_earlier_round_cut_stays_cut_in_all_layers(digits):
    first = Prune(ratio=0.9)
    case = PruneCase(first.made(digits, first.masks(digits)), digits.data)
    result = Sensitivity(images=200)(case)
    earlier_masks = masks_in(case.model)
    whole = right_by_hand(case, case.data.some("test", 200, case.seed), lambda _: None)
    assert result["figures"][DENSE] == pytest.approx(whole, abs=1e-6)
    for part, line in zip(earlier_masks.parts, result["accuracy"].values, strict=True):
        gone = 1 - earlier_masks.array(part.name).mean()
        for ratio, right in zip(RATIOS, line, strict=True):
            if ratio < gone:  # less than is gone: nothing more is cut
                assert right == pytest.approx(whole, abs=1e-6)


def test_a_search_for_one_cut_of_the_whole_network_is_not_offered():
    expected = {kind for kind in BY_TITLE.values() if not searched_settings(kind)}
    assert {BY_TITLE[title] for title in OFFERED} == expected
