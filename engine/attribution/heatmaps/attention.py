"""What the attention maps share: every layer's softmax, and one token's row as a map.

Fused attention never forms its softmax, so it is switched off while the model is borrowed; the
softmax is then what timm's layer hands to its dropout.
"""

from typing import Any

import torch
from torch import Tensor, nn

from engine.core.borrow import borrowed
from engine.core.errors import DoesNotFit
from engine.core.method import Case
from engine.core.result import HeatMap
from engine.evaluation.maps.class_activation import enlarged
from engine.vision.case import ImageCase

NO_GRID = "it needs one row of tokens over one grid of patches, and this model has none."


def lacks_grid(case: Case) -> str:
    """Why the tokens cannot be laid out as one grid (windows, pyramids), or ""."""
    network = case.model.network if isinstance(case, ImageCase) else None
    plain = hasattr(network, "num_prefix_tokens") and hasattr(
        getattr(network, "patch_embed", None), "grid_size"
    )
    return "" if plain else NO_GRID


def attentions(case: ImageCase) -> list[Tensor]:
    """Each layer's softmax (heads, N, N), first to last, float32 on the CPU."""
    with borrowed(case.model), torch.inference_mode():
        softmaxes = listen(case)
        forward_pass(case)
    return [attention[0].float().cpu() for attention in check_attention(case, softmaxes)]


def attentions_and_gradients(case: ImageCase) -> list[tuple[Tensor, Tensor]]:
    """Each layer's softmax and the score's gradient with respect to it, both (heads, N, N)."""
    with borrowed(case.model), torch.enable_grad():
        softmaxes = listen(case, gradient=True)
        score = case.target.of(forward_pass(case))
        check_attention(case, softmaxes)
        gradients = torch.autograd.grad(score.sum(), softmaxes)
    return [
        (attention.detach()[0].float().cpu(), gradient[0].float().cpu())
        for attention, gradient in zip(softmaxes, gradients, strict=True)
    ]


def listen(case: ImageCase, *, gradient: bool = False) -> list[Tensor]:
    """Collect every softmax of the next forward pass of the borrowed model."""
    softmaxes: list[Tensor] = []

    def keep(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if gradient and not inputs[0].requires_grad:
            inputs[0].requires_grad_()  # the first layer's: the graph begins here
        # not detached: its gradient is then the total one, through all later layers
        softmaxes.append(inputs[0])

    for module in case.model.attentions:
        layer: Any = module
        layer.fused_attn = False
        layer.attn_drop.register_forward_pre_hook(keep)
    return softmaxes


def forward_pass(case: ImageCase) -> Tensor:
    """One forward pass, (1, classes)."""
    logits: Tensor = case.model(case.image[None].to(case.model.device))
    return logits


def check_attention(case: ImageCase, softmaxes: list[Tensor]) -> list[Tensor]:
    """The same, when every layer looked once from all tokens to all tokens."""
    tokens = prefix(case) + rows(case) * columns(case)
    fitting = all(
        attention.ndim == 4 and attention.shape[-2:] == (tokens, tokens) for attention in softmaxes
    )
    # windows have other sizes; a layer that is skipped or used twice gives another count
    if not fitting or len(softmaxes) != len(case.model.attentions):
        raise DoesNotFit(f"{case.model.title}: {NO_GRID}")
    return softmaxes


def token_map(relation: Tensor, case: ImageCase, unit: str) -> HeatMap:
    """What the deciding token has from every patch, as a map; `relation` is (N, N).

    The deciding token is the class token, or, in a model that pools its patches, their mean.
    """
    network: Any = case.model.network
    prefix_count = prefix(case)
    by_class_token = prefix_count > 0 and getattr(network, "global_pool", "token") == "token"
    row = relation[0] if by_class_token else relation[prefix_count:].mean(0)
    cells = row[prefix_count:].view(rows(case), columns(case))
    return HeatMap(enlarged(cells, case).numpy(), unit=unit, signed=False)


def prefix(case: ImageCase) -> int:
    """Tokens before the patches: class token, registers."""
    network: Any = case.model.network
    return int(network.num_prefix_tokens)


def rows(case: ImageCase) -> int:
    """Patches from top to bottom."""
    network: Any = case.model.network
    return int(network.patch_embed.grid_size[0])


def columns(case: ImageCase) -> int:
    """Patches from left to right."""
    network: Any = case.model.network
    return int(network.patch_embed.grid_size[1])
