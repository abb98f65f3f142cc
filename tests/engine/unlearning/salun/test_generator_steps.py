"""SalUn's mask and steps for a generator, by the published rule."""

from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.unlearning.salun import generator_steps as forgetting
from engine.unlearning.salun.generator_steps import ForgetImages, chance_scores, saliency, unlearn
from engine.unlearning.salun.saliency import salient
from tests import tiny
from tests.refusals import reports_until_stopped


def asked_of(case, label=1):
    """The class of a tiny case, with all training images."""
    rows = case.data.rows("train")
    images = case.generator.images(case.data, rows)
    return ForgetImages(case.generator, label, images, case.data.targets(rows))


@pytest.fixture
def forget_images():
    return asked_of(tiny.generator_case())


def slow_saliency(forget_images, seed):
    """One image after the other; signs are kept in the sum, and dropped at the end."""
    network, chance = forget_images.generator.own_network(), np.random.default_rng([seed, 53])
    class_rows = np.flatnonzero(forget_images.labels.numpy() == forget_images.label)
    alpha_bar = np.concatenate([[1.0], np.cumprod(1 - np.linspace(1e-4, 0.05, 200))])
    weights = dict(network.named_parameters())
    total = {name: np.zeros(tuple(weight.shape)) for name, weight in weights.items()}
    for _ in range(20):  # these few images are one batch
        order = chance.permutation(class_rows)
        half = chance.integers(0, 200, len(class_rows) // 2 + 1)
        times = [*half, *(199 - half)][: len(class_rows)]
        noise = chance.standard_normal((len(class_rows), 1, 8, 8), np.float32)
        loss = torch.zeros(())
        for place, time, drawn in zip(order, times, torch.from_numpy(noise), strict=True):
            now = alpha_bar[time + 1]
            image = forget_images.images[place]
            noisy = (now**0.5 * image + (1 - now) ** 0.5 * drawn)[None].float()
            prediction = network(noisy, torch.tensor([time]), torch.tensor([forget_images.label]))
            loss = loss + (drawn - prediction).square().sum() / len(class_rows)
        slopes = torch.autograd.grad(loss, list(weights.values()))
        norm = float(torch.cat([slope.flatten() for slope in slopes]).norm())
        for name, slope in zip(weights, slopes, strict=True):
            total[name] += slope.numpy() * min(1.0, 1 / norm)
    return {name: np.abs(gradient) for name, gradient in total.items()}


def test_the_mask_is_that_of_the_published_rule(forget_images):
    scores, slowly = saliency(forget_images, seed=4), slow_saliency(forget_images, 4)
    top = max(importance.max() for importance in slowly.values())
    for name, expected in slowly.items():
        assert np.allclose(scores[name], expected, atol=1e-4 * top), name
    masks = salient(scores, 0.3)
    flat = np.concatenate([importance.ravel() for importance in slowly.values()])
    line = np.sort(flat)[-round(0.3 * len(flat))]
    expected_masks = {name: importance >= line for name, importance in slowly.items()}
    same = [(masks[name].numpy() == mask).ravel() for name, mask in expected_masks.items()]
    assert np.concatenate(same).mean() > 0.999  # of equal scores the first ones are taken
    assert sum(int(mask.sum()) for mask in masks.values()) == round(0.3 * len(flat))


def test_slopes_of_twenty_batches_are_summed_at_least(forget_images, monkeypatch):
    monkeypatch.setattr(forgetting, "BATCH", -(-len(forget_images.own) // 3))
    shares = []
    saliency(forget_images, 0, lambda share, _: shares.append(share))
    assert shares == pytest.approx(np.arange(1, 8) / 7)  # three batches at a time


def test_a_chance_mask_has_as_many_weights_and_is_another(forget_images):
    scores = saliency(forget_images, seed=0)
    both = salient(scores, 0.2), salient(chance_scores(scores, 0), 0.2)
    first, second = (np.concatenate([*map(np.ravel, masks.values())]) for masks in both)
    assert first.sum() == second.sum()
    assert (first & second).sum() < 0.5 * first.sum()


def test_only_masked_weights_move_and_the_original_stays(forget_images):
    original = forget_images.generator.network
    before = {name: parameter.clone() for name, parameter in original.named_parameters()}
    masks = salient(saliency(forget_images, seed=0), 0.2)
    unlearned, losses = unlearn(forget_images, masks, 6, 3.0, seed=0)
    assert losses.shape == (6, 2)
    moved = 0
    for name, weight in unlearned.network.named_parameters():
        assert torch.equal(weight[~masks[name]], before[name][~masks[name]])
        moved += int((weight != before[name]).sum())
    assert moved > 0.5 * sum(int(mask.sum()) for mask in masks.values())
    assert all(torch.equal(weight, before[name]) for name, weight in original.named_parameters())


def test_the_first_losses_are_those_of_the_formula_and_times_come_in_pairs(forget_images):
    masks = salient(chance_scores(saliency(forget_images, 0), 0), 1.0)
    _, losses = unlearn(forget_images, masks, 1, 2.0, 7)
    network, chance = forget_images.generator.network, np.random.default_rng([7, 61])
    forget, keep = (
        part[torch.from_numpy(chance.integers(0, len(part), forgetting.BATCH))]
        for part in (forget_images.own, forget_images.others)
    )
    bad, bad_times, _ = forget_images.noisy(forget, chance)
    good, good_times, drawn = forget_images.noisy(keep, chance)
    labels = forget_images.labels[keep].clone()
    labels[torch.from_numpy(chance.random(forgetting.BATCH) < 0.1)] = 4
    with torch.no_grad():
        pair = torch.full_like(labels, 1), torch.full_like(labels, 2)
        prediction, goal = (network(bad, bad_times, label) for label in pair)
        retain_loss = F.mse_loss(network(good, good_times, labels), drawn)
    assert losses[0, 0] == pytest.approx(float(F.mse_loss(prediction, goal)), rel=1e-4)
    assert losses[0, 1] == pytest.approx(float(retain_loss), rel=1e-4)
    _, times, _ = forget_images.noisy(forget_images.others[:8], np.random.default_rng(0))
    assert times[5:].tolist() == (199 - times[:3]).tolist()


def test_the_last_class_is_turned_into_the_first():
    question = asked_of(tiny.generator_case(), label=3)
    masks = salient(chance_scores(saliency(question, 0), 0), 1.0)
    unlearned, losses = unlearn(question, masks, 1, 1.0, seed=0)
    assert np.isfinite(losses).all()
    assert unlearned.fingerprint != question.generator.fingerprint


def test_forgetting_can_be_stopped_at_a_step(forget_images):
    masks = salient(chance_scores(saliency(forget_images, 0), 0), 0.5)
    reports = reports_until_stopped(partial(unlearn, forget_images, masks, 10, 1.0, 0), 3)
    assert [done for done, _ in reports] == [0.1, 0.2, 0.3]
