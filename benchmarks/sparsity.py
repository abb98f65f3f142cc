"""Pruning against torch's own, and what a slider waits for, on EfficientNet-Lite0.

torch.nn.utils.prune.global_unstructured copies all weights into one vector at every call and picks
the smallest there; ours sorts once and then compares with a threshold. "At once" is one ratio from
nothing, scores and sorting included; "next ratio" is the slider's next place.
"""

from collections.abc import Iterator
from copy import deepcopy
from functools import cache

import torch
from torch import nn
from torch.nn.utils import prune

from benchmarks.setting import case
from benchmarks.table import BenchmarkRow
from benchmarks.timing import paired, within
from engine.core.result import WeightScores
from engine.sparsity import MaskRules, Masks, PruneCase, Pruner, photographs, prunable_parts
from engine.sparsity.criteria.magnitude import Magnitude
from engine.sparsity.masks.diagrams import strips
from engine.sparsity.masks.enforce import pruned

RATIO = 0.8
SLIDER, SCORES = 150.0, 500.0  # ms
RULES = MaskRules(head=True)


@cache
def pruning_case() -> PruneCase:
    """EfficientNet-Lite0 with the sample photographs."""
    return PruneCase(case().model, photographs(case().model))


@cache
def scored() -> Pruner:
    """A pruner whose row is sorted."""
    cutter = Pruner(pruning_case().model, scores(), RULES)
    cutter.at(RATIO)
    return cutter


def scores() -> WeightScores:
    """Magnitude scores, computed now."""
    weight_scores: WeightScores = Magnitude()(pruning_case())["scores"]
    return weight_scores


def at_once() -> Masks:
    """Scores, sorting and masks from nothing."""
    return Pruner(pruning_case().model, scores(), RULES).at(RATIO)


def slider() -> tuple[Masks, object]:
    """Masks of another ratio, each layer's bar and overview strip."""
    masks = scored().at(0.5)
    return masks, (masks.counts, masks.dead_filters, strips(masks))


@cache
def theirs() -> tuple[nn.Module, tuple[tuple[nn.Module, str], ...]]:
    """A copy of the network for torch, contiguous as it needs it, and what is pruned of it."""
    network = deepcopy(pruning_case().model.network).to(memory_format=torch.contiguous_format)
    names = [part.layer for part in prunable_parts(pruning_case().model)]
    return network, tuple((network.get_submodule(name), "weight") for name in names)


def torch_at_once() -> object:
    """torch's global pruning; the masks are taken off again, which costs it nothing worth telling.

    They are, because it would go on from what was pruned before.
    """
    _, chosen = theirs()
    prune.global_unstructured(chosen, prune.L1Unstructured, amount=RATIO)
    masks = [module.weight_mask for module, _ in chosen]
    with torch.no_grad():
        for module, _ in chosen:
            original = module.weight_orig
            del module._forward_pre_hooks[next(iter(module._forward_pre_hooks))]
            del module._parameters["weight_orig"]
            del module._buffers["weight_mask"]
            module.__dict__.pop("weight", None)
            module.register_parameter("weight", original)
    return masks


def alike() -> str:
    """Whether both cut the same."""
    ours, masks = at_once(), torch_at_once()
    differ = sum(
        int((ours[part.name] != mask.bool()).sum())
        for part, mask in zip(ours.parts, masks, strict=True)  # type: ignore[call-overload]
    )
    return f"{ours.total:,} weights; masks differ in {differ}"


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """Selection at once and at the slider's next place; the whole answer of a slider."""
    note = alike()
    yield paired(
        "Global pruning, scores and masks",
        at_once,
        torch_at_once,
        "torch.nn.utils.prune",
        1.0,
        rounds,
        note,
    )
    yield paired(
        "Global pruning, next ratio",
        lambda: scored().at(0.5),
        torch_at_once,
        "torch.nn.utils.prune",
        2.0,
        rounds,
    )
    yield paired(
        "Slider: masks, bars and strips",
        slider,
        torch_at_once,
        "torch.nn.utils.prune, masks alone",
        None,
        rounds,
    )
    masked = pruned(pruning_case().model, at_once())
    pixels = torch.rand(8, 3, masked.side, masked.side, generator=torch.Generator().manual_seed(0))
    yield paired(
        f"Forward passes with {RATIO:.0%} of the weights at 0",
        lambda: masked.logits(pixels),
        lambda: pruning_case().model.logits(pixels),
        "the dense model",
        None,
        4 * rounds,
        "about 1 is expected, as zeros are multiplied too",
    )
    yield within("Slider: masks, bars and strips", slider, SLIDER, 4 * rounds, unit="ms")
    yield within("Magnitude scores of EfficientNet-Lite0", scores, SCORES, rounds, unit="ms")
