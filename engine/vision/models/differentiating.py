"""Export a network's forward pass, and the way back to its pixels, in the process that compiles.

The joint graph of both is cut in two, so that the score may be any function of the logits: the
first part gives logits and what the second needs, the second turns the slopes of a score by the
logits into its slopes by the pixels. Weights are frozen into both.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx, nn

PARTS = ("forward.pt2", "backward.pt2")
aten = torch.ops.aten


def export_both(network: nn.Module, pixels: Tensor, folder: Path) -> None:
    """Write both parts into the folder, for inputs like the example."""
    from torch._functorch.partitioners import min_cut_rematerialization_partition

    graph, slopes = joint_graph(network.eval().requires_grad_(requires_grad=False), pixels)
    forward_graph, back = min_cut_rematerialization_partition(graph, None, num_fwd_outputs=1)
    packaged(forward_graph, (pixels,), folder / PARTS[0])
    loader = torch._C._aoti.AOTIModelPackageLoader(str(folder / PARTS[0]), "model", False, 1, -1)
    _, *saved = loader.boxed_run([pixels])  # laid out as the first part will give it
    package = folder / "made.pt2"
    packaged(back, (*saved, slopes), package)
    package.replace(folder / PARTS[1])  # there once it is whole, however this process ends


def joint_graph(network: nn.Module, pixels: Tensor) -> tuple[fx.GraphModule, Tensor]:
    """Pixels and slopes by the logits to logits and slopes by the pixels; and such slopes.

    The partitioner knows what comes from behind by its name.
    """
    from torch.fx.experimental.proxy_tensor import make_fx

    with torch.no_grad():
        plain: Any = torch.export.export(network, (pixels,)).run_decompositions({}).module()
        slopes = torch.ones_like(plain(pixels))

    def both(primals_1: Tensor, tangents_1: Tensor) -> list[Tensor]:
        with torch.enable_grad():
            leaf = primals_1.detach().requires_grad_()
            logits = plain(leaf)
            (result,) = torch.autograd.grad(logits, leaf, tangents_1)
        return [logits.detach(), result]

    traced = as_convolutions(make_fx(both)(pixels, slopes))

    def nothing_in_place(primals_1: Tensor, tangents_1: Tensor) -> Any:
        return torch.func.functionalize(traced)(primals_1, tangents_1)

    return make_fx(nothing_in_place)(pixels, slopes), slopes


def as_convolutions(graph: fx.GraphModule) -> fx.GraphModule:
    """The graph with each convolution's way back to its input written as a convolution itself.

    Where the stride is 1 it is a plain one with the filters turned around, which the compiler packs
    and joins with what follows; else a transposed one.
    """
    for node in list(graph.graph.nodes):
        if node.target is aten.convolution_backward.default and plain_2d(node):
            with graph.graph.inserting_before(node):
                result = turned_around(graph, node)
            for taken in list(node.users):  # three results, of which only the first is used
                taken.replace_all_uses_with(result)
                graph.graph.erase_node(taken)
            graph.graph.erase_node(node)
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def plain_2d(node: fx.Node) -> bool:
    """Whether only the input's slopes are asked of a convolution in 2-D with fixed weights."""
    arguments: Any = node.args
    _, before, weight, _, _, _, _, transposed, _, _, output_mask = arguments
    fixed = isinstance(weight, fx.Node) and weight.op == "get_attr"
    first = all(user.args[1] == 0 or not user.users for user in node.users)
    alone = list(output_mask) == [True, False, False] and not transposed
    return fixed and first and alone and len(shape_of(before)) == 4


def turned_around(graph: fx.GraphModule, node: fx.Node) -> fx.Node:
    """The input's slopes of a convolution, added to the graph as a convolution."""
    arguments: Any = node.args
    slopes, before, weight, _, stride, padding, dilation, _, _, groups, _ = arguments
    filters = getattr(graph, weight.target)  # (out, in / groups, h, w)
    sides = filters.shape[2:]
    # p < side: with more padding, the way back would need a negative one
    if set(stride) == set(dilation) == {1} and all(
        p < side for p, side in zip(padding, sides, strict=True)
    ):
        # the adjoint of correlation: filters flipped, in and out swapped within each group
        split = filters.unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1).flip(2, 3)
        name = f"turned_{node.name}"
        graph.register_buffer(name, split.contiguous())
        # a full convolution, less what the forward padding let outputs see beyond the image
        room = [side - 1 - p for p, side in zip(padding, sides, strict=True)]
        rest = (None, stride, room, dilation, False, [0, 0], groups)
        return graph.graph.call_function(
            aten.convolution.default, (slopes, graph.graph.get_attr(name), *rest)
        )
    ends = zip(
        shape_of(before)[2:], shape_of(slopes)[2:], stride, padding, dilation, sides, strict=True
    )
    # rows that a stride left unread at the end: output_padding, or the slopes come out too small
    lost = [i - ((o - 1) * s - 2 * p + d * (k - 1) + 1) for i, o, s, p, d, k in ends]
    rest = (None, stride, padding, dilation, True, lost, groups)
    return graph.graph.call_function(aten.convolution.default, (slopes, weight, *rest))


def shape_of(node: Any) -> tuple[int, ...]:
    """Of the tensor that a node gives, as it was traced."""
    meta = node.meta
    return tuple((meta["val"] if "val" in meta else meta["tensor_meta"]).shape)


def packaged(graph: fx.GraphModule, inputs: tuple[Tensor, ...], path: Path) -> None:
    """Compile a part for inputs like these."""
    from torch._inductor import aoti_compile_and_package

    with torch.no_grad():
        program = torch.export.export(graph, inputs)
        aoti_compile_and_package(
            program, package_path=str(path), inductor_configs={"freezing": True}
        )
