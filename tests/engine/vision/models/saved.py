"""Tiny random models, and their files as torchxrayvision and open_clip save theirs."""

import json

import torch
from safetensors.torch import save_file

from engine.vision.models.classifier import Classifier
from engine.vision.models.small import NetworkShape, build
from tests import tiny

FINDINGS = ("Atelectasis", "", "Effusion", "", "Pleural_Thickening", "Lung Opacity")
POINTS = (0.1, float("nan"), 0.4, float("nan"), 0.02, 0.5)
CLIP_CONFIG = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {
            "image_size": 32,
            "patch_size": 8,
            "width": 32,
            "layers": 3,
            "head_width": 8,
        },
        "text_cfg": {
            "context_length": 77,
            "vocab_size": 49408,
            "width": 32,
            "heads": 4,
            "layers": 2,
        },
    },
    "preprocess_cfg": {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]},
}


def tiny_dense_net():
    """The library's class with few channels and random weights, not at its first values."""
    from torchxrayvision.models import DenseNet

    torch.manual_seed(3)
    few = {"growth_rate": 4, "block_config": (2, 2, 2), "num_init_features": 8, "bn_size": 2}
    network = DenseNet(**few, num_classes=len(FINDINGS))
    with torch.no_grad():
        network.features.conv0.weight /= 500  # values go from −1024 to 1024
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)
                module.running_mean.uniform_(-0.2, 0.2)
                module.running_var.uniform_(0.5, 1.5)
        network.classifier.weight *= 10  # so that a patch of the image changes the logits
        network.classifier.bias.uniform_(-1, 1)
    return network.eval()


def save_clip(folder):
    """A model with both towers, as open_clip writes it for the hub."""
    import open_clip

    torch.manual_seed(5)
    model = open_clip.CLIP(**CLIP_CONFIG["model_cfg"])
    folder.mkdir(parents=True)
    (folder / "open_clip_config.json").write_text(json.dumps(CLIP_CONFIG), encoding="utf-8")
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return model.eval()


def small_network(
    architecture="lenet", seed=0, title="Small", labels=("cat", "dog", "bird"), std=(0.1,) * 3
):
    """A network for gray images of 12 pixels, as a training gives it."""
    network = build(architecture, NetworkShape(1, 12, len(labels)), seed)
    options = {"device": tiny.CPU, "architecture": architecture}
    return Classifier(network, "small", title, 12, (0.3,) * 3, std, labels, **options)
