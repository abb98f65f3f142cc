"""The same maps by captum, as people use it: timm's model as it comes, captum's best batch.

Where the forward passes are all there is to a method, a third row has them compiled, as they are in
a process that has been asked for enough of them; the compiling itself is not in the time.
"""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from captum.attr import IntegratedGradients as CaptumIG
from captum.attr import KernelShap as CaptumShap
from captum.attr import NoiseTunnel, Saliency
from captum.attr import Occlusion as CaptumOcclusion

from benchmarks.setting import case, compiled, plain
from benchmarks.table import BenchmarkRow
from benchmarks.timing import Work, as_people_do, paired, timed
from engine.attribution.heatmaps.integrated_gradients import IntegratedGradients
from engine.attribution.heatmaps.kernel_shap import KernelShap
from engine.attribution.heatmaps.occlusion import Occlusion
from engine.attribution.heatmaps.partition import Partition
from engine.attribution.heatmaps.smooth_grad import SmoothGrad

BATCHES = (1, 2, 4, 8, 16, 32)
STEPS, NOISES, COALITIONS = 50, 25, 200
Theirs = Callable[[int], object]  # takes the batch


def occlusion(channels_last: bool) -> Theirs:
    """Squares of 32 px every 16 px over the mean color."""
    explainer = CaptumOcclusion(plain(channels_last))
    return lambda batch: explainer.attribute(
        case().image[None],
        sliding_window_shapes=(3, 32, 32),
        strides=(3, 16, 16),
        baselines=0.5,
        target=case().target.index,
        perturbations_per_eval=batch,
    )


def kernel_shap(channels_last: bool) -> Theirs:
    """Coalitions of the same superpixels."""
    labels = Partition.of(case(), "superpixels", 40).labels[None, None]
    explainer = CaptumShap(plain(channels_last))
    return lambda batch: explainer.attribute(
        case().image[None],
        baselines=0.5,
        target=case().target.index,
        feature_mask=labels,
        n_samples=COALITIONS,
        perturbations_per_eval=batch,
    )


def integrated_gradients(channels_last: bool) -> Theirs:
    """The same number of steps from the mean color."""
    explainer = CaptumIG(plain(channels_last))
    return lambda batch: explainer.attribute(
        case().image[None],
        baselines=0.5,
        target=case().target.index,
        n_steps=STEPS,
        internal_batch_size=batch,
    )


def smooth_grad(channels_last: bool) -> Theirs:
    """The same number of noisy gradients."""
    explainer = NoiseTunnel(Saliency(plain(channels_last)))
    return lambda batch: explainer.attribute(
        case().image[None],
        nt_type="smoothgrad",
        nt_samples=NOISES,
        nt_samples_batch_size=batch,
        stdevs=0.15,
        target=case().target.index,
        abs=False,
    )


PAIRS = (
    (Occlusion(side=32, overlap=0.5), occlusion),
    (KernelShap(samples=COALITIONS), kernel_shap),
    (IntegratedGradients(steps=STEPS), integrated_gradients),
    (SmoothGrad(samples=NOISES), smooth_grad),
)


def ours_too(work: Work) -> Work:
    """The work with memory held as ours is."""
    return work


def best_batch(theirs: Theirs, with_format: Callable[[Work], Work]) -> int:
    """The batch at which captum is fastest here."""
    with_format(partial(theirs, 4))()
    return min(BATCHES, key=lambda batch: timed(with_format(partial(theirs, batch))))


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """Exact against captum as it comes and in our format; fast against captum as it comes."""
    torch.manual_seed(0)
    for method, theirs in PAIRS:
        for channels_last, against, goal in (
            (False, "captum as people use it", 1.15),
            (True, "captum in our memory format, blocks kept", 0.95),
        ):
            run = theirs(channels_last)
            run_format = as_people_do if not channels_last else ours_too
            batch = best_batch(run, run_format)
            other = run_format(partial(run, batch))
            ours = partial(method, case())
            note = f"captum at batch {batch}"
            yield paired(f"{method.title}, exact", ours, other, against, goal, rounds, note)
            if method.fast and not channels_last and case().model.offers_fast:
                quick = partial(method, case("fast"))
                yield paired(f"{method.title}, fast", quick, other, against, 2.0, rounds, note)
            if method.fast and not channels_last and (compiled_case := compiled()):
                quick = partial(method, compiled_case)
                name = f"{method.title}, exact, compiled"
                yield paired(name, quick, other, against, 2.0, rounds, note)
