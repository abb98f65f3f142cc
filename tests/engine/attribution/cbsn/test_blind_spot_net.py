"""The conditional blind-spot network: its hole, its phases, its losses."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.attribution.cbsn import learning
from engine.attribution.cbsn.net import (
    BlindSpotNet,
    blind,
    choices,
    from_batch,
    normalized,
    pick_pixels,
    slopes,
    to_batch,
    unmasked,
)
from engine.core.errors import BadData
from engine.core.method import quiet
from tests.tiny import seeded as chance

LESSON = learning.DenoiserConfig(stride=3, cell=2, weight=2.0, blocks=1, channels=4, steps=3)


def net(colors=1, channels=16, blocks=2, **given):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = BlindSpotNet(colors, channels, blocks, **given)
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.normal_(parameter, 0.1, 0.2)
    return network


@pytest.mark.parametrize("colors", [1, 3])
@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_every_output_pixel_is_blind_to_its_own_input_and_sees_it_unmasked(colors, blocks):
    network, images = net(colors, blocks=blocks), torch.rand(1, colors, 7, 9, generator=chance())
    images.requires_grad_()
    for masked in (True, False):
        for row, column in ((3, 4), (0, 0), (6, 8), (0, 5)):
            pixel = network(images, masked)[0, :, row, column]
            (slope,) = torch.autograd.grad(pixel.sum(), images)
            assert bool((slope[0, :, row, column] == 0).all()) is masked
            assert slope.abs().max() > 0


@pytest.mark.parametrize(
    ("kernel", "leaks"),
    [
        *((kernel, False) for kernel in ((3, 2), (5, 3), (3, 3), (5, 4))),
        *((kernel, True) for kernel in ((3, 1), (5, 1), (5, 2))),
    ],
)
def test_steps_that_a_masked_kernel_can_undo_leak_the_center(kernel, leaks):
    slope = slopes(net(kernels=(kernel,)), torch.rand(1, 21, 21, generator=chance()), masked=True)
    assert (slope[10, 10] > 0).item() is leaks


def test_a_center_changes_only_what_is_not_masked():
    network, images = net(), torch.rand(1, 1, 15, 15, generator=chance())
    other = images.clone()
    other[0, 0, 7, 7] += 5
    with torch.no_grad():
        for masked in (True, False):
            change = (network(images, masked) - network(other, masked)).abs()[0, 0]
            assert change.max() > 0
            assert (change[7, 7] == 0).item() is masked
    network = net(kernels=((3, 2),), blocks=1)
    branch, images = network.branches[0], torch.rand(1, 1, 9, 9, generator=chance())
    assert sum(buffer.numel() for buffer in network.buffers()) == 9  # a mask, and no second kernel
    with torch.no_grad():
        before = network(images, True), network(images, False)
        branch.first.weight[..., 1, 1] += 1
        assert torch.equal(network(images, True), before[0])
        assert not torch.equal(network(images, False), before[1])
        branch.first.weight[..., 1, 1] = 0
        assert torch.allclose(network(images, True), network(images, False))


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [(15, 15), (15, 30), (16, 13), (7, 8)])
def test_phases_are_undone_to_the_bit_also_where_they_were_padded(stride, size):
    images = torch.rand(2, 3, *size, generator=chance())
    phases = to_batch(images, stride)
    assert len(phases) == 2 * stride**2
    assert torch.equal(from_batch(phases, stride, size), images)
    row, column = stride - 1, 0
    block = phases[(row * stride + column) * 2 : (row * stride + column) * 2 + 2]
    inside = images[..., row::stride, column::stride]
    assert torch.equal(block[..., : inside.shape[2], : inside.shape[3]], inside)


def test_one_pixel_of_every_cell_is_taken_the_same_for_all_colors_and_images_alike():
    places = torch.arange(49.0).reshape(1, 1, 7, 7).expand(2, 3, -1, -1)
    chosen = choices(places, 2, chance())
    result = pick_pixels(places, 2, chosen)
    assert result.shape == (2, 3, 3, 3)
    assert torch.equal(result[:, 0], result[:, 2])
    for row, column in np.ndindex(3, 3):
        cell = places[0, 0, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].flatten()
        assert result[0, 0, row, column] == cell[chosen[0, row, column]]
    many = choices(torch.zeros(1, 1, 200, 200), 2, chance(1)).flatten().bincount()
    assert (abs(many / 10000 - 0.25) < 0.02).all()
    assert torch.equal(pick_pixels(places, 1, choices(places, 1, chance())), places)


def test_the_loss_is_the_published_one_written_out():
    network, parts = net(), torch.randn(2, 1, 12, 12, generator=chance())
    loss = learning.denoising_loss(network, parts, LESSON, 0.5, chance(7))
    pick = torch.randint(4, (2, 6, 6), generator=chance(7))
    blind_, whole = torch.zeros_like(parts), network(parts, False)
    for row, column in np.ndindex(3, 3):
        blind_[..., row::3, column::3] = network(parts[..., row::3, column::3], True)
    small, out = torch.zeros(2, 1, 6, 6), torch.zeros(2, 1, 6, 6)
    for image, row, column in np.ndindex(2, 6, 6):
        down, right = divmod(int(pick[image, row, column]), 2)
        at = (image, 0, 2 * row + down, 2 * column + right)
        small[image, 0, row, column], out[image, 0, row, column] = parts[at], whole[at]
    still = network(small, True)
    expected = (blind_ - parts).abs().mean() + 0.5 * (
        (whole - parts).abs().mean() + 2.0 * (out - still).abs().mean()
    )
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_no_gradient_goes_through_the_masked_side_of_the_invariance():
    """λ adds the gradient of L_inv with respect to the unmasked output alone."""
    network, parts = net(), torch.randn(2, 1, 12, 12, generator=chance())

    def slope(weight):
        network.zero_grad()
        lesson = learning.DenoiserConfig(3, 2, weight, 1, 4, 3)
        learning.denoising_loss(network, parts, lesson, 1.0, chance(7)).backward()
        return network.head[-1].bias.grad.clone()

    whole = network(parts, False)
    chosen = choices(parts, 2, chance(7))
    still = network(pick_pixels(parts, 2, chosen), True).detach()
    loss = (pick_pixels(whole, 2, chosen) - still).abs().mean()
    (expected,) = torch.autograd.grad(loss, network.head[-1].bias)
    assert torch.allclose(slope(1.0) - slope(0.0), expected, atol=1e-5)
    assert expected.abs() > 0


def test_normalizing_is_undone_and_outputs_follow_the_scale_and_level_of_the_image():
    images = torch.rand(2, 3, 9, 9, generator=chance()) * torch.tensor([1.0, 5, 0])[:, None, None]
    parts, mean, deviation = normalized(images)
    assert torch.allclose(parts * deviation + mean, images, atol=1e-6)
    assert parts[:, :2].mean((2, 3)).abs().max() < 1e-5
    assert torch.allclose(parts[:, :2].std((2, 3), correction=0), torch.ones(2, 2), atol=1e-4)
    assert torch.allclose(deviation[:, 2], torch.tensor(1 / 9))
    network, images = net(3), torch.rand(1, 3, 20, 20, generator=chance())
    factor = torch.tensor([0.5, 2, 3])[:, None, None]
    with torch.no_grad():
        for ask in (unmasked, lambda model, inputs: blind(model, inputs, 3)):
            result, other = ask(network, images), ask(network, images * factor + 4)
            assert result.shape == images.shape
            assert torch.allclose(other, result * factor + 4, atol=2e-3)
    network, images = net(), torch.rand(1, 1, 40, 40, generator=chance())
    parts, mean, deviation = normalized(images)
    with torch.no_grad():
        wide = network(F.pad(parts, (30,) * 4, "reflect"), False)[..., 30:70, 30:70]
        assert torch.allclose(unmasked(network, images), wide * deviation + mean, atol=1e-4)


def test_patches_fit_both_strides_and_are_turned_parts_of_the_images():
    large = learning.DenoiserConfig(5, 4, 1, 1, 1, 1)
    assert learning.side_of(large, 64, 90) == 60
    assert learning.side_of(learning.DenoiserConfig(5, 2, 1, 1, 1, 1), 28, 90) == 20
    with pytest.raises(BadData, match="too few for b = 5"):
        learning.side_of(large, 16, 90)
    result = learning.patches(torch.arange(48.0).reshape(1, 1, 6, 8), 6, chance())
    assert result.shape == (learning.BATCH, 1, 6, 6)
    for patch in result:
        assert len(patch.unique()) == 36
        assert {*np.diff(patch[0].numpy(), axis=1).ravel().tolist()} <= {1.0, -1.0, 8.0, -8.0}


def test_the_same_seed_learns_the_same_bits_and_from_one_image_no_constant():
    images = torch.rand(3, 1, 18, 18, generator=chance())
    before, looks = torch.random.get_rng_state(), []
    first, second, other = (
        learning.learn(images, LESSON, seed, quiet, lambda step, _: looks.append(step))
        for seed in (1, 1, 2)
    )
    assert torch.equal(torch.random.get_rng_state(), before)
    weights = [
        torch.cat([part.flatten() for part in network.parameters()])
        for network in (first, second, other)
    ]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert looks[:3] == [1, 2, 3]
    assert learning.denoise_both(first, images, 3)[1].shape == images.shape
    rates = [learning.rate_at(step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(learning.RATE / 10)
    assert int(np.argmax(rates)) == 9
    assert (np.diff(rates[9:]) < 0).all()
    assert rates[-1] < learning.RATE / 1000
    images = torch.rand(1, 3, 40, 40, generator=chance()) * 0.2
    images[..., 10:30, 10:30] += 0.6
    network = learning.learn(images, learning.DenoiserConfig(1, 2, 2.0, 2, 16, 40), 0, quiet)
    hidden, result = learning.denoise_both(network, images, 1)
    assert hidden[..., 15:25, 15:25].mean() > hidden[..., :6, :6].mean() + 0.1
    assert result[..., 15:25, 15:25].mean() > result[..., :6, :6].mean() + 0.1


@pytest.mark.parametrize("stride", [2, 3, 4, 5, 6])
def test_no_pixel_stands_beside_its_own_copy_in_a_padded_phase(stride):
    for more in range(1, stride):
        size = (3 * stride - more, 2 * stride)
        number = torch.arange(size[0] * size[1]).float().view(1, 1, *size)
        for phase in to_batch(number, stride)[:, 0]:
            inside, counts = phase.unique(return_counts=True)
            assert (counts == 1).all(), (stride, more, inside[counts > 1])
