"""IU: one step of Newton's towards the model that never had the forgotten images.

v = Σ_{D_f} ∇ℓ / N − |D_f| / (N |D_r|) Σ_{D_r} ∇ℓ, and θ ← θ + α H⁻¹ v, with H the second derivative
of the mean loss of what stays. v is minus the gradient of that loss, decay included, wherever the
original is at rest on all of its data.

The published code estimates H⁻¹ v by WoodFisher, but never applies the inverse to the next
gradient: its o only ever shrinks along the first one, so that its step is v less a multiple of one
single gradient. `IU` is that; `IUExact` solves with the Gauss-Newton matrix by conjugate gradients.

Izzo et al. (2021), https://arxiv.org/abs/2002.10077; Jia et al. (2023),
https://arxiv.org/abs/2304.04934
"""

from abc import ABC
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from engine.core.method import Slider, setting
from engine.unlearning.ways.network import images_and_labels, in_parts, named_weights, slopes
from engine.unlearning.ways.search import UNCHANGED, best_strength
from engine.unlearning.ways.unlearner import Unlearner, UnlearningRun
from engine.vision.data import Rows
from engine.vision.models.classifier import Classifier
from engine.vision.models.threads import one_thread
from engine.vision.training import Diverged

BATCH = 250
SAMPLES = 1000  # of what stays, that the second derivative is made of
DAMPING = 1000.0  # N_w of the published code
SHARES = tuple(2.0 ** (power / 2) for power in range(-16, 1))  # of all weights' norm, to be tried
PARTS = tuple(2.0**power for power in range(-10, 1))  # of Newton's step, to be tried

Product = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Influence(Unlearner, ABC):
    """What both have: the step's length, and how it is taken."""

    cost = "wait"
    revision = 3
    paper = "Izzo et al. 2021, https://arxiv.org/abs/2002.10077"

    def direction(self, work: UnlearningRun) -> Tensor:
        """v as one row, and the images of both sets are seen once for it."""
        forget, retain = len(work.forget), len(work.retain)
        total = forget + retain
        of_forget = summed(work, work.forget) / total
        work.progress(0.1, "gradients of what is to be forgotten")
        # the factor is 1/|D_r| − 1/N: what each image weighs more once the others are gone
        of_retain = summed(work, work.retain) * (forget / (total * retain))
        work.progress(0.3, "gradients of what stays")
        return of_forget - of_retain

    def sample(self, work: UnlearningRun) -> Rows:
        """Images that stay, that stand for all of them."""
        return np.sort(work.rng.permutation(work.retain)[:SAMPLES])


@dataclass(frozen=True)
class IU(Influence):
    """One step against the influence of the forgotten images, as the published code takes it.

    Its estimate of the second derivative never leaves the first gradient, so that this is in
    effect one plain step, of a length to be found by trying: here by a search that is an addition
    of ours, since no one length fits two models. Set a step for the published form.
    """

    name = "IU"
    title = "Influence, reference code"
    short = "IU"
    dial = ("step", (1.0, 5.0, 20.0, 50.0, 100.0))
    proof = (
        "tests/engine/unlearning/test_influence.py"
        "::test_the_reference_never_leaves_the_first_gradient"
    )

    step: float | None = setting(
        None,
        Slider(0.01, 1000.0, 0.01, log=True, off="searched", start=20.0),
        "Step",
        "How far along the direction (α). Searched, an addition of ours: the length at which the "
        "forgotten images' loss, counted up to a guess's, is farthest above that of what stays, "
        "counted twice; no step, where none is better than that. A number is as published.",
    )

    def change(self, work: UnlearningRun) -> None:
        """One step."""
        v = self.direction(work)
        rows = self.sample(work)

        def gradients() -> list[Tensor]:
            results = []
            for done, row in enumerate(rows, start=1):
                results.append(summed(work, np.array([row])))
                work.progress(0.3 + 0.6 * done / len(rows), f"image {done} of {len(rows)}")
            return results

        step_direction = wood_fisher(v, gradients())
        take_step(
            work,
            step_direction,
            self.step or best_length(work, step_direction, lengths(work, step_direction)),
        )


@dataclass(frozen=True)
class IUExact(Influence):
    """One Newton step: what the loss's curvature says retraining would change.

    Exact for a linear model. A deep network is no parabola: the step is right only while it is
    small, and a class or a wrong label is not. The curvature is that of up to 1000 images that
    stay.
    """

    name = "IUExact"
    title = "Influence, exact"
    short = "IU exact"
    dial = ("damping", (0.1, 0.01, 0.001, 1e-4, 1e-5))
    proof = (
        "tests/engine/unlearning/test_influence.py"
        "::test_one_exact_step_brings_a_linear_model_to_its_retrained_self"
    )

    step: float | None = setting(
        None,
        Slider(0.01, 1000.0, 0.01, log=True, off="searched", start=1.0),
        "Step",
        "How far; 1 is Newton's step. Searched, an addition of ours: at most that, and as far as "
        "the forgotten images' loss, counted up to a guess's, is farthest above that of what "
        "stays, counted twice; no step, where none is better than that.",
    )
    damping: float = setting(
        1e-4,
        Slider(1e-6, 10.0, 1e-6, log=True),
        "Damping",
        "Added to the curvature, as weight decay is; less makes larger steps where it is flat.",
    )
    rounds: int = setting(
        20, Slider(1, 200, 1), "Rounds", "Of conjugate gradients; each looks at all images once."
    )

    def change(self, work: UnlearningRun) -> None:
        """Solve, and one step."""
        v = self.direction(work)
        rows = self.sample(work)
        parts = np.array_split(rows, -(-len(rows) // BATCH))

        def curved(vector: Tensor) -> Tensor:
            total = torch.zeros_like(vector)
            for part in parts:
                pixels, _ = images_and_labels(work.model, work.data, part)
                with one_thread():
                    # weighted by size: parts of unlike sizes add up to the mean over all images
                    total += gauss_newton(work.model, pixels, vector) * (len(part) / len(rows))
            # without damping A is singular: one bias more on all logits changes no answer
            return total + self.damping * vector

        def report(done: int) -> None:
            work.progress(0.3 + 0.6 * done / self.rounds, f"round {done} of {self.rounds}")

        step_direction = conjugate_gradients(curved, v, self.rounds, report)
        take_step(work, step_direction, self.step or best_length(work, step_direction, PARTS))


def lengths(work: UnlearningRun, direction: Tensor) -> list[float]:
    """Lengths at which a step is a share of the norm of all weights."""
    size = torch.cat(
        [weight.detach().flatten() for weight in named_weights(work.model).values()]
    ).norm()
    # relative to θ: no one length fits two models
    return [share * float(size / direction.norm().clamp(min=1e-30)) for share in SHARES]


def summed(work: UnlearningRun, rows: Rows) -> Tensor:
    """Σ ∇ℓ over some images as one row, eval mode."""
    total = torch.zeros(sum(weight.numel() for weight in named_weights(work.model).values()))
    # a single image needs no order, and draws none of the run's random numbers
    for part in in_parts(rows, BATCH, work.rng) if len(rows) > 1 else [rows]:
        with one_thread(), torch.enable_grad():
            pixels, targets = images_and_labels(work.model, work.data, part)
            loss = F.cross_entropy(work.model(pixels), targets, reduction="sum")
            total = total.to(pixels.device) + flat(slopes(loss, work.model))
    return total


def flat(tensors: dict[str, Tensor]) -> Tensor:
    """All weights in one row."""
    return torch.cat([tensor.flatten() for tensor in tensors.values()])


def wood_fisher(v: Tensor, gradients: list[Tensor]) -> Tensor:
    """k of the published code.

    k ← v, o ← g₁; then for each g: t = o·g, k −= (k·g)/(N_w + t) o, o −= t/(N_w + t) o.
    """
    k, o = v.clone(), gradients[0].clone()
    for g in gradients[1:]:
        # a proper WoodFisher has H⁻¹g in place of o; here o stays along the first gradient
        t = o @ g
        k -= (k @ g) / (DAMPING + t) * o
        o -= t / (DAMPING + t) * o
    return k


def gauss_newton(model: Classifier, pixels: Tensor, vector: Tensor) -> Tensor:
    """Jᵀ (diag p − p pᵀ) J times a vector, the mean over images; for a linear model the Hessian."""
    weights: list[Tensor] = list(named_weights(model).values())
    # the other kinds of attention have no second derivative
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        logits = model(pixels)
        p = logits.detach().softmax(1)
        # Jᵀu is linear in u: its derivative by u, times a vector, is J times that vector,
        # forward mode from two backward passes, whatever u is
        dual = torch.zeros_like(logits, requires_grad=True)
        back = torch.autograd.grad(logits, weights, dual, create_graph=True)
        tangents = split(vector, weights)
        (forward,) = torch.autograd.grad(back, dual, tangents, retain_graph=True)
        # (diag p − p pᵀ) Jv; what the Hessian has besides, Σ_c (p_c − y_c) ∇²z_c, is left out:
        # it may be indefinite, which conjugate gradients do not bear
        curved = p * forward - p * (p * forward).sum(1, keepdim=True)
        result = torch.autograd.grad(logits, weights, curved.detach() / len(pixels))
    return torch.cat([tensor.flatten() for tensor in result])


def split(vector: Tensor, weights: list[Tensor]) -> list[Tensor]:
    """A row as weights."""
    parts = vector.split([weight.numel() for weight in weights])
    return [part.view(weight.shape) for part, weight in zip(parts, weights, strict=True)]


def conjugate_gradients(
    product: Product, v: Tensor, rounds: int, report: Callable[[int], None] = lambda _: None
) -> Tensor:
    """x with A x = v for a symmetric positive A, as near as so many rounds come."""
    x, r = torch.zeros_like(v), v.clone()
    p, norm = r.clone(), r @ r
    initial_norm = norm.clone()
    for done in range(1, rounds + 1):
        curved = product(p)
        # A is positive definite, so that this is 0 for p = 0 only: v = 0 then gives x = 0
        length = norm / (p @ curved).clamp(min=1e-30)
        x, r = x + length * p, r - length * curved
        next_norm = r @ r
        report(done)
        # of squares: the residual is 1e-10 of the first one
        if next_norm <= 1e-20 * initial_norm:
            break
        p, norm = r + next_norm / norm * p, next_norm
    return x


def best_length(
    work: UnlearningRun, direction: Tensor, candidates: Sequence[float]
) -> float | None:
    """The length of the step that is searched for; None where no step is best."""

    def change(length: float) -> None:
        add(work.model, length * direction)
        work.put_back()

    return best_strength(work.case, work.model, work.data, candidates, change)


@torch.no_grad()
def add(model: Classifier, vector: Tensor) -> None:
    """θ ← θ + vector."""
    weights: list[Tensor] = list(named_weights(model).values())
    for weight, part in zip(weights, split(vector, weights), strict=True):
        weight.add_(part)


def take_step(work: UnlearningRun, direction: Tensor, length: float | None) -> None:
    """θ ← θ + length · way, or θ as it is for None. Raises Diverged when that is no number."""
    vector = (length or 0.0) * direction
    if not torch.isfinite(vector).all():
        raise Diverged
    if length is None:
        work.note = UNCHANGED
    else:
        add(work.model, vector)
        work.step += 1
        work.put_back()
    work.progress(1.0, "stepped")
