"""Does a network that never saw a clean image denoise, and does it keep what matters?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.attribution.cbsn.claims import (
    CLAIMS,
    CONTROL,
    GAIN,
    HIDDEN,
    LESION,
    MAIN,
    WHITE,
    WHITE_CONTROL,
)
from engine.attribution.cbsn.drawings import OF_EXPERIMENT
from engine.attribution.cbsn.learning import DenoiserConfig, denoise_both, learn
from engine.attribution.cbsn.net import PAPER, BlindSpotNet
from engine.attribution.cbsn.noise import FILTERS, best_filter, drawn_noise, psnr
from engine.attribution.cbsn.seen import ERROR, broken_up, centers, error, hole, residuals
from engine.core.charts.drawing import Drawing
from engine.core.method import Progress, Slider, defaults, part_of, setting
from engine.core.pictures import as_bytes
from engine.core.result import Pictures, Result, Table, View
from engine.evaluation.experiment import ExperimentCase, Figures
from engine.evaluation.kept_experiment import KeptExperiment

TRAINED, TUNED, PICTURED_IMAGES = (
    60,
    10,
    3,
)  # training and validation images, and those in the picture
CHANNELS, LONG_RATE = 24, 1e-3  # of 1,500 steps
Denoise = Callable[[Tensor], tuple[Tensor, Tensor]]  # (n, C, H, W) → blind and unmasked
STREAMS = {"train": 0, "validation": 1, "test": 2}


@dataclass(frozen=True, eq=False)
class NoisyImages:
    """Images (n, C, H, W) in [0, 1], their noise, and the same without a lesion where known."""

    clean: Tensor
    noise: Tensor
    twins: Tensor | None
    masks: Tensor | None  # (n, 1, H, W) bool

    @property
    def noisy(self) -> Tensor:
        """What a camera gives; not clipped, so that the noise has mean 0."""
        return self.clean + self.noise


@dataclass(frozen=True)
class Cbsn(KeptExperiment):
    """Can a network learn to denoise from noisy images alone?

    The center of its first kernels can be masked, so that an output pixel
    does not see its own input pixel: then copying the noise is no way to predict it. Neighbors
    that share their noise would still give it away; so the masked network sees every b-th pixel
    (S_b). At the end the mask is taken off, with a loss that ties both outputs together at pixels
    that are drawn at random (R). PSNR is in dB above that of the noisy test images, of slices of
    other patients. *Lesion contrast kept* compares each slice with its healthy twin under the same
    noise: 100 % means that the lesion stands out after denoising as it did before. Filters are
    given the factor of the estimated σ at which they are best on validation images with their
    truth, which the network never sees. Small networks, synthetic slices, 1,500 steps.
    """

    name = "CBSN"
    family = "attribution"
    title = "Denoising with a blind spot (C-BSN)"
    paper = PAPER
    question = "Can a network learn to denoise without a clean image, and are lesions kept?"
    proof = (
        "tests/engine/attribution/cbsn/test_cbsn.py"
        "::test_figures_are_those_of_networks_trained_and_filters_tuned_by_hand"
    )
    example = defaults(images=5, steps=3, blocks=1, stride=3)
    revision = 3
    data = ("phantoms:count=200,side=96",)
    measures = (GAIN, HIDDEN, LESION)
    charted = (GAIN, HIDDEN)
    units = MappingProxyType({GAIN: "dB", HIDDEN: "dB"})
    axis = "dB above the noisy images"
    margin_unit = "dB"
    claims = CLAIMS
    drawings = OF_EXPERIMENT
    main_drawing = Drawing("found")

    sigma: float = setting(
        0.15, Slider(0.02, 0.3, 0.01), "Noise σ", "Its standard deviation, of 1 (white)."
    )
    correlation: float = setting(
        0.65,
        Slider(0.05, 0.7, 0.05),
        "Correlation",
        "Of the noise of pixels side by side; the conditions with white noise have none.",
    )
    stride: int = setting(
        5, Slider(2, 6, 1), "b", "The masked network sees every b-th pixel; the control all."
    )
    cell: int = setting(
        2, Slider(1, 4, 1), "i", "One pixel of every i × i is drawn, where both outputs are tied."
    )
    weight: float = setting(
        2.0, Slider(0.0, 5.0, 0.5), "λ", "How strongly the unmasked output is tied to the masked."
    )
    blocks: int = setting(3, Slider(1, 9, 1), "Blocks", "Dilated blocks in each branch.")
    steps: int = setting(
        1500, Slider(2, 5000, 1), "Steps", "Of each training; s rises over the first 30 %."
    )
    images: int = setting(20, Slider(1, 100, 1), "Test images", "How many are denoised.")

    @property
    def lesson(self) -> DenoiserConfig:
        """What the main network learns."""
        settings = self.stride, self.cell, self.weight, self.blocks, CHANNELS, self.steps
        return DenoiserConfig(*settings, rate=LONG_RATE)

    def conditions(self, case: ExperimentCase) -> Mapping[str, tuple[float, DenoiserConfig | str]]:  # noqa: ARG002
        """Correlation of the noise, and what is learned or which filter is tuned."""
        control = replace(self.lesson, stride=1)
        return {
            MAIN: (self.correlation, self.lesson),
            CONTROL: (self.correlation, control),
            **{name: (self.correlation, name) for name in FILTERS},
            WHITE: (0.0, self.lesson),
            WHITE_CONTROL: (0.0, control),
            **{f"{name}, white noise": (0.0, name) for name in FILTERS},
        }

    def before(self, case: ExperimentCase) -> str:  # noqa: ARG002
        """What is trained and tuned."""
        return (
            f"Four networks for each of {self.seeds} seeds learn from {TRAINED} noisy slices, "
            f"{len(FILTERS)} filters are tuned; all denoise {self.images} test slices. "
            "It can be stopped and resumed: each that is done is kept."
        )

    def condition(
        self, name: str, case: ExperimentCase, progress: Progress
    ) -> tuple[Figures, Result]:
        """Those of one network or filter, with what is to be seen of the first networks."""
        correlation, denoiser = self.conditions(case)[name]
        if isinstance(denoiser, str):
            progress(0.0, "tuning")
            validation = self.noisy(case, "validation", correlation, TUNED)
            chosen = best_filter(denoiser, validation.noisy, validation.clean)
            figures = self.measured(lambda noisy: (chosen(noisy),) * 2, case, correlation)
            return {**figures, HIDDEN: float("nan")}, {}
        noisy_images = self.noisy(case, "train", correlation, TRAINED).noisy
        curve: list[tuple[int, float, float]] = []
        validation_images = self.noisy(case, "validation", correlation, 4)
        watch = partial(record_gain, curve, validation_images, denoiser.stride)
        net = learn(noisy_images, denoiser, case.seed, part_of(progress, 0.0, 0.95), watch)
        denoise = partial(denoise_both, net, stride=denoiser.stride)
        views: dict[str, View] = {}
        if name == MAIN:
            views |= self.seen(net, self.noisy(case, "test", correlation, self.images), case.seed)
        if name in {MAIN, CONTROL}:
            views["gained"] = gain_table(name, curve)
        return self.measured(denoise, case, correlation), views

    def measured(self, denoise: Denoise, case: ExperimentCase, correlation: float) -> Figures:
        """dB gained over the noisy test images, and the lesions' contrast."""
        test = self.noisy(case, "test", correlation, self.images)
        hidden, result = denoise(test.noisy)
        before = psnr(test.noisy, test.clean)
        lesion_contrast = float("nan")
        if test.twins is not None and test.masks is not None:
            twins = denoise(test.twins + test.noise)[1]
            lesion_contrast = kept_contrast(result - twins, test.clean - test.twins, test.masks)
        return {
            GAIN: float((psnr(result, test.clean) - before).mean()),
            HIDDEN: float((psnr(hidden, test.clean) - before).mean()),
            LESION: lesion_contrast,
        }

    def finding(self, case: ExperimentCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """What it gains, what is left of the lesions, and the same of the best filter."""
        table: Table = result["table"]
        filter_name = max(FILTERS, key=lambda name: table.cell(name, GAIN))
        gains = [f"{table.cell(row, GAIN):.1f} dB" for row in (MAIN, filter_name)]
        kept_shares = [
            f"{100 * contrast_share:.0f} % of the lesions' contrast"
            for row in (MAIN, filter_name)
            if np.isfinite(contrast_share := table.cell(row, LESION))
        ]
        network_note, filter_note = (
            (f" and keeps {share}" for share in kept_shares) if len(kept_shares) > 1 else ("", "")
        )
        return (
            f"Without a clean image it gains {gains[0]}{network_note}; {filter_name}, the best "
            "filter, gains "
            f"{gains[1]}{filter_note}."
        )

    def noisy(
        self, case: ExperimentCase, split: str, correlation: float, count: int
    ) -> NoisyImages:
        """Images of a split with noise, the same for the same seed."""
        data, rows = case.data, case.data.some(split, count, case.seed)
        clean = in_unit(data.images[rows])
        stream = int(np.random.default_rng([case.seed, STREAMS[split]]).integers(2**31))
        generator = torch.Generator().manual_seed(stream)
        noise = drawn_noise(clean.shape, self.sigma, correlation, generator)
        twins = in_unit(data.truth["twin"][rows]) if "twin" in data.truth else None
        masks = torch.from_numpy(data.truth["mask"][rows])[:, None] if twins is not None else None
        return NoisyImages(clean, noise, twins, masks)

    def seen(self, net: BlindSpotNet, test: NoisyImages, seed: int) -> dict[str, View]:
        """Views: found, the pictures; center and hole, what the output sees; autocorrelation."""
        hidden, result = denoise_both(net, test.noisy[:PICTURED_IMAGES], self.stride)
        center, maps = centers(net, test.noisy[0])
        columns = ("noisy", "blind spot", "C-BSN", ERROR, "clean")
        rows = []
        for slices in zip(test.noisy, hidden, result, test.clean, strict=False):
            *others, denoised, clean = (as_bytes(image.expand(3, -1, -1)) for image in slices)
            rows.append([*others, denoised, error(clean, denoised), clean])
        before, after = (
            psnr(images, test.clean[:PICTURED_IMAGES]).mean()
            for images in (test.noisy[:PICTURED_IMAGES], result)
        )
        return {
            "found": Pictures(
                np.stack([np.stack(row) for row in rows]),
                tuple(f"test slice {number}" for number in range(1, len(rows) + 1)),
                columns,
                f"PSNR of these slices: {before:.1f} dB noisy, {after:.1f} dB denoised. Gray "
                f"in {ERROR} is no error; a lesion seen in it was erased, in part or whole.",
            ),
            "hole": hole(maps),
            "center": center,
            "autocorrelation": broken_up(
                {
                    "noise": test.noise,
                    "left after denoising": residuals(result, test.clean[:PICTURED_IMAGES]),
                },
                self.stride,
                self.cell,
                seed,
            ),
        }

    def picture(self, case: ExperimentCase) -> Pictures:
        """Test slices, with white noise, and with noise that neighbors share."""
        noisy_sets = [
            self.noisy(case, "test", correlation, PICTURED_IMAGES)
            for correlation in (0.0, self.correlation)
        ]
        rows = (noisy_sets[0].clean, noisy_sets[0].noisy, noisy_sets[1].noisy)
        images = [[as_bytes(image.expand(3, -1, -1)) for image in row] for row in rows]
        count = len(images[0])
        return Pictures(
            np.array(images),
            ("clean", "white noise", "correlated noise"),
            tuple(f"test slice {number}" for number in range(1, count + 1)),
            "The network is only ever given noisy slices. Correlated noise has grains, which "
            "neighbors give away.",
        )


def record_gain(
    curve: list[tuple[int, float, float]],
    few: NoisyImages,
    stride: int,
    step: int,
    net: BlindSpotNet,
) -> None:
    """Add what is gained after so many steps, with the blind spot and without it."""
    before = psnr(few.noisy, few.clean)
    gains = [
        (psnr(denoised, few.clean) - before).mean()
        for denoised in denoise_both(net, few.noisy, stride)
    ]
    curve.append((step, float(gains[0]), float(gains[1])))


def gain_table(condition: str, curve: list[tuple[int, float, float]]) -> Table:
    """What was gained by step."""
    steps, hidden, result = zip(*curve, strict=True)
    return Table.of(
        {
            "steps": (steps, ""),
            f"{condition}, blind spot": (hidden, "dB"),
            condition: (result, "dB"),
        }
    )


def kept_contrast(change: Tensor, true_change: Tensor, masks: Tensor) -> float:
    """The share of what a lesion changes that is still there, (n, C, H, W) each; NaN without one.

    The slope of the change found over the true one, through zero, in all lesions' pixels.
    """
    # least squares through zero: Σ c t / Σ t², over the lesion alone
    change, true_change = change.double(), true_change.double() * masks
    power = true_change.square().sum()
    return float((change * true_change).sum() / power) if power else float("nan")


def in_unit(images: Any) -> Tensor:
    """uint8 images in [0, 1]."""
    return torch.from_numpy(np.asarray(images, np.float32) / np.float32(255))
