"""What holds for every unlearner, the page's example too; who sees what; zeros of pruning first."""

import json
import re
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import unlearning
from engine.core.errors import BadSetting, DoesNotFit
from engine.core.method import Slider, setting
from engine.core.run import answer
from engine.sparsity import PruneCase, Rewound, masks_in
from engine.unlearning import FineTune, PruneFirst, Retrain
from engine.unlearning.protocol.metrics import evaluate_model, figures
from engine.unlearning.sparse_mu.prune_first import THEN
from engine.unlearning.ways.network import untrained
from engine.unlearning.ways.seen import RecordedData
from engine.unlearning.ways.unlearner import Unlearner, UnlearningRun
from engine.vision import data as data_sets
from engine.vision.models import checkpoints
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import Recipe, fresh, outputs, train
from tests import tiny
from tests.answers import differing
from tests.engine.unlearning.trained import (
    BRIEF,
    assert_weights,
    class_case,
    noisy_case,
    same,
    scores,
    steepened,
)
from tests.refusals import assert_refused


@pytest.fixture(scope="module")
def case():
    return class_case(recipe=BRIEF)


def quickly(kind):
    """Few epochs, steps and networks where it counts them."""
    counted = {"epochs": 2, "rounds": 2, "steps": 4, "networks": 20}
    defaults = {k: spec.default for k, spec in kind.__dataclass_fields__.items()}
    return kind(**{k: v for k, v in counted.items() if isinstance(defaults.get(k), int)})


@pytest.mark.parametrize("kind", unlearning.UNLEARNERS, ids=lambda kind: kind.name)
def test_only_those_are_seen_that_it_may_see(kind, case):
    result = quickly(kind)(case)
    exposure, run = result["seen"], result["run"]
    forgotten, counts = exposure["forget"].astype(bool), exposure["seen"]
    assert set(exposure["id"][forgotten]) == set(case.request.ids)
    hidden = {"retain", "forget"} - kind.sees if kind is not unlearning.PruneFirst else {"forget"}
    for part, rows in (("forget", forgotten), ("retain", ~forgotten)):
        if part in hidden:
            assert not counts[rows].any(), f"{kind.name} saw what it may not see"
    assert run["samples"][0] == counts.sum()
    whole = 3 * len(case.splits.retain) * case.recipe.epochs  # a backward pass counts as two
    work = run["forward"][0] + 2 * run["backward"][0]
    assert run["share of retraining"][0] == pytest.approx(work / whole)
    judgment = evaluate_model(rebuilt(result["model"]), case)
    assert figures(judgment) == pytest.approx(scores(result), nan_ok=True)
    card = json.loads(result["model"].card)
    assert card["parent"] == case.model.fingerprint
    assert card["made_by"] == kind.full_name()
    assert card["above"] == [case.model.title]


def test_a_method_that_reaches_for_what_it_may_not_see_is_stopped(case):
    class Sly(unlearning.FineTune):
        def stages(self, work, epoch):
            return [(work.forget, lambda rows: None)]

    with pytest.raises(RuntimeError, match="must not see"):
        Sly()(case)


def test_an_unlearned_model_is_kept_below_its_parent_with_its_settings(case, empty_home):
    result = answer(unlearning.SSD(ratio=20.0), case)
    stored = checkpoints.keep(result["model"])
    model = checkpoints.load(stored.name)
    assert model.lineage.parent == case.model.fingerprint
    assert model.lineage.made_by == "unlearning.SSD"
    assert json.loads(model.lineage.settings)["ratio"] == 20.0
    assert stored.card.title == "forgot class 3 · SSD"
    assert stored.card.data == "digits"
    assert model.lineage.trail == f"{case.model.title} ▸ forgot class 3 · SSD"
    assert_weights(result, model, rtol=0)


@pytest.mark.parametrize(
    "method", [unlearning.RandomLabels(rate=0.5), unlearning.RandomLabels(rate=0.5, keep=5.0)]
)
def test_a_run_that_is_no_number_any_more_is_marked_with_its_step_and_keeps_good_weights(method):
    case = class_case()  # sure enough that its slopes are steep
    result = method(replace(case, model=steepened(case.model, 30)))
    failed, steps = result["run"]["failed_at"][0], result["run"]["steps"][0]
    assert 0 <= failed == steps
    assert all(np.isfinite(weight).all() for weight in result["model"].weights.values())
    assert evaluate_model(rebuilt(result["model"]), case).finite


def test_steps_are_watched_from_the_original_to_the_end(case):
    snapshots = {}

    def watch(step, model):
        assert not model.training
        snapshots[step] = model.network.state_dict()["conv1.weight"].clone().numpy()

    result = unlearning.RandomLabels(epochs=3)(case, watch=watch)
    assert list(snapshots) == [0, 15, 30, 45]
    assert np.array_equal(snapshots[0], case.model.network.state_dict()["conv1.weight"])
    assert np.array_equal(snapshots[45], result["model"].weights["conv1.weight"])


def test_who_cannot_be_retrained_is_refused_and_names_say_what_was_changed():
    case = tiny.forget_case(tiny.linear_case().model)
    words = "needs a model whose network can be trained anew"
    assert_refused(words, answer, unlearning.FineTune(), case, error=DoesNotFit)
    assert unlearning.SalUn().label == "SalUn"
    assert unlearning.SalUn(share=0.1).label == "SalUn (share 0.1)"
    assert len({kind.short for kind in unlearning.UNLEARNERS}) == len(unlearning.UNLEARNERS)


def test_three_images_of_ones_own_can_be_forgotten(case):
    rows = np.concatenate([case.data.rows("train")[:2], case.data.rows("test")[:1]])
    three = case.data.take(rows)
    single = unlearning.request.of_ids(three, three.ids[:1])
    tiny_case = unlearning.forget_case(case.model, three, single, case.recipe)
    for method in (FineTune(epochs=1), unlearning.SSD(), unlearning.SalUn(epochs=1), Retrain()):
        assert np.isfinite(answer(method, tiny_case)["scores"].values[:4]).all()


def test_wrong_labels_are_measured_against_the_labels_that_were_learnt():
    case = noisy_case()
    unlearned = scores(answer(unlearning.NoOp(), case))
    wrong = case.data.places(case.request.ids)
    predictions = case.model.logits(case.data.pixels(wrong)).argmax(1).numpy()
    assert unlearned["UA"] == pytest.approx(np.mean(predictions != case.data.labels[wrong]))


def test_the_answer_does_not_depend_on_who_asked_the_model_before(case):
    layouts = torch.contiguous_format, torch.channels_last
    models = [deepcopy(case.model).to(memory_format=layout) for layout in layouts]
    for method in (FineTune(epochs=1), unlearning.Saliency()):
        assert not differing(*(method(replace(case, model=model)) for model in models))


def test_every_way_to_the_pixels_is_noted_in_a_training_and_in_reading_answers():
    data = RecordedData.of(data_sets.load("digits"))
    assert data.seen.sum() == 0
    data.pixels(np.array([3, 5]))
    data.images[np.array([5, 5])]
    assert {int(row): int(data.seen[row]) for row in np.flatnonzero(data.seen)} == {3: 1, 5: 3}
    before = data.seen.sum()
    data.pixels()
    np.asarray(data.images)
    data.images[:]
    assert data.seen.sum() == before + 3 * len(data)
    plain, recipe, models = data_sets.load("digits"), Recipe("mlp", epochs=2), []
    for data in (plain, RecordedData.of(plain)):
        models.append(fresh(plain, recipe))
        log = train(models[-1], data, recipe, rows=plain.rows("train")[10:])
    np.testing.assert_array_equal(data.seen[plain.rows("train")], log.shown[plain.rows("train")])
    assert models[0].fingerprint == models[1].fingerprint
    assert data.fingerprint == plain.fingerprint
    data = RecordedData.of(plain)
    outputs(models[0], data, np.arange(7))
    assert data.seen.tolist() == [1] * 7 + [0] * (len(data) - 7)


PAGE = Path(__file__).parents[3] / "docs" / "adding-a-method.md"


def written():
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (code,) = (block for block in blocks if "class Fade" in block)
    names = {"dataclass": dataclass, "Slider": Slider, "setting": setting, "Work": UnlearningRun}
    names |= {"Unlearner": Unlearner, "__name__": __name__}
    exec(compile(code, str(PAGE), "exec"), names)  # noqa: S102 - the page's own code
    return names["Fade"]


def test_the_example_of_the_docs_is_an_unlearner():
    fade, case = written(), class_case()
    result = answer(fade(), case)
    before = case.model.network.head.weight.detach().numpy()
    after = result["model"].weights["head.weight"]
    np.testing.assert_allclose(after[3], before[3] / 2)
    np.testing.assert_array_equal(np.delete(after, 3, 0), np.delete(before, 3, 0))
    assert not result["seen"]["seen"].any()  # it asks for labels, not for images
    board = unlearning.BoardCase(case, (fade(), fade(left=0.0)))
    table = answer(unlearning.Scoreboard(), board)["table"]
    assert table.rows == ("Retrain", "Fade", "Fade (left 0.0)")
    assert table.cell("Fade (left 0.0)", "UA") >= table.cell("Fade", "UA")
    moved = answer(unlearning.WhatMoved(), unlearning.AfterCase(case, fade()))["layers"]
    assert moved.cell("head.weight", "moved") == pytest.approx(0.1, abs=0.01)
    assert moved.cell("fc.weight", "moved") == 0
    assert_refused("Left", fade, left=2.0, error=BadSetting)


METHOD = PruneFirst(ratio=0.9, epochs=2)


def test_the_zeros_of_sparsity_stay_in_the_unlearned_and_in_the_retrained_model(case):
    pruned = METHOD.reference(case)
    masks = masks_in(pruned.model)
    assert masks.sparsity == pytest.approx(0.9, abs=1e-3)
    for view in (answer(Retrain(), pruned)["model"], answer(METHOD, case)["model"]):
        for name in masks:
            assert not view.weights[name][~masks[name].numpy()].any()
        assert masks_in(rebuilt(view)).digest == masks.digest
    assert pruned.request is case.request


def test_it_is_the_other_unlearner_on_the_pruned_model_to_the_bit(case):
    ours, theirs = answer(METHOD, case), answer(FineTune(), METHOD.reference(case))
    assert same(ours, theirs)
    assert ours["run"]["samples"] == theirs["run"]["samples"]
    assert np.array_equal(ours["seen"]["seen"], theirs["seen"]["seen"])
    assert ours["run"]["seconds before"][0] > 0
    assert ours["model"].parent == case.model.fingerprint
    assert masks_in(case.model) is None


@pytest.mark.parametrize("by", ["OMP", "IMP", "SynFlow"])
def test_originals_that_are_trained_sparse_forget_with_their_zeros_and_keep_their_head(case, by):
    method = PruneFirst(by=by, ratio=0.36, epochs=1)
    pruned = method.reference(case)
    masks = masks_in(pruned.model)
    assert masks.sparsity == pytest.approx(0.36, abs=1e-3)
    assert all(part.role != "head" for part in masks.parts)
    first = PruneCase(untrained(case.model, case.seed), case.data, case.seed, recipe=case.recipe)
    theirs = answer(Rewound(way=by, ratio=0.36), first)["model"].weights
    assert all(np.array_equal(pruned.model.network.state_dict()[n], w) for n, w in theirs.items())
    retrained, unlearned = answer(Retrain(), pruned), answer(method, case)
    for result in (retrained, unlearned):
        assert masks_in(rebuilt(result["model"])).digest == masks.digest
    assert unlearned["run"]["seconds before"][0] > 0
    assert method.reference(case).model.fingerprint != METHOD.reference(case).model.fingerprint


@pytest.mark.parametrize("then", ["SSD", "SalUn", "GA", "RL", "FF", "SCRUB"])
def test_any_of_them_keeps_the_zeros(case, then):
    masks = masks_in(METHOD.reference(case).model)
    view = answer(PruneFirst(then=then, ratio=0.9, epochs=1), case)["model"]
    assert all(not view.weights[name][~masks[name].numpy()].any() for name in masks)
    assert then in THEN
