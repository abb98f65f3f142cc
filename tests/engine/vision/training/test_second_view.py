"""The second view of an image is another one, drawn from the seed, and leaves the first alone."""

from dataclasses import replace
from functools import partial

import numpy as np
import torch

from engine.vision.training import augmented
from engine.vision.training.images import batch_generator
from tests.engine.vision.training.test_loop import RECIPE, same, trained
from tests.engine.vision.training.test_objective import by_hand

AUGMENTED = replace(RECIPE, shift=1, mirror=True)
AGAIN = partial(augmented, recipe=AUGMENTED)


def alike(model, batch):
    """Cross-entropy, and both views are to be answered alike."""
    distance = (model(batch.pixels) - model(batch.second)).square().mean(1)
    return by_hand(model, batch) + distance


def batches(data, **given):
    """The batches that an objective sees in training and in validation."""
    met = {True: [], False: []}

    def noting(model, batch):
        met[model.training].append(batch)
        return by_hand(model, batch)

    model, _ = trained(data, AUGMENTED, objective=noting, **given)
    return met[True], met[False], model


def test_both_views_are_of_the_same_images_and_drawn_apart(data):
    learned, validated, model = batches(data, second_view=AGAIN)
    assert len(learned) == 12
    for batch in learned:
        assert not torch.equal(batch.pixels, batch.second)
        assert batch.second.shape == batch.pixels.shape
        plain = data.pixels(batch.rows)
        for view in (batch.pixels, batch.second):
            assert torch.allclose(view.mean((1, 2, 3)), plain.mean((1, 2, 3)), atol=0.1)
    for batch in validated:
        assert torch.equal(batch.pixels, data.pixels(batch.rows))
        assert not torch.equal(batch.second, batch.pixels)
        assert torch.equal(batch.second, validated[0].second)  # the same in every epoch
    first, _, other = batches(data)
    assert all(torch.equal(a.pixels, b.pixels) for a, b in zip(first, learned, strict=True))
    assert same(model, other)
    assert {batch.second for batch in first} == {None}


def test_a_view_is_made_from_the_plain_image_with_the_seed_s_numbers(data):
    def inverted(images, generator):
        draws.append(torch.rand(1, generator=generator).item())
        return 1 - images

    draws = []
    learned, _, _ = batches(data, second_view=inverted)
    for batch in learned:
        assert torch.equal(batch.second, 1 - data.pixels(batch.rows))
    assert len(set(draws[:4])) == 4
    assert torch.rand(1, generator=batch_generator(0, 0, 0, 1)).item() in draws
    first = draws.copy()
    draws.clear()
    batches(data, second_view=inverted)
    assert draws == first
    draws.clear()
    batches(data, second_view=inverted, seed=1)
    assert not set(draws) & set(first)


def test_what_both_views_say_comes_nearer_when_the_objective_asks_for_it(data):
    def apart(model):
        rows = data.rows("train")
        images = data.pixels(rows)
        second = AGAIN(images, torch.Generator().manual_seed(3))
        return (model.logits(images) - model.logits(second)).square().mean().item()

    pulled, _ = trained(data, AUGMENTED, objective=alike, second_view=AGAIN)
    assert apart(pulled) < 0.7 * apart(trained(data, AUGMENTED)[0])


def test_an_interruption_changes_no_bit_of_it(data, tmp_path, interrupted):
    settings = {"objective": alike, "second_view": AGAIN, "keep": tmp_path / "state.safetensors"}
    whole, full = trained(data, AUGMENTED, **settings)
    interrupted(trained, data, AUGMENTED, **settings, beyond=0.4)
    again, log = trained(data, AUGMENTED, **settings)
    assert same(whole, again)
    np.testing.assert_array_equal(log.validation_loss, full.validation_loss)
