"""The loop is the textbook's, written again plainly; it forgets nothing and repeats itself."""

import errno
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.core.errors import BlindspotError
from engine.core.keeping.store import PART, STRAY_SECONDS
from engine.vision.data import DataCard, DataSet, split_rows
from engine.vision.training import Recipe, fresh, loop, masked, state, train
from engine.vision.training.masks import unmasked_name
from engine.vision.training.state import state_file, unfinished

RECIPE = Recipe("mlp", epochs=3, batch=8, rate=0.1, momentum=0.9, decay=0.01, schedule="constant")
EVERYTHING = replace(
    RECIPE,
    architecture="resnet8",
    optimizer="AdamW",
    rate=0.01,
    schedule="one cycle",
    shift=1,
    mirror=True,
    epsilon=0.1,
    attack_steps=2,
)


def striped(count: int = 45, classes: int = 3, side: int = 8, seed: int = 0) -> DataSet:
    """Images with one bright column that says their class, and noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=count)
    images = rng.integers(0, 90, (count, 1, side, side), dtype=np.uint8)
    images[np.arange(count), 0, :, labels * 2] += 120
    split = split_rows(count, (3, 1, 1), seed=0)
    card = DataCard("Stripes", "", "", "")
    return DataSet("stripes", card, ("a", "b", "c"), images, labels, np.arange(count) * 7, split)


def trained(data, recipe=RECIPE, seed=0, **given):
    model = fresh(data, recipe, seed)
    return model, train(model, data, recipe, seed, **given)


def same(model, other):
    a, b = model.network.state_dict(), other.network.state_dict()
    assert a.keys() == b.keys()
    return all(torch.equal(a[name], b[name]) for name in a)


def test_it_is_momentum_descent_written_out(data):
    model = fresh(data, RECIPE, 0)
    before = model.fingerprint
    log = train(model, data, RECIPE, 0)
    assert model.fingerprint != before
    plainly = fresh(data, RECIPE, 0)
    weights = [p.detach().clone().requires_grad_() for p in plainly.network.parameters()]
    memory = [torch.zeros_like(w) for w in weights]
    names = [name for name, _ in plainly.network.named_parameters()]
    rows, losses = data.rows("train"), []
    for epoch in range(3):
        order = np.random.default_rng([0, epoch]).permutation(rows)
        total = 0.0
        for batch in np.array_split(order, 4):  # 27 images, at most 8 at a time
            pixels = (data.pixels(batch) - plainly.mean) / plainly.std
            logits = torch.func.functional_call(
                plainly.network, dict(zip(names, weights, strict=True)), (pixels,)
            )
            loss = F.cross_entropy(logits, data.targets(batch))
            total += loss.item() * len(batch)
            for i, slope in enumerate(torch.autograd.grad(loss, weights)):
                memory[i] = 0.9 * memory[i] + slope + 0.01 * weights[i].detach()
                weights[i] = (weights[i].detach() - 0.1 * memory[i]).requires_grad_()
        losses.append(total / len(rows))
    for name, weight in zip(names, weights, strict=True):
        assert torch.allclose(model.network.get_parameter(name), weight, atol=1e-5), name
    np.testing.assert_allclose(log.train_loss, losses, rtol=1e-4)


def test_it_learns_and_its_log_says_so(data):
    model, log = trained(data, replace(RECIPE, epochs=12, schedule="cosine"))
    assert log.train_loss[0] > 0.8
    assert log.train_loss[-1] < 0.2
    rows = data.rows("validation")
    right = model.logits(data.pixels(rows)).argmax(1) == data.targets(rows)
    assert log.validation_accuracy[-1] == pytest.approx(right.float().mean().item())
    assert (log.done, log.epochs) == (12, 12)
    assert (log.seconds > 0).all()
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("recipe", [RECIPE, EVERYTHING], ids=["plain", "everything"])
def test_the_same_question_gives_the_same_bits_whatever_happens_around_it(data, recipe):
    first, _ = trained(data, recipe)
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    threads = torch.get_num_threads()
    second, _ = trained(data, recipe, progress=lambda *_: torch.set_num_threads(threads))
    assert same(first, second)
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads
    third, _ = trained(data, recipe, seed=1)
    assert not same(first, third)


@pytest.mark.parametrize("recipe", [RECIPE, replace(RECIPE, optimizer="Adam"), EVERYTHING])
@pytest.mark.parametrize("calls", [1, 6])
def test_a_cancelled_training_goes_on_to_the_same_bits(data, recipe, calls, tmp_path, interrupted):
    whole, full = trained(data, recipe)
    keep, steps = tmp_path / "state.safetensors", []
    shares = interrupted(trained, data, recipe, keep=keep, calls=calls)
    assert keep.is_file()
    assert shares == sorted(shares)
    hook = {"after_step": lambda _model, rate: steps.append(rate)}
    again, log = trained(data, recipe, keep=keep, **hook)
    assert len(steps) == {1: 11, 6: 7}[calls]  # the fifth report is of an epoch, not of a step
    assert same(whole, again)
    np.testing.assert_array_equal(log.train_loss, full.train_loss)
    np.testing.assert_array_equal(log.shown, full.shown)
    assert not keep.exists()


def test_a_damaged_state_or_one_of_another_question_is_left_aside(data, tmp_path, interrupted):
    whole, _ = trained(data)
    keep = tmp_path / "state.safetensors"
    interrupted(trained, data, keep=keep, beyond=0.5)
    good = keep.read_bytes()
    flipped = bytearray(good)
    flipped[-100] ^= 1
    for bad in (b"", good[:100], good[:-7], bytes(flipped), b"\xff" * 200):
        keep.write_bytes(bad)
        again, log = trained(data, keep=keep)
        assert same(whole, again)
        assert log.done == 3
    keep.write_bytes(good)
    other, _ = trained(data, seed=5, keep=keep)
    assert same(other, trained(data, seed=5)[0])


def test_a_full_disk_costs_the_state_and_not_the_training(data, tmp_path, monkeypatch):
    def full(_path, _data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(state, "write_atomic", full)
    monkeypatch.setattr(loop, "KEEP_SECONDS", 0.0)
    model, _ = trained(data, keep=tmp_path / "state.safetensors")
    assert same(model, trained(data)[0])
    assert list(tmp_path.iterdir()) == []


def test_unfinished_trainings_are_known_by_name_and_bounded(
    data, monkeypatch, interrupted, empty_home
):
    monkeypatch.setattr(state, "UNFINISHED", 2)
    for name in ("one", "two", "three"):
        interrupted(trained, data, keep=state_file(name))
    assert unfinished()[0].name == "three"
    state_file("damaged").write_bytes(b"no")
    assert "damaged" not in {training.name for training in unfinished()}
    state_file("damaged").unlink()
    trained(data, keep=state_file("four"))
    assert len(unfinished()) == 2


def test_who_was_shown_how_often_is_counted(data):
    rows = data.rows("train")[::2]
    _, log = trained(data, rows=rows)
    assert (log.shown[rows] == 3).all()
    assert log.shown.sum() == 3 * len(rows)
    np.testing.assert_array_equal(log.ids, data.ids)


def test_a_weight_of_nothing_is_as_if_the_image_had_no_label(data):
    rows = data.rows("train")
    weights = np.ones(len(data), np.float32)
    assert same(trained(data)[0], trained(data, weights=weights)[0])
    weights[rows[:9]] = 0
    labels = data.labels.copy()
    labels[rows[:9]] = (labels[rows[:9]] + 1) % 3
    weighted, _ = trained(data, weights=weights)
    other, _ = trained(replace(data, labels=labels), weights=weights)
    assert same(weighted, other)
    assert not same(weighted, trained(data)[0])


def test_negative_weights_climb(data):
    up = np.full(len(data), -1, np.float32)
    _, log = trained(data, replace(RECIPE, rate=0.01), weights=up)
    assert log.train_loss[-1] > log.train_loss[0] + 0.1


def test_masked_weights_are_zero_all_the_way_and_in_the_end(data):
    maxima = []

    def look(model, _rate):
        weight = model.network.fc1.weight
        maxima.append(weight[~masks["fc1.weight"]].abs().max().item())

    model = fresh(data, RECIPE, 0)
    generator = torch.Generator().manual_seed(1)
    masks = {
        name: torch.rand(p.shape, generator=generator) < 0.3
        for name, p in model.network.named_parameters()
        if name.endswith("weight")
    }
    train(model, data, RECIPE, masks=masks, after_step=look)
    assert set(maxima) == {0.0}
    for name, mask in masks.items():
        weight = model.network.get_parameter(name)
        assert (weight[~mask] == 0).all()
        assert (weight[mask] != 0).any()
    assert set(model.network.state_dict()) == set(fresh(data, RECIPE).network.state_dict())
    assert type(model.network.fc1) is torch.nn.Linear


def test_masks_of_ones_change_no_bit(data, tmp_path, interrupted):
    full_masks = {"conv.weight": torch.ones(16, 1, 3, 3, dtype=torch.bool)}
    whole, _ = trained(data, EVERYTHING)
    assert same(whole, trained(data, EVERYTHING, masks=full_masks)[0])
    keep = tmp_path / "state.safetensors"
    interrupted(trained, data, EVERYTHING, masks=full_masks, keep=keep, beyond=0.5)
    assert same(whole, trained(data, EVERYTHING, masks=full_masks, keep=keep)[0])


def test_a_mask_that_fits_nothing_is_said(data):
    for name, words in (
        ("fc9", "no weight called 'fc9'"),
        ("fc1.bias", r"mask of fc1.bias has the shape \(1,\), not \(128,\)"),
    ):
        with pytest.raises(BlindspotError, match=words):
            trained(data, masks={name: torch.ones(1)})
    model = fresh(data, RECIPE)
    with masked(model.network, {"fc1.weight": torch.ones(128, 64)}):
        names = [unmasked_name(name) for name in model.network.state_dict()]
    assert sorted(names) == sorted(model.network.state_dict())


def test_a_loss_that_runs_away_is_said(data):
    wild = replace(RECIPE, rate=1.0, momentum=0.99, epochs=200, decay=0.1)
    with pytest.raises(BlindspotError, match=r"no number any more in epoch \d.*rate below 1"):
        trained(data, wild, objective=lambda model, batch: model(batch.pixels).square().sum() * 1e6)


def test_nothing_to_learn_from_is_said(data):
    model = fresh(data, RECIPE)
    with pytest.raises(BlindspotError, match="Stripes has no images to train on"):
        train(model, data, RECIPE, rows=np.array([], np.int64))
    wide = replace(data, images=data.images[:, :, :, :7])
    with pytest.raises(BlindspotError, match="must be square, not 8 × 7"):
        fresh(wide, RECIPE)


def aged(path, seconds):
    path.write_bytes(b"x")
    when = path.stat().st_mtime - seconds
    os.utime(path, (when, when))
    return path


def test_the_states_touched_longest_ago_go_and_the_latest_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(state, "UNFINISHED", 2)
    for name, seconds in (("b", 30), ("c", 20), ("a", 40), ("d", 10)):
        aged(tmp_path / f"{name}.safetensors", seconds)
    state.sweep(tmp_path)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["c", "d"]
    state.sweep(tmp_path / "not there")


def test_what_a_killed_process_left_goes_when_it_is_old_and_not_while_it_is_written(tmp_path):
    old = aged(tmp_path / f"{PART}old", STRAY_SECONDS + 60)
    new = aged(tmp_path / f"{PART}new", 0)
    other = aged(tmp_path / "note.txt", STRAY_SECONDS + 60)
    state.sweep(tmp_path)
    assert not old.exists()
    assert new.exists()
    assert other.exists()


def test_unfinished_trainings_come_the_latest_first(data, interrupted, empty_home):
    for seconds, name in ((5, "one"), (20, "two"), (10, "three")):
        interrupted(trained, data, keep=state_file(name))
        when = state_file(name).stat().st_mtime - seconds
        os.utime(state_file(name), (when, when))
    assert [training.name for training in unfinished()] == ["one", "three", "two"]


def test_an_epoch_s_curves_are_of_the_network_as_it_was_shown_the_images(data):
    """At next to no rate that is the network it began with."""
    recipe = replace(RECIPE, epochs=1, rate=1e-5, momentum=0.0, decay=0.0)
    start = fresh(data, recipe, 0)
    _, log = trained(data, recipe)
    for split, loss, right in (
        ("train", log.train_loss, log.train_accuracy),
        ("validation", log.validation_loss, log.validation_accuracy),
    ):
        rows = data.rows(split)
        logits, targets = start.logits(data.pixels(rows)), data.targets(rows)
        assert right[0] == pytest.approx((logits.argmax(1) == targets).float().mean().item())
        assert loss[0] == pytest.approx(F.cross_entropy(logits, targets).item(), rel=1e-2)
    assert log.train_accuracy[0] not in {0, 0.5, 1}  # another count than that of its misses
