"""The same weights in another format: what goes in is what the network was trained on."""

from itertools import product

import pytest
import timm
import torch
from torch import nn

from engine.core.errors import BadModel
from engine.vision.models.architectures import wrap
from engine.vision.models.input_format import (
    CIFAR10,
    IMAGENET,
    LUMA,
    SIDES,
    InputFormat,
    format_of,
    in_format,
    with_format,
)

PAIRS = [IMAGENET, CIFAR10, ((0.5,) * 3, (0.5,) * 3)]


class Echo(nn.Module):
    """Gives the mean of each channel it was given, and how many pixels these have."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 1, bias=False)
        with torch.no_grad():
            self.first.weight.copy_(torch.eye(channels)[..., None, None])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.first(images)
        pixels = torch.full((len(features), 1), float(features.shape[-1] * features.shape[-2]))
        return torch.cat([features.mean((2, 3)), pixels], 1)


@pytest.mark.parametrize(
    ("channels", "pair", "count"),
    [
        case
        for case in product(("RGB", "BGR", "gray"), PAIRS, (1, 3))
        if case[2] == 3 or case[0] == "gray"
    ],
)
def test_a_network_is_given_what_a_plain_loop_gives_it(channels, pair, count):
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in pair)
    model = in_format(Echo(count), InputFormat(24, *pair, channels), "file:x", "Own")
    images = torch.rand(3, 3, 24, 24)
    by_hand = images.flip(1) if channels == "BGR" else images
    if channels == "gray":
        weights = torch.tensor(LUMA).view(1, 3, 1, 1)
        by_hand = (images * weights).sum(1, keepdim=True).expand(-1, count, -1, -1)
    expected = (by_hand - mean[:, : by_hand.shape[1]]) / std[:, : by_hand.shape[1]]
    with torch.no_grad():
        output = model(images)
    torch.testing.assert_close(output[:, :count], expected.mean((2, 3)), rtol=1e-4, atol=1e-4)
    assert output[0, -1] == 24 * 24
    stated = pair if count == 3 else tuple((values[0],) * 3 for values in pair)
    assert format_of(model) == InputFormat(24, *stated, channels)


def test_formats_can_be_changed_again_and_again_without_touching_the_first():
    torch.manual_seed(0)
    network = timm.create_model("test_efficientnet", num_classes=4).eval()
    first = wrap(network, "file:x", "Own", architecture="test_efficientnet")
    before = first.fingerprint
    names = set(first.network.state_dict())
    images = torch.rand(2, 3, 32, 32)
    bgr = with_format(first, InputFormat(32, *CIFAR10, "BGR"))
    again = with_format(bgr, InputFormat(32, *CIFAR10))
    assert bgr.architecture == ""  # a card has no word for it
    assert again.architecture == first.architecture
    assert set(again.network.state_dict()) == names
    assert len({before, bgr.fingerprint, again.fingerprint}) == 3
    with torch.no_grad():
        torch.testing.assert_close(bgr(images.flip(1)), again_bgr(again, images))
    assert with_format(again, format_of(first)).fingerprint == before == first.fingerprint
    assert with_format(first, format_of(first)) is first


def again_bgr(model, images):
    """Logits of RGB where mean and spread were stated in the order blue, green, red."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in CIFAR10)
    return model.network((images - mean) / std)


MEANS = ((float("nan"),) * 3, (1e30, 0.0, 0.0), (0.0, 0.0, -1001.0), (0.5,))
SPREADS = ((0, 1, 1), (float("inf"),) * 3, (1, 1001, 1), (1, 1, 0.0009), (1, 1))


@pytest.mark.parametrize(
    "wrong",
    [
        *({"side": side} for side in (4, SIDES[0] - 1, SIDES[1] + 1, 100_000)),
        *({"mean": mean} for mean in MEANS),
        *({"std": std} for std in SPREADS),
        {"channels": "HSV"},
    ],
)
def test_what_no_network_takes_is_a_sentence(wrong):
    with pytest.raises(BadModel, match=r"\."):
        InputFormat(**{"side": 32, **wrong})


def test_sides_means_and_spreads_reach_their_bounds_and_normalizations_go_by_three_digits():
    for side in SIDES:
        InputFormat(side, (-1e3, 1e3, 0.0), (1e-3, 1e3, 1.0))
    almost = tuple(0.9992 * value for value in CIFAR10[0]), CIFAR10[1]
    assert InputFormat(32, *almost).normalization == "CIFAR-10"
    for other in ((almost[0][0] * 0.99, *almost[0][1:]), (*almost[0][:2], 0.45)):
        assert InputFormat(32, other, CIFAR10[1]).normalization.startswith("mean 0.4")


def test_a_side_that_the_network_cannot_take_is_a_sentence():
    flat = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 22 * 22, 5))
    model = in_format(flat, InputFormat(24), "file:x", "Own")
    with pytest.raises(BadModel, match="does not take images of 32 × 32 px, RGB"):
        with_format(model, InputFormat(32))


def test_formats_are_called_by_what_they_are_and_one_channel_is_gray_whatever_is_stated():
    assert InputFormat(32, *CIFAR10).words == "32 × 32 px, RGB, CIFAR-10"
    odd = InputFormat(8, (0.1, 0.2, 0.3), (0.4, 0.4, 0.4), "BGR")
    assert odd.words == "8 × 8 px, BGR, mean 0.1 0.2 0.3, spread 0.4"
    assert format_of(in_format(Echo(1), InputFormat(24), "file:x", "Own")).channels == "gray"
