"""Level-set traversal (LST): towards the target without the model noticing, a batch of pairs.

One step from x, with the margin m = z_y − log Σ_{j≠y} exp z_j of the source's class y:

    Δ   = x_t − x
    Δ⊥  = Δ − g (g·Δ) / (g·g),  g = ∇m           the part of the way that the model cannot see
    a   ← clip(a + (ε/2) ∇CE, −ε, ε)             a memory that pulls sagging confidence back up
    x'  = clip(x + η Δ⊥ − a, 0, 1)               accepted when p0 − p_y(x') < δ

The paper projects through ∇CE = −(1 − p_y) ∇m, which is parallel to ∇m but becomes exactly zero in
float32 once p_y is near 1. The memory keeps the raw ∇CE, and the factor 1/2 of the authors' code.
Confidence is sigmoid(m), which is p_y.

The forward pass that judges a proposal is the next step's forward: its graph is kept, so a step
costs one forward and one backward pass, and a rejected step a forward pass only.

Balasubramanian, Sriramanan, Sadasivan and Feizi, "Exploring Geometry of Blind Spots in Vision
Models" (2023), https://arxiv.org/abs/2310.19889
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.core.errors import BlindspotError
from engine.vision.models.classifier import Classifier

GROW, SHRINK = 1.1, 0.5  # an adaptive step after an accepted and after a rejected proposal
REACH = 0.1, 6.0  # its bounds, times η
LONGEST = 0.5  # and it never is more than half of the way that is left
EASE = 0.5  # it grows only while the fall of the confidence stays below this share of δ


@dataclass(frozen=True)
class WalkRules:
    """How to walk: share of the way, clamp of the memory (None is off), largest fall, stop rule."""

    eta: float
    epsilon: float | None
    delta: float
    stop: str = "retry"  # or "first": a walk ends at its first rejected proposal
    adaptive: bool = False


class Walk:
    """Where a batch of walks stands: images x (B, 3, H, W), logits and confidence there.

    Args:
        model: computes in its own number type, also float64.
        sources: (B, 3, H, W) in [0, 1].
        targets: of the same shape.
        classes: the class y of each source, (B,).
        noise: added to the sources for the start, (3, H, W) or (B, 3, H, W).
    """

    def __init__(
        self,
        model: Classifier,
        sources: Tensor,
        targets: Tensor,
        classes: Tensor,
        noise: Tensor | float = 0.0,
    ) -> None:
        self._due: Tensor  # which of the pixels last looked at a slope is still wanted for
        self.model = model
        self.form = model.pace("gradient").memory_format
        self.sources, self.targets = self._moved(sources), self._moved(targets)
        self.classes = classes.to(model.device)
        with torch.no_grad():
            # of the clean source, before the noise: steps are accepted against it
            self.reference = margin(model(self.sources), self.classes).sigmoid()  # p0, (B,)
        self.going = torch.ones(len(sources), dtype=torch.bool, device=model.device)
        self.x = self._moved((sources + noise).clamp(0, 1))
        self.slope = torch.empty_like(self.x)  # ∇m at x, once it was asked for
        self.stand(self.x)

    @property
    def ended(self) -> bool:
        """Whether no further step can move anything."""
        return not bool(self.going.any())

    def snapshot(self) -> tuple[Tensor, Tensor]:
        """A copy of images and confidence, float32 on the CPU, that further steps leave alone."""
        x, confidence = (
            tensor.to("cpu", torch.float32, copy=True) for tensor in (self.x, self.confidence)
        )
        return x.contiguous(), confidence

    def step(self) -> Tensor:
        """Take one step; which samples moved, (B,)."""
        raise NotImplementedError

    def slopes(self) -> Tensor:
        """∇m at x, (B, 3, H, W): computed only where x is new."""
        if self._due.any():
            # of the sum: a walk's margin does not depend on the others in the batch
            (slope,) = torch.autograd.grad(self._margin.sum(), self._pixels)
            self.slope[self._rows[self._due]] = slope[self._due]
            self._due = torch.zeros_like(self._due)
        return self.slope

    def stand(self, pixels: Tensor, *, slopes: bool = True) -> None:
        """All walks now stand at these pixels (B, 3, H, W); slopes are asked for, or never."""
        every = torch.arange(len(pixels), device=self.model.device)
        with torch.set_grad_enabled(slopes):
            self.logits, self.confidence = self._look(pixels, every)
        # all are going here, so that ~going asks for no slope
        self._due = self.going if slopes else ~self.going

    def _moved(self, images: Tensor) -> Tensor:
        return images.to(self.model.device, self.model.mean.dtype, memory_format=self.form)

    def _look(self, pixels: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and confidence of pixels; the graph is kept for the slopes that may be due."""
        self._rows = rows
        self._pixels = pixels.detach().contiguous(memory_format=self.form).requires_grad_()
        logits = self.model.differentiable(len(rows))(self._pixels)
        self._margin = margin(logits, self.classes[rows])
        return logits.detach(), self._margin.detach().sigmoid()


class Traversal(Walk):
    """The walks along the level sets."""

    def __init__(
        self,
        model: Classifier,
        sources: Tensor,
        targets: Tensor,
        classes: Tensor,
        rules: WalkRules,
        noise: Tensor | float = 0.0,
    ) -> None:
        super().__init__(model, sources, targets, classes, noise)
        self.rules = rules
        self.memory = torch.zeros_like(self.x)
        self.eta = torch.full_like(self.reference, rules.eta)
        refuse_flat(model, self.slopes())

    def step(self) -> Tensor:
        """Propose, look, accept or keep; which samples moved, (B,)."""
        slopes = self.slopes()
        rows = self.going.nonzero().flatten()
        x, slope = self.x[rows], slopes[rows]
        tangents = tangent(self.targets[rows] - x, slope)
        proposal = x + self.eta[rows].view(-1, 1, 1, 1) * tangents
        if self.rules.epsilon is not None:
            # a points where CE rises, so that taking it away pulls p_y up
            proposal -= self._remember(rows, slope)
        proposal.clamp_(0, 1)
        logits, confidence = self._look(proposal, rows)
        # judged on the clipped proposal, and strictly, as published
        accepted = self.reference[rows] - confidence < self.rules.delta
        moved = rows[accepted]
        self.x[moved] = proposal[accepted]
        self.logits[moved], self.confidence[moved] = logits[accepted], confidence[accepted]
        # a rejected walk stays where it is, and its slope is known
        self._due = accepted
        self._carry_on(rows, accepted, confidence)
        return torch.zeros_like(self.going).index_fill(0, moved, value=True)

    def _remember(self, rows: Tensor, slope: Tensor) -> Tensor:
        """The memory a of these rows after the raw gradient of the cross-entropy is added."""
        bound = self.rules.epsilon or 0.0
        doubt = torch.sigmoid(-margin(self.logits[rows], self.classes[rows]))  # 1 − p_y, exact
        # with its length: idle while p_y ≈ 1, the memory winds up as the confidence sags
        raw = -doubt.view(-1, 1, 1, 1) * slope
        # rejected walks integrate too, which gets them moving again
        self.memory[rows] = (self.memory[rows] + bound / 2 * raw).clamp_(-bound, bound)
        return self.memory[rows]

    def _carry_on(self, rows: Tensor, accepted: Tensor, confidence: Tensor) -> None:
        """Step lengths for the next time, and who goes on.

        Without memory and with a fixed step the next proposal would be the rejected one again, so
        such a walk has ended too.
        """
        rules = self.rules
        if rules.adaptive:
            easy = self.reference[rows] - confidence < EASE * rules.delta
            factor = torch.where(accepted, torch.where(easy, GROW, 1.0), SHRINK)
            # never below η itself, which may have been chosen above LONGEST
            low, high = REACH[0] * rules.eta, max(min(REACH[1] * rules.eta, LONGEST), rules.eta)
            self.eta[rows] = (self.eta[rows] * factor).clamp(low, high)
        if rules.stop == "first" or (rules.epsilon is None and not rules.adaptive):
            self.going[rows] = accepted


def margin(logits: Tensor, classes: Tensor) -> Tensor:
    """z_y − log Σ_{j≠y} exp z_j of logits (B, C), (B,): its sigmoid is the confidence in y."""
    is_target = torch.nn.functional.one_hot(classes, logits.shape[1]).bool()
    # stays exact where p_y rounds to 1: the others are summed up by themselves
    return logits[is_target] - logits.masked_fill(is_target, -torch.inf).logsumexp(1)


def tangent(direction: Tensor, slope: Tensor) -> Tensor:
    """What is left of the way (B, …) without its part along the slope."""
    tiny = torch.finfo(slope.dtype).tiny
    # where the slope is 0 there is nothing to take out, and not 0 / 0
    along = dot(direction, slope) / dot(slope, slope).clamp_min(tiny)
    return direction - along.view(-1, *[1] * (direction.ndim - 1)) * slope


def dot(first: Tensor, second: Tensor) -> Tensor:
    """Inner products of two batches, (B,)."""
    return (first * second).flatten(1).sum(1)


def refuse_flat(model: Classifier, slope: Tensor) -> None:
    """Raise when a walk cannot begin because the slope is zero or no number."""
    size = dot(slope, slope)
    if not bool(torch.isfinite(size).all() and (size > 0).all()):
        message = (
            f"The gradients of {model.title} vanish at the source, so it has no level set to "
            "follow there: choose another image or model."
        )
        raise BlindspotError(message)
