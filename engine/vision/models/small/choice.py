"""The small networks by name."""

from collections.abc import Callable, Mapping

import torch
from torch import nn

from engine.core.errors import BadModel
from engine.vision.models.small.cifar import CIFAR, cifar_title
from engine.vision.models.small.comet import Comet, SelectorOnly
from engine.vision.models.small.gp import GpUNet, MeanUNet
from engine.vision.models.small.gp_more import GpReconResNet, GpShuffleUNet
from engine.vision.models.small.phantom import PhantomCnn, SceneCnn
from engine.vision.models.small.plain import LeNet, Mlp
from engine.vision.models.small.residual import ResNet8
from engine.vision.models.small.shape import NetworkShape
from engine.vision.models.small.unet import UNet
from engine.vision.models.small.vit import SmallViT
from engine.vision.models.small.weights import init_weights

SMALL: Mapping[str, Callable[[NetworkShape], nn.Module]] = {
    "mlp": Mlp,
    "lenet": LeNet,
    "resnet8": ResNet8,
    "vit": SmallViT,
    "unet": UNet,
    "phantom_cnn": PhantomCnn,
    "scene_cnn": SceneCnn,
}

OWN_MAPS: Mapping[str, Callable[[NetworkShape], nn.Module]] = {
    "gp_unet": GpUNet,
    "gp_shuffle_unet": GpShuffleUNet,
    "gp_recon_resnet": GpReconResNet,
    "mean_unet": MeanUNet,
    "comet": Comet,
    "selector": SelectorOnly,
}
"""Those that were made to have a map of their own; some views take only the others."""

BUILT = {**SMALL, **OWN_MAPS, **CIFAR}

TITLES: Mapping[str, str] = {
    "mlp": "MLP",
    "lenet": "LeNet",
    "resnet8": "ResNet-8",
    "vit": "small ViT",
    "unet": "U-Net",
    "phantom_cnn": "phantom CNN",
    "scene_cnn": "scene CNN",
    "gp_unet": "GP-UNet",
    "gp_shuffle_unet": "GP-ShuffleUNet",
    "gp_recon_resnet": "GP-ReconResNet",
    "mean_unet": "GP-UNet with a mean",
    "comet": "COMET",
    "selector": "COMET without its detector",
    **{name: cifar_title(name) for name in CIFAR},
}


def build(architecture: str, shape: NetworkShape, seed: int | None = None) -> nn.Module:
    """A small network by name, with weights drawn from the seed.

    Args:
        architecture: a key of BUILT.
        shape: what it is built for.
        seed: of its weights; None where they are loaded anyway.

    Raises:
        BadModel: no such architecture, or it cannot be built for the shape.
    """
    if architecture not in BUILT:
        known = ", ".join([*SMALL, *OWN_MAPS])
        raise BadModel(f"There is no small network {architecture[:60]!r}: {known}.")
    if shape.side < 8:
        raise BadModel(f"Images of {shape.side} pixels are too small for a network: 8 at least.")
    with torch.random.fork_rng(devices=[]):  # torch draws first weights that are replaced below
        network = BUILT[architecture](shape)
    if seed is not None:
        init_weights(network, torch.Generator().manual_seed(seed))
    return network
