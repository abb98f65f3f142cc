"""A layer's maps and gradients are the true ones, also on the tokens of ViT and Swin."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from engine.attribution.heatmaps.grad_cam_pp import GradCamPlusPlus
from engine.attribution.heatmaps.guided_grad_cam import GuidedGradCam
from engine.attribution.heatmaps.layer_cam import LayerCam
from engine.attribution.heatmaps.score_cam import ScoreCam
from engine.core.errors import BadSetting
from engine.evaluation.maps.class_activation import chosen_layer, enlarged, maps_and_gradients
from engine.evaluation.maps.grad_cam import GradCam
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.models.layers import Layer
from tests import tiny
from tests.answers import settled
from tests.engine.attribution import toys
from tests.engine.attribution.toys import case_of


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


def test_maps_overwritten_in_place_afterwards_are_read_before():
    plain, case = (
        case_of(tiny.random_weights(InPlace(inplace=inplace), seed=3)) for inplace in (False, True)
    )
    read = maps_and_gradients(case, "conv")
    torch.testing.assert_close(read, maps_and_gradients(plain, "conv"))
    torch.testing.assert_close(read[0], case.model.network.conv(case.image[None])[0])
    assert read[0].min() < 0  # before the ReLU6, not after it


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


def test_the_last_map_is_taken_enlarged_at_its_centers_and_empty_where_nothing_raises_it():
    case = tiny.cnn_case(target=2)
    cells = torch.rand(2, 3, 3, generator=tiny.seeded())
    grown = enlarged(cells, replace(case, image=tiny.image(27)))
    assert grown.shape == (2, 27, 27)
    torch.testing.assert_close(grown[:, 4::9, 4::9], cells)  # 27 = 3 · 9: the fifth is a center
    assert chosen_layer(case, None) == case.model.last_map.name == "act2"
    assert chosen_layer(case, "pool") == "pool"
    with pytest.raises(BadSetting, match="choose one of"):
        chosen_layer(case, "blocks.6")
    assert (GradCam()(case)["map"].values == 0).all()
    assert (GradCam(raising=False)(case)["map"].values < 0).any()


ROW, COLUMN = 1, 2  # of the 4 × 4 cells; the head reads this one only
INSIDE = np.zeros((32, 32), bool)
INSIDE[8 * ROW : 8 * ROW + 8, 8 * COLUMN : 8 * COLUMN + 8] = True
SIZES = {"img_size": 32, "embed_dim": 24, "num_classes": 4}
CAMS = (GradCam, GradCamPlusPlus, LayerCam, ScoreCam)


class OneTokenViT(VisionTransformer):
    """A ViT of 4 × 4 patches after a class token, whose head reads one patch."""

    def __init__(self, **options):
        super().__init__(**SIZES, patch_size=8, depth=2, num_heads=3, global_pool="avg", **options)

    def forward_head(self, x, pre_logits=False):
        return self.head(x[:, self.num_prefix_tokens + 4 * ROW + COLUMN])


class OneTokenSwin(SwinTransformer):
    """A Swin of 8 × 8, then 4 × 4 places, whose head reads one place."""

    def __init__(self):
        parts = {"depths": (1, 1), "num_heads": (2, 2)}
        super().__init__(**SIZES, **parts, patch_size=4, window_size=4)

    def forward_head(self, x, pre_logits=False):
        return self.head.fc(x[:, ROW, COLUMN])


NETWORKS = {
    "ViT": OneTokenViT,
    "ViT with registers": lambda: OneTokenViT(reg_tokens=3),
    "ViT without class token": lambda: OneTokenViT(class_token=False),
    "Swin": OneTokenSwin,
}


def unmixed_case(make, image):
    """Random weights, but no token learns of another one, and nothing is added to them."""
    network = tiny.random_weights(make(), seed=2)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            added = name.endswith((".bias", "pos_embed", "cls_token", "reg_token"))
            if added or "attn.proj" in name or "fc2" in name:
                parameter.zero_()
    model = tiny.classifier(network)
    target = int(model.logits(image[None])[0].argmax())  # a class for which the token speaks
    return settled(ImageCase(model, image, Target(target)))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (name, kind)
        for name in NETWORKS
        for kind in CAMS
        if (name, kind) != ("Swin", ScoreCam)  # its LayerNorm undoes what a mask darkens
    ],
)
def test_the_map_peaks_in_the_one_place_that_the_head_reads(name, kind):
    case = unmixed_case(NETWORKS[name], tiny.image() * torch.from_numpy(INSIDE))
    assert kind.unmet(case) == ""
    heat = kind()(case)["map"].values
    assert heat.shape == (32, 32)
    assert heat.max() > 0
    assert INSIDE[np.unravel_index(heat.argmax(), heat.shape)]
    assert heat[INSIDE].mean() > 10 * heat[~INSIDE].mean()


@pytest.mark.parametrize("name", NETWORKS)
def test_only_that_cell_has_a_gradient_in_any_image(name):
    case = unmixed_case(NETWORKS[name], tiny.image())
    maps, gradient = maps_and_gradients(case, case.model.last_map.name)
    assert maps.shape[1:] == gradient.shape[1:] == (4, 4)
    cells = gradient.abs().sum(0)
    assert cells[ROW, COLUMN] > 0
    cells[ROW, COLUMN] = 0
    assert not cells.any()
    heat = LayerCam()(case)["map"].values
    assert INSIDE[np.unravel_index(heat.argmax(), heat.shape)]


def test_grad_cam_of_a_class_token_is_the_formula_on_the_block_before_the_last():
    case = tiny.vit_case()
    network = case.model.network
    hidden = network.patch_embed(case.image[None])
    hidden = network.blocks[:2](network.norm_pre(network._pos_embed(hidden)))
    hidden = hidden.detach().requires_grad_()
    logits = network.forward_head(network.norm(network.blocks[2](hidden)))
    (gradient,) = torch.autograd.grad(logits[0, case.target.index], hidden)
    tokens, slopes = (tensor[0, 1:].T.reshape(24, 4, 4) for tensor in (hidden.detach(), gradient))
    maps, gradients = maps_and_gradients(case, "blocks.1")
    torch.testing.assert_close(maps, tokens)
    torch.testing.assert_close(gradients, slopes)
    grown = toys.enlarged(torch.einsum("c,chw->hw", slopes.mean((1, 2)), tokens))
    np.testing.assert_allclose(GradCam(raising=False)(case)["map"].values, grown, atol=1e-5)
    assert GradCam()(case)["map"].unit == "logit per cell"


def test_patches_of_swin_and_of_tokens_are_laid_out_and_their_layers_offered():
    model = tiny.classifier(tiny.random_weights(OneTokenSwin(), scale=0.2))
    image = tiny.image()[None]
    outputs, maps = (read(image, "layers.0") for read in (model.outputs, model.maps))
    assert outputs.shape == (1, 8, 8, 24)
    assert torch.equal(maps[0, :, 3, 5], outputs[0, 3, 5])
    assert model.last_map.name == "norm"
    assert model.last_map.cells == (4, 4)
    tokens = torch.arange(2 + 6.0)[None, :, None].repeat(1, 1, 3)
    maps = Layer("blocks.0", (8, 3), grid=(2, 3)).as_maps(tokens)
    assert maps.shape == (1, 3, 2, 3)
    assert maps[0, 1].tolist() == [[2, 3, 4], [5, 6, 7]]
    assert tiny.vit_case().options("maps") == ("patch_embed", "blocks.0", "blocks.1")
    averaged = case_of(OneTokenViT())
    assert averaged.options("maps")[-1] == "blocks.1"  # its last one: all patches may be read
    assert {"layers.0", "layers.1", "norm"} <= set(case_of(OneTokenSwin()).options("maps"))
    assert GuidedGradCam.unmet(tiny.vit_case()) == ""
    assert np.isfinite(GuidedGradCam()(tiny.vit_case())["map"].values).all()
