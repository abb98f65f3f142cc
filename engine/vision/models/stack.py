"""Several networks of one form as one: their weights stacked, their passes made at once."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import TypeVar

import torch
from torch import Tensor, nn

from engine.core.errors import BadModel
from engine.vision.models.classifier import Classifier
from engine.vision.models.passes import note_pass
from engine.vision.models.small.shape import NARROW
from engine.vision.models.threads import one_thread

THREADS = 2  # for parts of the networks
WorkT = TypeVar("WorkT")


class Stack:
    """K networks at once.

    `torch.func.vmap` makes batched matrix products of their linear layers and grouped convolutions
    of their convolutions, and BatchNorm keeps the statistics of each. On a CPU, networks with
    convolutions are passed in parts, two of them at a time: halves of small images, and each
    network by itself on larger ones, where grouped convolutions are slow.

    Args:
        models: of one form and normalization; they are not changed.
        masks: for each model, where its weights may differ from 0, by a weight's name; a weight
            without a mask is whole.
        together: how many networks are passed at once; what is fastest here when left out.

    Attributes:
        network: has the weights and buffers of all under the names of one, each (K, *shape). It
            only holds them: its layers cannot be called.
        parts: the networks of each part. All of a part is computed in one thread, so that its sums
            are always added in the same order.

    Raises:
        BadModel: there is none, or they differ in form or normalization.
    """

    def __init__(
        self,
        models: Sequence[Classifier],
        masks: Sequence[Mapping[str, Tensor]] = (),
        *,
        together: int | None = None,
    ) -> None:
        if not models:
            raise BadModel("There is no network to stack.")
        first = models[0]
        if odd := next((model for model in models if form(model) != form(first)), None):
            message = "Networks that are stacked need one form and one normalization: "
            raise BadModel(f"{message}{odd.title} differs from {first.title}.")
        self.device, self.mean, self.std = first.device, first.mean, first.std
        self.together = together or at_once(first, len(models))
        self.parts = [
            slice(place, place + self.together) for place in range(0, len(models), self.together)
        ]
        self.copies = [deepcopy(first.network) for _ in self.parts]
        self.threads = ThreadPoolExecutor(THREADS, initializer=torch.set_num_threads, initargs=(1,))
        self.network = deepcopy(first.network).requires_grad_(requires_grad=True)
        states = [dict(model.network.state_dict()) for model in models]
        for name, tensor in self.network.state_dict(keep_vars=True).items():
            tensor.data = torch.stack([state[name] for state in states])
        self.masks = stacked_masks(self.network, masks)
        for name, mask in self.masks.items():
            self.network.get_parameter(name).data *= mask

    def __call__(self, pixels: Tensor) -> Tensor:
        """Logits (K, N, classes) of each network's own pixels (K, N, 3, side, side) in [0, 1]."""
        split = self.weights_apart(dict(self.network.named_parameters()))
        logits = torch.cat(
            self.each(lambda place: self.of(place, split[place], pixels[self.parts[place]]))
        )
        flat = logits.flatten(0, 1)
        note_pass(flat)
        return flat.view_as(logits)

    def of(self, place: int, weights: Mapping[str, Tensor], pixels: Tensor) -> Tensor:
        """Logits (k, N, classes) of a part's k networks.

        Args:
            place: of the part.
            weights: its own, (k, *shape), before they are masked.
            pixels: (k, N, 3, side, side) in [0, 1].
        """
        part, copy = self.parts[place], self.copies[place]
        images = (pixels - self.mean) / self.std
        masked = {
            name: weight * self.masks[name][part] if name in self.masks else weight
            for name, weight in weights.items()
        }
        buffers = {name: buffer[part] for name, buffer in self.network.named_buffers()}

        def one(weights: dict[str, Tensor], buffers: dict[str, Tensor], images: Tensor) -> Tensor:
            return torch.func.functional_call(copy, (weights, buffers), (images,))

        # one network alone needs no vmap, whose grouped convolutions are slow on larger images
        if len(images) > 1:
            logits: Tensor = torch.func.vmap(one)(masked, buffers, images)
            return logits
        parameters = {name: last(weight[0]) for name, weight in masked.items()}
        return one(
            parameters, {name: buffer[0] for name, buffer in buffers.items()}, last(images[0])
        )[None]

    def weights_apart(self, weights: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        """The weights of each part, without a copy."""
        split = {name: weight.split(self.together) for name, weight in weights.items()}
        return [
            {n: weight[place] for n, weight in split.items()} for place in range(len(self.parts))
        ]

    def each(self, work: Callable[[int], WorkT]) -> list[WorkT]:
        """What the work gives for each part's place, two of them at a time."""
        if len(self.parts) == 1:
            return [work(0)]
        # gradient mode belongs to a thread: the workers do not inherit it
        grad = torch.is_grad_enabled()

        def alike(place: int) -> WorkT:
            with torch.set_grad_enabled(grad):
                return work(place)

        with one_thread():  # puts back what the threads' own number changes for the process
            return list(self.threads.map(alike, range(len(self.parts))))

    def train(self, mode: bool = True) -> None:  # as nn.Module has it
        """Set training or eval mode."""
        for model in self.copies:
            model.train(mode)

    @torch.no_grad()
    def write_to(self, models: Sequence[Classifier]) -> None:
        """Copy each network's weights into its model, and drop what was cached of the old ones."""
        stacked = self.network.state_dict()
        for place, model in enumerate(models):
            for name, tensor in model.network.state_dict().items():
                tensor.copy_(stacked[name][place])
            model.changed()


def at_once(model: Classifier, count: int) -> int:
    """How many of so many networks of this form are best passed at once."""
    convolves = any(isinstance(module, nn.Conv2d) for module in model.network.modules())
    if not convolves or model.device.type != "cpu":
        return count
    return 1 if model.side >= NARROW else -(-count // THREADS)


def last(tensor: Tensor) -> Tensor:
    """Images and kernels with their channels last in memory; others as they are.

    A single channel is told so by its stride, which `contiguous` leaves as it is.
    """
    if tensor.ndim != 4:
        return tensor
    single = tensor.shape[1] == 1
    moved = tensor.squeeze(1).unsqueeze(-1) if single else tensor.movedim(1, -1).contiguous()
    return moved.movedim(-1, 1)


def stacked_masks(network: nn.Module, masks: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The masks of all, (K, *shape) each, in the weights' type: 1 where a weight may differ from 0.

    Raises:
        BadModel: a mask is of no weight that is known, or has another shape.
    """
    results = {}
    for name in dict.fromkeys(name for mask in masks for name in mask):
        weight = dict(network.named_parameters()).get(name)
        if weight is None:
            raise BadModel(f"There is no weight called {name!r} to mask.")
        rows = [mask.get(name, torch.ones(weight.shape[1:])).to(weight) for mask in masks]
        if odd := [row.shape for row in rows if row.shape != weight.shape[1:]]:
            shapes = f"{tuple(odd[0])}, not {tuple(weight.shape[1:])}"
            raise BadModel(f"The mask of {name} has the shape {shapes}.")
        results[name] = torch.stack(rows)
    return results


def form(model: Classifier) -> tuple[object, ...]:
    """What networks of one stack have in common."""
    shapes = {name: tuple(tensor.shape) for name, tensor in model.network.state_dict().items()}
    return type(model.network), shapes, model.mean.tolist(), model.std.tolist(), model.device
