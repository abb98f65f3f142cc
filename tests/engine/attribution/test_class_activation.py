"""A layer's maps and gradients are the true ones, whatever the network does to them afterwards."""

import pytest
import torch
from torch import nn

from engine.attribution.heatmaps.class_activation import chosen_layer, enlarged, maps_and_gradients
from engine.attribution.heatmaps.grad_cam import GradCam
from engine.case import ImageCase
from engine.case.target import Target
from engine.errors import BadSetting
from tests import tiny


class InPlace(nn.Module):
    """The output of `conv` is overwritten twice before anybody could look at it."""

    def __init__(self, *, inplace: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        self.act = nn.ReLU6(inplace=inplace)
        self.fc = nn.Linear(6, 3)
        self.inplace = inplace

    def forward(self, images):
        hidden = self.act(self.conv(images))
        hidden = hidden.mul_(2) if self.inplace else hidden * 2
        return self.fc(hidden.mean((2, 3)))


def in_place_case(*, inplace):
    network = tiny.random_weights(InPlace(inplace=inplace), seed=3)
    return ImageCase(tiny.classifier(network), tiny.image(), Target(1))


def test_maps_overwritten_in_place_afterwards_are_read_before():
    for ours, plain in zip(
        maps_and_gradients(in_place_case(inplace=True), "conv"),
        maps_and_gradients(in_place_case(inplace=False), "conv"),
        strict=True,
    ):
        torch.testing.assert_close(ours, plain)
    case = in_place_case(inplace=True)
    maps, _ = maps_and_gradients(case, "conv")
    torch.testing.assert_close(maps, case.model.network.conv(case.image[None])[0])
    assert maps.min() < 0  # before the ReLU6, not after it


def test_the_gradient_is_what_a_small_step_of_one_cell_does_to_the_score():
    case = tiny.cnn_case(nn.Softplus)
    maps, gradient = maps_and_gradients(case, "conv2")
    network = case.model.network
    for cell in ((0, 3, 5), (7, 0, 15), (15, 8, 8)):
        moved = torch.stack([maps, maps]).double()
        moved[0][cell] += 1e-3
        moved[1][cell] -= 1e-3
        scores = network.double().fc(network.act2(moved).mean((2, 3)))[:, case.target.index]
        network.float()
        slope = (scores[0] - scores[1]).item() / 2e-3
        assert gradient[cell].item() == pytest.approx(slope, rel=1e-3, abs=1e-8)


def test_enlarging_meets_the_centers_of_the_cells():
    case = tiny.cnn_case()
    cells = torch.rand(2, 3, 3, generator=tiny.seeded())
    case = ImageCase(case.model, tiny.image(27), Target(1))
    grown = enlarged(cells, case)  # 27 = 3 · 9: the fifth pixel is a cell's center
    assert grown.shape == (2, 27, 27)
    torch.testing.assert_close(grown[:, 4::9, 4::9], cells)


def test_the_last_map_is_taken_when_no_layer_is_named_and_unknown_ones_are_refused():
    case = tiny.cnn_case()
    assert chosen_layer(case, None) == case.model.last_map.name == "act2"
    assert chosen_layer(case, "pool") == "pool"
    with pytest.raises(BadSetting, match="choose one of"):
        chosen_layer(case, "blocks.6")


def test_where_nothing_raises_the_score_the_map_is_empty_and_the_signed_one_is_not():
    case = tiny.cnn_case(target=2)
    assert (GradCam()(case)["map"].values == 0).all()
    assert (GradCam(raising=False)(case)["map"].values < 0).any()
