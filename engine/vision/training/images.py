"""What is done to a batch's images before they are learned from."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.vision.training.attack import pgd
from engine.vision.training.recipe import Recipe


def altered(
    images: Tensor, targets: Tensor, model: nn.Module, recipe: Recipe, generator: torch.Generator
) -> Tensor:
    """Images (N, C, H, W) moved, mirrored and attacked, as the recipe wants."""
    images = augmented(images, generator, recipe)
    if (attack := recipe.attack) is not None:
        images = pgd(model, images, targets, attack, generator)
    return images


def augmented(images: Tensor, generator: torch.Generator, recipe: Recipe) -> Tensor:
    """Images (N, C, H, W) moved and mirrored, as the recipe wants; not attacked."""
    if recipe.shift:
        images = random_shift(images, recipe.shift, generator)
    if recipe.mirror:
        is_mirrored = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
        images = torch.where(is_mirrored.to(images.device), images.flip(-1), images)
    return images


def batch_generator(*place: int) -> torch.Generator:
    """The source of random numbers of a batch, from the seed and the batch's place."""
    # hashed: added up, seed 0 with batch 1 and seed 1 with batch 0 would draw the same numbers
    sequence = np.random.SeedSequence(place)
    return torch.Generator().manual_seed(int(sequence.generate_state(1, np.uint64)[0]))


def random_shift(images: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Each image (N, C, H, W) moved by up to so many pixels; what is missing repeats the edge."""
    count, channels, height, width = images.shape
    padded = F.pad(images, (most,) * 4, mode="replicate")
    places = torch.randint(0, 2 * most + 1, (2, count, 1), generator=generator)
    rows = (places[0] + torch.arange(height))[:, None, :, None].to(images.device)
    columns = (places[1] + torch.arange(width))[:, None, None, :].to(images.device)
    image = torch.arange(count, device=images.device)[:, None, None, None]
    channel = torch.arange(channels, device=images.device)[None, :, None, None]
    return padded[image, channel, rows, columns]
