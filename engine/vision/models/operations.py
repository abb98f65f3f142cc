"""What a score was computed by, read from the graph that autograd records.

Modules do not tell: an activation may be called as a function, in place, or twice. The graph names
every operation that a gradient passes through, whoever called it.
"""

import re
from collections.abc import Iterator

from torch import Tensor
from torch.autograd.graph import Node

RECTIFIERS = frozenset(
    {"Relu", "Hardtanh", "LeakyRelu", "PreluKernel", "Elu", "Gelu", "Silu", "Hardswish", "Mish"}
    | {"Softplus"}
)
ACTIVATIONS = RECTIFIERS | {"Sigmoid", "Tanh", "Hardsigmoid"}
MAX_POOLS = frozenset({"MaxPool2DWithIndices"})
LINEAR = frozenset(
    # sums and products with constants; where both factors come from the image it is a Product
    {"Add", "Sub", "Rsub", "Neg", "Mul", "Div", "Mean", "Sum", "Addmm", "Mm", "Bmm", "Mv", "Dot"}
    | {"Convolution", "ConvolutionOverrideable", "MkldnnConvolution", "CudnnConvolution"}
    | {"NativeBatchNorm", "CudnnBatchNorm", "MiopenBatchNorm"}  # in eval mode
    | {"AvgPool2D", "AdaptiveAvgPool2D", "MkldnnAdaptiveAvgPool2D"}
    | {"ConstantPadNd", "ReflectionPad2D", "ReplicationPad2D"}
    | {"UpsampleNearest2D", "UpsampleBilinear2D", "UpsampleBicubic2D"}
    # moving values about
    | {"View", "UnsafeView", "ReshapeAlias", "AsStrided", "T", "Transpose", "Permute", "Expand"}
    | {"Squeeze", "Unsqueeze", "Select", "Slice", "Split", "SplitWithSizes", "Cat", "Stack"}
    | {"Index", "IndexSelect", "Unbind", "Flip", "Roll", "Repeat", "PixelShuffle", "Clone"}
    | {"Alias", "ToCopy", "Copy", "CopySlices", "AccumulateGrad"}
)
PRODUCTS = frozenset({"Mul", "Div", "Mm", "Bmm", "Mv", "Dot", "Addmm", "Convolution"})
WORDS = {
    "Product": "gates (values of the image multiplied with each other)",
    "NativeLayerNorm": "layer normalization",
    "NativeGroupNorm": "group normalization",
    "Softmax": "softmax",
    "ScaledDotProductFlashAttentionForCpu": "attention",
    "ScaledDotProductFlashAttention": "attention",
    "ScaledDotProductEfficientAttention": "attention",
}


def nodes(score: Tensor) -> Iterator[Node]:
    """Every step of the graph behind a score, each once."""
    waiting = [score.grad_fn]
    visited: set[Node] = set()
    while waiting:
        node = waiting.pop()
        if node is None or node in visited:
            continue
        visited.add(node)
        yield node
        waiting.extend(parent for parent, _ in node.next_functions)


def operation(node: Node) -> str:
    """Its name, such as Relu or Convolution; Product when two factors come from the image."""
    name = re.sub(r"Backwards?\d*$", "", node.name().rpartition("::")[2])
    if name in PRODUCTS:
        # the first of addmm is what is added, no factor
        factors = node.next_functions[1:] if name == "Addmm" else node.next_functions[:2]
        # 1 / x is not linear in x, even under a constant
        if name == "Div" and len(factors) > 1 and factors[1][0] is not None:
            return "Product"
        if sum(parent is not None for parent, _ in factors) > 1:
            return "Product"
    return name


def operations(score: Tensor) -> frozenset[str]:
    """The names of everything between a score and what it was computed from."""
    return frozenset(operation(node) for node in nodes(score))


def operation_names(names: frozenset[str]) -> str:
    """Operations as a person would name them."""
    return ", ".join(sorted({WORDS.get(name, name) for name in names}))
