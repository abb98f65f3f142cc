"""Forward passes with a way back to the pixels, compiled in the background once that pays.

It takes two packages, which autograd joins: the score that is derived may be any function of the
logits, and where nobody asks for slopes, as after a rejected step, the second part is not run.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from engine.core.borrow import borrowing, holding, hookless_copy
from engine.core.keeping.packing import checksum
from engine.core.tally import count_images
from engine.vision.models import packages
from engine.vision.models.compiled import Runner
from engine.vision.models.compiling import Plain, made_apart, noise_batch
from engine.vision.models.differentiating import PARTS
from engine.vision.models.packages import Forward, Part
from engine.vision.models.passes import note_pass


class GradientRunner(Runner):
    """As `Runner`, for pixels whose slopes are wanted, in the number type that they have."""

    cost, saved = 45.0, 0.5  # seconds for both parts, and of the time of both passes
    _state = 0

    def __call__(self, pixels: Tensor) -> Tensor:
        """Logits (N, classes) of pixels (N, 3, side, side), to be derived once."""
        moved = pixels.to(self.body.device, memory_format=self.pace.memory_format)
        if not borrowing():
            self.expect(len(moved))
        compiled = self._compiled if self.fits(moved) else None
        count_images(self.pace, len(moved), compiled=compiled is not None)
        if compiled is None:
            return self.body(moved)
        logits = compiled(moved)
        note_pass(logits)
        return logits

    def fits(self, pixels: Tensor) -> bool:
        """Whether what was compiled is what the model would do now.

        It is not while a method has the model in hand, with hooks of its own, and no longer once
        weights or statistics were changed in place, or the model is trained.
        """
        fits_package = self.compiled and super().fits(pixels) and pixels.dtype == torch.float32
        return fits_package and not borrowing() and self._state == version(self.body)

    def load(self) -> bool:
        """Use the packages on disk; whether they give the same logits and slopes."""
        state = version(self.body)
        if not super().load():
            return False
        self._state = state
        return True

    @property
    def held_bytes(self) -> int:
        """Bytes of the weights frozen into both parts."""
        return 2 * super().held_bytes

    def opened(self) -> Forward | None:
        """Both packages on disk as one function, if both are there."""
        first = self.name(PARTS[0])
        back = packages.load_part(self.name(after(packages.sum_of(first))))
        forward_part = packages.load_part(first)
        return None if forward_part is None or back is None else chain_gradient(forward_part, back)

    def make(self) -> None:
        """Make both packages and keep them. Raises CannotCompile, or OSError without a disk."""
        with holding(self.body):
            first, copy = self.name(PARTS[0]), hookless_copy(self.body)
        forward_part, back = made_apart(copy, self.pace, PARTS)
        packages.keep(self.name(after(checksum(forward_part))), back)
        packages.keep(first, forward_part)

    def settle(self) -> None:
        """Nothing is to be kept: the batch is the asker's own, not one that was found best."""

    def distances(self, compiled: Forward) -> tuple[float, float]:
        """How far logits and slopes lie from plain ones, slopes as a share of their spread."""
        with holding(self.body):
            plain = Plain(hookless_copy(self.body))
        pixels = noise_batch(self.body.side, self.pace)
        (logits, slopes), (others, plain_slopes) = derived(compiled, pixels), derived(plain, pixels)
        spread = float(plain_slopes.max() - plain_slopes.min()) or 1.0
        far = float((slopes - plain_slopes).abs().max()) / spread
        return max(far, float((logits - others).abs().max())), 0.0


def after(first: str) -> str:
    """The second part, for the first with that checksum.

    Two processes that compile at once may cut the graph at different places, and what the first
    part hands over would mean something else to the other's second one.
    """
    return f"{PARTS[1]} after {first}"


def version(body: nn.Module) -> int:
    """It is another one once a weight or buffer was changed in place or lies elsewhere."""
    tables = [table for module in body.modules() for table in (module._parameters, module._buffers)]
    tensors = [tensor for table in tables for tensor in table.values() if tensor is not None]
    return hash((body.training, *((tensor.data_ptr(), tensor._version) for tensor in tensors)))


def derived(forward: Forward, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Logits, and the slopes by the pixels of a mixture of them."""
    with torch.enable_grad():
        leaf = pixels.detach().requires_grad_()
        logits = forward(leaf)
        # a random mixture, so that a wrong slope of any class shows
        cotangent = torch.randn(logits.shape, generator=torch.Generator().manual_seed(0))
        (slopes,) = torch.autograd.grad(logits, leaf, cotangent)
    return logits.detach(), slopes


def chain_gradient(forward_part: Part, back: Part) -> Forward:
    """Logits by the first part, whose slopes the second carries back to the pixels."""

    class Joined(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, pixels: Tensor) -> Tensor:
            logits, *saved = forward_part([pixels])
            ctx.save_for_backward(*saved)
            return logits

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, slopes: Tensor) -> Tensor:
            # a package does not look at strides: it was compiled for contiguous slopes
            return back([*ctx.saved_tensors, slopes.contiguous()])[0]

    def forward(pixels: Tensor) -> Tensor:
        logits: Tensor = Joined.apply(pixels)  # type: ignore[no-untyped-call]
        return logits

    return forward
