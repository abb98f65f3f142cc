"""Class activation maps on the tokens of ViT and Swin lie where the head reads."""

import numpy as np
import pytest
import torch
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer

from engine.attribution.heatmaps.class_activation import maps_and_gradients
from engine.attribution.heatmaps.grad_cam import GradCam
from engine.attribution.heatmaps.grad_cam_pp import GradCamPlusPlus
from engine.attribution.heatmaps.guided_grad_cam import GuidedGradCam
from engine.attribution.heatmaps.layer_cam import LayerCam
from engine.attribution.heatmaps.score_cam import ScoreCam
from engine.case import ImageCase
from engine.case.target import Target
from engine.models.layers import Layer
from tests import tiny
from tests.answers import settled

ROW, COLUMN = 1, 2  # of the 4 × 4 cells; the head reads this one only
INSIDE = np.zeros((32, 32), bool)
INSIDE[8 * ROW : 8 * ROW + 8, 8 * COLUMN : 8 * COLUMN + 8] = True
CAMS = (GradCam, GradCamPlusPlus, LayerCam, ScoreCam)


class OneTokenViT(VisionTransformer):
    """A ViT of 4 × 4 patches after a class token, whose head reads one patch."""

    def __init__(self, **options):
        super().__init__(
            img_size=32,
            patch_size=8,
            embed_dim=24,
            depth=2,
            num_heads=3,
            num_classes=4,
            global_pool="avg",
            **options,
        )

    def forward_head(self, x, pre_logits=False):
        return self.head(x[:, self.num_prefix_tokens + 4 * ROW + COLUMN])


class OneTokenSwin(SwinTransformer):
    """A Swin of 8 × 8, then 4 × 4 places, whose head reads one place."""

    def __init__(self):
        super().__init__(
            img_size=32,
            patch_size=4,
            embed_dim=24,
            depths=(1, 1),
            num_heads=(2, 2),
            window_size=4,
            num_classes=4,
        )

    def forward_head(self, x, pre_logits=False):
        return self.head.fc(x[:, ROW, COLUMN])


NETWORKS = {
    "ViT": OneTokenViT,
    "ViT with registers": lambda: OneTokenViT(reg_tokens=3),
    "ViT without class token": lambda: OneTokenViT(class_token=False),
    "Swin": OneTokenSwin,
}
networks = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)


def unmixed(network):
    """Random weights, but no token learns of another one, and nothing is added to them."""
    tiny.random_weights(network, seed=2)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            added = name.endswith((".bias", "pos_embed", "cls_token", "reg_token"))
            if added or "attn.proj" in name or "fc2" in name:
                parameter.zero_()
    return network


def case_of(make, image):
    model = tiny.classifier(unmixed(make()))
    target = int(model.logits(image[None])[0].argmax())  # a class for which the token speaks
    return settled(ImageCase(model, image, Target(target)))


def bright_patch():
    """Black, but for noise in the place that the head reads."""
    return tiny.image() * torch.from_numpy(INSIDE)


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
    case = case_of(NETWORKS[name], bright_patch())
    assert kind.unmet(case) == ""
    heat = kind()(case)["map"].values
    assert heat.shape == (32, 32)
    assert heat.max() > 0
    assert INSIDE[np.unravel_index(heat.argmax(), heat.shape)]
    assert heat[INSIDE].mean() > 10 * heat[~INSIDE].mean()


@networks
def test_only_that_cell_has_a_gradient_in_any_image(make):
    case = case_of(make, tiny.image())
    maps, gradient = maps_and_gradients(case, case.model.last_map.name)
    assert maps.shape[1:] == gradient.shape[1:] == (4, 4)
    cells = gradient.abs().sum(0)
    assert cells[ROW, COLUMN] > 0
    cells[ROW, COLUMN] = 0
    assert not cells.any()
    heat = LayerCam()(case)["map"].values
    assert INSIDE[np.unravel_index(heat.argmax(), heat.shape)]


def by_hand(maps, gradient):
    """Grad-CAM's signed cells (h, w) of maps and gradients (C, h, w), in loops."""
    channels, rows, columns = maps.shape
    cells = np.zeros((rows, columns))
    for channel in range(channels):
        weight = gradient[channel].mean().item()
        for row in range(rows):
            for column in range(columns):
                cells[row, column] += weight * maps[channel, row, column].item()
    return cells


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
    cells = torch.from_numpy(by_hand(tokens, slopes)).float()
    grown = torch.nn.functional.interpolate(cells[None, None], size=(32, 32), mode="bilinear")
    heat = GradCam(raising=False)(case)["map"].values
    np.testing.assert_allclose(heat, grown[0, 0].numpy(), atol=1e-5)
    assert GradCam()(case)["map"].unit == "logit per cell"


def test_swin_s_maps_are_its_outputs_with_the_channels_first():
    model = tiny.classifier(tiny.random_weights(OneTokenSwin(), scale=0.2))
    image = tiny.image()[None]
    outputs, maps = (read(image, "layers.0") for read in (model.outputs, model.maps))
    assert outputs.shape == (1, 8, 8, 24)
    assert torch.equal(maps[0, :, 3, 5], outputs[0, 3, 5])
    assert model.last_map.name == "norm"
    assert model.last_map.cells == (4, 4)


def test_tokens_are_laid_out_row_by_row_and_what_stands_before_them_is_left_out():
    tokens = torch.arange(2 + 6.0)[None, :, None].repeat(1, 1, 3)
    maps = Layer("blocks.0", (8, 3), grid=(2, 3)).as_maps(tokens)
    assert maps.shape == (1, 3, 2, 3)
    assert maps[0, 1].tolist() == [[2, 3, 4], [5, 6, 7]]


def test_the_layers_offered_are_those_whose_patches_are_read():
    case = tiny.vit_case()
    assert case.options("maps") == ("patch_embed", "blocks.0", "blocks.1")
    averaged = case_of(OneTokenViT, tiny.image())
    assert averaged.options("maps")[-1] == "blocks.1"  # its last one: all patches may be read
    swin = case_of(OneTokenSwin, tiny.image())
    assert {"layers.0", "layers.1", "norm"} <= set(swin.options("maps"))


def test_guided_grad_cam_works_on_tokens_too():
    case = tiny.vit_case()
    assert GuidedGradCam.unmet(case) == ""
    assert np.isfinite(GuidedGradCam()(case)["map"].values).all()
