"""Masks on a model: while a block runs, while it trains, or for good in a copy."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from engine.vision.models.bits import packed_bits
from engine.vision.models.classifier import Classifier
from engine.vision.training.masks import masked


@contextmanager
def enforced(model: Classifier, masks: Mapping[str, Tensor]) -> Iterator[Classifier]:
    """A model of one's own, masked in every forward pass inside the block, and baked after it."""
    with masked(model.network, masks):
        yield model
    model.changed()


def pruned(model: Classifier, masks: Mapping[str, Tensor], title: str = "") -> Classifier:
    """A copy of the model with zeros where the masks are False; the model stays as it is."""
    twin = model.twin()
    twin.title = title or model.title
    bake(twin, masks)
    if "layers" in vars(model):  # the same blocks; looking for them takes a forward pass
        twin.layers = model.layers
    twin.masks = packed_bits({name: mask.numpy() for name, mask in masks.items()})
    return twin


@torch.no_grad()
def bake(model: Classifier, masks: Mapping[str, Tensor]) -> None:
    """Zeros where the masks are False, in place and for good; a shared weight stays shared."""
    known = dict(model.network.named_parameters(remove_duplicate=False))
    for name, mask in masks.items():
        known[name].mul_(mask.to(known[name]))
    model.changed()
