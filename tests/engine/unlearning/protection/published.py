"""The published loop of error-minimizing noise, written out image by image and step by step."""

from math import ceil

import numpy as np
import torch
from torch.nn import functional as F

from engine.vision.training import fresh


def batches(case, epoch):
    rows = case.data.rows("train")
    order = np.random.default_rng([case.seed, epoch]).permutation(rows)
    return np.array_split(order, ceil(len(order) / case.recipe.batch))


def whole(noise, images, epsilon):
    """Noise in gray levels that keeps its bounds."""
    levels = np.rint(255 * noise.numpy())
    levels = np.minimum(np.maximum(levels, -epsilon), epsilon)
    return np.minimum(np.maximum(levels, -images.astype(int)), 255 - images.astype(int))


def slope(model, images, targets):
    pixels = images.clone().requires_grad_()
    F.cross_entropy(model(pixels.expand(-1, 3, -1, -1)), targets, reduction="sum").backward()
    return pixels.grad


def largest(slopes, images, count, allowed):
    """The pixels of the largest |slope| of each image, brighter ones first, by plain sorting."""
    masks = np.zeros((len(slopes), *slopes.shape[2:]), bool)
    for mask, slope_of, image, may in zip(masks, slopes, images, allowed, strict=True):
        sizes, brightness = slope_of.abs().sum(0).numpy(), image.sum(0)
        places = [place for place in np.ndindex(*mask.shape) if may[place]]
        places.sort(key=lambda place: (-sizes[place], -float(brightness[place]), place))
        for place in places[:count]:
            mask[place] = True
    return masks


def loop(case, rounds, steps_of_surrogate, steps, epsilon, count=None, by_class=False):
    """Noise in gray levels and the masks of each round; `count` pixels of an image may change."""
    torch.set_num_threads(1)
    data, recipe = case.data, case.recipe
    rows = data.rows("train")
    clean = data.images[rows]
    images = torch.from_numpy(clean / np.float32(255))
    targets = torch.from_numpy(np.array(data.labels[rows]))
    limit, length = epsilon / 255, 0.1 * (epsilon / 255)
    noise, masks, model = torch.zeros_like(images), [], fresh(data, recipe, case.seed)
    model.requires_grad_(True)
    optimizer = torch.optim.SGD(model.network.parameters(), recipe.rate, recipe.momentum)
    endless = (part for epoch in range(1000) for part in batches(case, epoch))
    for turn in range(rounds):
        model.train().requires_grad_(True)
        levels = (clean + whole(noise, clean, epsilon)).astype(np.uint8)
        released = torch.from_numpy(levels / np.float32(255))
        for _ in range(steps_of_surrogate):
            indices = np.searchsorted(rows, next(endless))
            outputs = model(released[indices].expand(-1, 3, -1, -1))
            optimizer.zero_grad()
            F.cross_entropy(outputs, targets[indices], reduction="none").mean().backward()
            optimizer.step()
        model.eval().requires_grad_(False)
        if count is not None:
            slopes = slope(model, images + noise, targets)
            masks.append(largest(slopes, images, count, np.ones(slopes[:, 0].shape, bool)))
        for part in batches(case, turn) if by_class else [rows]:
            indices = np.searchsorted(rows, part)
            changed = noise[indices]
            for _ in range(steps):
                down = slope(model, images[indices] + changed, targets[indices]).sign()
                changed = changed - length * down
                if count is not None:
                    changed = changed * torch.from_numpy(masks[-1][indices])[:, None]
                changed = changed.clamp(-limit, limit).minimum(1 - images[indices])
                changed = changed.maximum(-images[indices])
            noise[indices] = changed
            if by_class:
                for label in targets[indices].unique():
                    mean = changed[targets[indices] == label].mean(0).clamp(-limit, limit)
                    all_of_it = targets == label
                    noise[all_of_it] = (images[all_of_it] + mean).clamp(0, 1) - images[all_of_it]
    return whole(noise, clean, epsilon), masks
