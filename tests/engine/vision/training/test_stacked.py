"""Networks trained together end where each ends that is trained alone."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.core.errors import BadModel, BlindspotError
from engine.core.keeping.store import StoredAnswer, pack, unpack
from engine.vision import training
from engine.vision.models import stack
from engine.vision.models.bits import packed_bits
from engine.vision.models.card import card_of, networks
from engine.vision.models.passes import Passes, counting_passes
from engine.vision.models.rebuild import rebuilt
from engine.vision.models.stack import Stack
from tests import tiny
from tests.engine.vision.training.test_loop import RECIPE, same, striped
from tests.engine.vision.training.test_objective import LABELS

SEEDS = (4, 0, 9)
MOVED = replace(RECIPE, shift=1, mirror=True, schedule="one cycle")
RECIPES = {
    "mlp": MOVED,
    "lenet": replace(MOVED, architecture="lenet"),
    "adamw": replace(MOVED, optimizer="AdamW", rate=0.005),
    "batch norm": replace(MOVED, architecture="resnet8", rate=0.02),
}


def begun(data, recipe=RECIPE, seeds=SEEDS):
    return [training.fresh(data, recipe, seed) for seed in seeds]


def together(data, recipe=RECIPE, seeds=SEEDS, **given):
    models = begun(data, recipe, seeds)
    return models, training.train_stacked(models, data, recipe, seeds, **given)


def furthest(model, other):
    """The largest difference of two models' weights and buffers."""
    a, b = model.network.state_dict(), other.network.state_dict()
    return max((a[name].double() - b[name].double()).abs().max().item() for name in a)


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_each_ends_at_the_weights_of_a_training_of_its_own(data, recipe):
    models, log = together(data, recipe)
    logs = []
    for model, seed in zip(models, SEEDS, strict=True):
        alone = training.fresh(data, recipe, seed)
        logs.append(training.train(alone, data, recipe, seed))
        assert furthest(model, alone) < 1e-6
        assert furthest(model, training.fresh(data, recipe, seed)) > 1e-3
        assert not model.training
        assert not any(p.requires_grad for p in model.parameters())
    for curve in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
        expected = np.mean([getattr(log, curve) for log in logs], 0)
        np.testing.assert_allclose(getattr(log, curve), expected, rtol=1e-4)
    np.testing.assert_array_equal(log.shown, sum(log.shown for log in logs))


@pytest.mark.parametrize("architecture", ["mlp", "lenet"])
def test_what_is_left_of_a_difference_is_rounding(data, architecture):
    """In float32 it grows with every step; in float64 nothing is left after sixty."""
    recipe = replace(MOVED, architecture=architecture, epochs=15)
    models = [model.double() for model in begun(data, recipe)]
    training.train_stacked(models, data, recipe, SEEDS)
    for model, seed in zip(models, SEEDS, strict=True):
        alone = training.fresh(data, recipe, seed).double()
        training.train(alone, data, recipe, seed)
        assert furthest(model, alone) < 1e-12


@pytest.mark.parametrize("architecture", ["lenet", "resnet8"])
def test_on_large_images_each_is_passed_by_itself_to_the_same_end(architecture):
    """Convolutions of 16 pixels a side and more; the threads change no bit."""
    large = striped(side=16)
    recipe = replace(MOVED, architecture=architecture, epochs=2, rate=0.01)
    stacks = [begun(large, recipe), begun(striped(), recipe), begun(large)]
    parts = [len(Stack(group).parts) for group in stacks]
    assert parts == [3, 2, 1]  # the last has no convolutions
    masks = [halved(model, seed) for model, seed in zip(begun(large, recipe), SEEDS, strict=True)]
    models, log = together(large, recipe, masks=masks)
    again, _ = together(large, recipe, masks=masks)
    losses = []
    for model, twin, seed, model_masks in zip(models, again, SEEDS, masks, strict=True):
        assert same(model, twin)
        alone = training.fresh(large, recipe, seed)
        losses.append(training.train(alone, large, recipe, seed, masks=model_masks).train_loss)
        assert furthest(model, alone) < 1e-5
        assert furthest(model, training.fresh(large, recipe, seed)) > 1e-3
        state = model.network.state_dict()
        assert not any(state[name][~mask].any() for name, mask in model_masks.items())
    np.testing.assert_allclose(log.train_loss, np.mean(losses, 0), rtol=1e-4)
    assert_answers_as_its_networks(models, large.pixels(large.rows("test")), 1e-5)


def test_threads_that_begin_later_have_as_many_cores_as_before():
    large, usual = striped(side=16), torch.get_num_threads()
    stacked = Stack(begun(large, replace(RECIPE, architecture="lenet")))
    torch.set_num_threads(2)
    try:
        stacked(large.pixels(large.rows("test")).expand(3, -1, -1, -1, -1))
        with ThreadPoolExecutor(1) as later:
            assert later.submit(torch.get_num_threads).result() == 2
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(usual)


def test_a_state_of_one_pass_for_all_is_not_gone_on_with_by_itself(
    tmp_path, monkeypatch, interrupted
):
    large, keep = striped(side=16), tmp_path / "state"
    recipe = replace(RECIPE, architecture="lenet", epochs=4)
    monkeypatch.setattr(training.loop, "KEEP_SECONDS", 0.0)
    with monkeypatch.context() as before:
        before.setattr(stack, "NARROW", 17)
        interrupted(together, large, recipe, keep=keep, beyond=0.5)
    assert keep.is_file()
    begin = []
    together(large, recipe, keep=keep, progress=lambda done, *_: begin.append(done))
    assert begin[0] < 0.5


@pytest.mark.parametrize("objective", [training.binary_cross_entropy, training.squared_error])
def test_each_learns_its_own_images_and_targets_of_any_kind(data, objective):
    whole = data.rows("train")
    rows = [np.roll(whole, 5 * place)[:20] for place in range(3)]
    models, _ = together(data, rows=rows, objective=objective, targets=LABELS)
    for model, seed, model_rows in zip(models, SEEDS, rows, strict=True):
        alone, given = training.fresh(data, RECIPE, seed), {"targets": LABELS, "rows": model_rows}
        training.train(alone, data, RECIPE, seed, objective=objective, **given)
        assert furthest(model, alone) < 1e-6


def halved(model, seed):
    """Masks that keep about half of each matrix of weights, drawn anew for each network."""
    chance = tiny.seeded(seed)
    matrices = [(name, w) for name, w in model.network.named_parameters() if w.ndim > 1]
    return {name: torch.rand(w.shape, generator=chance) < 0.5 for name, w in matrices}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_each_has_masks_of_its_own_and_a_start_and_what_is_cut_is_exactly_0_all_the_way(
    data, recipe
):
    start, last = 4, 12
    models = begun(data, recipe)
    masks = [halved(model, seed) for model, seed in zip(models, SEEDS, strict=True)]
    masks[1] = {}  # whole
    recorder = training.StackRecorder((start, 6, last))
    training.train_stacked(models, data, recipe, SEEDS, masks=masks, start=start, recorder=recorder)
    for place, (model, seed, model_masks) in enumerate(zip(models, SEEDS, masks, strict=True)):
        alone, record = training.fresh(data, recipe, seed), training.Recorder((start, 6, last))
        training.train(alone, data, recipe, seed, masks=model_masks, start=start, recorder=record)
        assert furthest(model, alone) < 1e-6
        assert furthest(model, training.fresh(data, recipe, seed)) > 1e-4
        assert model.masks.keys() == model_masks.keys()
        for step, weights in recorder.weights.items():
            for name, tensor in weights.items():
                near = torch.allclose(tensor[place], record.weights[step][name], atol=1e-6)
                assert near, (step, name)
                assert name not in model_masks or not tensor[place][~model_masks[name]].any()
        begin = training.fresh(data, recipe, seed).network.state_dict()
        for name, tensor in recorder.weights[start].items():
            is_kept = model_masks.get(name, torch.ones_like(tensor[place], dtype=torch.bool))
            assert torch.equal(tensor[place][is_kept], begin[name][is_kept])
    again, _ = together(data, recipe)
    for model, model_masks in zip(again, masks, strict=True):
        model.masks = packed_bits({name: mask.numpy() for name, mask in model_masks.items()})
    training.train_stacked(again, data, recipe, SEEDS)  # masks that they carry
    for model, model_masks in zip(again, masks, strict=True):
        state = model.network.state_dict()
        assert all(not state[name][~mask].any() for name, mask in model_masks.items())


def test_each_is_asked_about_the_validation_images_at_chosen_steps(data):
    models, recorder = begun(data, MOVED), training.StackRecorder(looks=(5, 12))
    log = training.train_stacked(models, data, MOVED, SEEDS, recorder=recorder)
    for place, seed in enumerate(SEEDS):
        alone, record = training.fresh(data, MOVED, seed), training.Recorder((5, 12))
        model_log = training.train(alone, data, MOVED, seed, recorder=record)
        alone.network.load_state_dict(record.weights[5])
        rows = data.rows("validation")
        logits, right = training.outputs(alone, data, rows), data.targets(rows)
        early, late = recorder.weights[5], recorder.weights[12]
        loss = torch.nn.functional.cross_entropy(logits, right).item()
        assert early["validation loss"][place].item() == pytest.approx(loss, rel=1e-4)
        share = (logits.argmax(1) == right).float().mean().item()
        assert early["validation accuracy"][place].item() == pytest.approx(share)
        last = late["validation loss"][place].item()
        assert last == pytest.approx(model_log.validation_loss[-1], rel=1e-4)
    assert late["validation loss"].mean().item() == pytest.approx(log.validation_loss[-1])


def test_other_masks_a_start_and_snapshots_are_another_question(data, tmp_path, interrupted):
    keep = tmp_path / "state.safetensors"
    masks = [halved(model, 0) for model in begun(data)]
    reports = interrupted(together, data, masks=masks, keep=keep, calls=8)
    recorder = training.StackRecorder((9,))
    for options in ({}, {"masks": masks, "start": 1}, {"masks": masks, "recorder": recorder}):
        content, begin = keep.read_bytes(), []
        together(data, keep=keep, progress=lambda done, *_, b=begin: b.append(done), **options)
        assert begin[0] < reports[-1]
        keep.write_bytes(content)
    begin = []
    together(data, masks=masks, keep=keep, progress=lambda done, *_: begin.append(done))
    assert begin[0] > reports[-1] - 1e-9


@pytest.mark.parametrize("name", ["mlp", "lenet"])
def test_its_passes_are_those_of_all_of_them(data, name):
    bills, recipe = [], replace(RECIPE, architecture=name)
    for work in (
        lambda: together(data, recipe),
        lambda: [training.train(training.fresh(data, recipe, s), data, recipe, s) for s in SEEDS],
    ):
        with counting_passes(bill := Passes()):
            work()
        bills.append((bill.forward, bill.backward))
    assert bills[0] == bills[1] == (3 * 3 * 27, 3 * 3 * 27)


@pytest.mark.parametrize("calls", [1, 6])
def test_an_interrupted_one_goes_on_to_the_same_bits(data, calls, tmp_path, interrupted):
    recipe = RECIPES["batch norm"]
    whole, full = together(data, recipe)
    keep, models = tmp_path / "state.safetensors", begun(data, recipe)
    given = {"keep": keep, "calls": calls}
    reports = interrupted(training.train_stacked, models, data, recipe, SEEDS, **given)
    assert all(same(a, b) for a, b in zip(models, begun(data, recipe), strict=True))
    begin = []
    again, log = together(data, recipe, keep=keep, progress=lambda done, *_: begin.append(done))
    assert begin[0] > reports[-1] - 1e-9
    assert all(same(a, b) for a, b in zip(whole, again, strict=True))
    np.testing.assert_array_equal(log.train_loss, full.train_loss)
    assert not keep.exists()


def test_other_seeds_are_another_question(data, tmp_path, interrupted):
    keep = tmp_path / "state.safetensors"
    interrupted(training.train_stacked, begun(data), data, RECIPE, SEEDS, keep=keep)
    models = begun(data)
    training.train_stacked(models, data, RECIPE, (4, 0, 1), keep=keep)
    alone = training.fresh(data, RECIPE, SEEDS[2])
    training.train(alone, data, RECIPE, 1)
    assert furthest(models[2], alone) < 1e-6


def assert_answers_as_its_networks(models, images, near):
    """A stack of them gives the logits of each."""
    stacked = Stack(models)(images.expand(len(models), -1, -1, -1, -1))
    for model, logits in zip(models, stacked, strict=True):
        assert torch.allclose(logits, model.logits(images), atol=near)


def test_a_stack_answers_as_its_networks_do(data):
    models = begun(data, RECIPES["lenet"])
    assert_answers_as_its_networks(models, data.pixels(data.rows("test")), 1e-6)


def test_the_view_of_networks_survives_the_store_and_gives_each_back(data):
    models, _ = together(data, RECIPES["batch norm"])
    cards = [
        card_of(model, seed=seed, made_by="lab.Train", parent=models[0])
        for model, seed in zip(models, SEEDS, strict=True)
    ]
    view = networks(models, cards)
    description, packed = pack(StoredAnswer({"models": view}, {}))
    back = unpack(json.loads(json.dumps(description)), packed).result["models"]
    assert len(back) == 3
    for place, model in enumerate(models):
        assert rebuilt(back[place]).fingerprint == model.fingerprint
        assert back[place].parent == models[0].fingerprint
        assert json.loads(back[place].card)["seed"] == SEEDS[place]
    with pytest.raises(IndexError):
        back[3]
    for some, of_some in ((models, cards[:2]), ([], [])):
        with pytest.raises(ValueError, match=f"{len(some)} models have {len(of_some)} cards"):
            networks(some, of_some)
    with pytest.raises(ValueError, match="2 networks have 3 weights"):
        replace(view, cards=view.cards[:2])


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"seeds": (0, 1)}, BlindspotError, "3 networks, 2 seeds and 3 lists"),
        ({"rows": [*map(np.arange, (9, 9, 8))]}, BlindspotError, "as many images each"),
        ({"rows": [np.arange(0)] * 3}, BlindspotError, "has no images to train on"),
        ({"recipe": replace(RECIPE, epsilon=0.1)}, BlindspotError, "together against attacks"),
        ({"last": "lenet"}, BadModel, "one form and one normalization"),
        ({"models": [], "seeds": ()}, BadModel, "no network to stack"),
        ({"masks": [{}]}, BlindspotError, "masks of 1 networks for 3"),
        ({"masks": [{"fc9": torch.ones(2)}, {}, {}]}, BadModel, "no weight called 'fc9'"),
        (
            {"masks": [{"fc1.weight": torch.ones(2)}, {}, {}]},
            BadModel,
            r"mask of fc1\.weight has the shape \(2,\), not \(128, 64\)",
        ),
        ({"start": 12}, BlindspotError, "cannot start after 12"),
        ({"recorder": training.StackRecorder((13,))}, BlindspotError, "0 to 12 of this .*not 13"),
        ({"recorder": training.StackRecorder(decay=0.9)}, BlindspotError, "trained alone"),
    ],
)
def test_what_cannot_be_trained_together_is_said(data, changed, error, words):
    options = {"last": "mlp", "recipe": RECIPE, "seeds": SEEDS} | changed
    models = [*begun(data)[:2], training.fresh(data, training.Recipe(options.pop("last")))]
    with pytest.raises(error, match=words):
        training.train_stacked(**{"models": models, "data": data} | options)


def test_a_loss_that_runs_away_is_said(data):
    wild = replace(RECIPE, rate=1.0, momentum=0.99, epochs=50)
    with pytest.raises(BlindspotError, match=r"no number any more in epoch \d"):
        together(data, wild, objective=training.squared_error, targets=LABELS * 1e6)
