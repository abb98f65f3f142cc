"""A person's own image: noise is put on it, or its own is left, and a network learns from it alone.

Jang et al., "Self-supervised Image Denoising with Downsampled Invariance Loss and Conditional
Blind-Spot Network" (2023), https://arxiv.org/abs/2304.09507
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from engine.attribution.cbsn.drawings import OF_IMAGE
from engine.attribution.cbsn.learning import DenoiserConfig, denoise_both, learn
from engine.attribution.cbsn.net import PAPER, BlindSpotNet
from engine.attribution.cbsn.noise import FILTERS, Filter, best_filter, drawn_noise, psnr
from engine.attribution.cbsn.seen import (
    ERROR,
    REMOVED,
    broken_up,
    centers,
    error,
    hole,
    removed,
    residuals,
)
from engine.core.charts.drawing import Drawing
from engine.core.method import Choice, Method, Progress, Slider, defaults, part_of, quiet, setting
from engine.core.pictures import as_bytes
from engine.core.result import Pictures, Result, Table, View
from engine.vision.case import ImageCase

WHOLE, CENTER = "whole image", "middle of it"
OWN_CHANNELS = 16
NOISY, HIDDEN, DENOISED = "noisy", "blind spot", "C-BSN"
PLAIN = 1.4  # factor of the estimated σ where no truth says which is best


@dataclass(frozen=True)
class Denoised(Method[ImageCase]):
    """The image with noise, and what a network makes of it that has seen nothing else.

    Noise of the chosen σ and correlation is put on the image, a network learns from that noisy
    image alone, and the image as it was says how near it comes (PSNR in dB, higher is nearer). At
    σ = 0 the image's own noise is left; then nothing says what is right, so no PSNR is given, and
    what was removed is shown in place of the error. Whatever can be recognized there was lost.
    Filters stand beside it: where noise was put on, each at the strength that is best by the image
    as it was, which the network does not see. The noise is drawn, not that of a camera or a
    scanner, and a network that learned from one image has seen little. No classifier is asked: the
    answer does not depend on the class. Not for reading a finding.
    """

    name = "Denoised"
    family = "attribution"
    title = "Denoise an image (C-BSN)"
    cost = "job"
    revision = 2
    paper = PAPER
    proof = (
        "tests/engine/attribution/cbsn/test_denoised.py"
        "::test_the_blind_output_does_not_see_its_own_pixel_and_the_other_does"
    )
    example = defaults(steps=3, blocks=1, stride=3, side=24)
    drawings = OF_IMAGE
    main_drawing = Drawing("picture")

    sigma: float = setting(
        0.15, Slider(0.0, 0.3, 0.01), "Noise σ", "Put on the image, of 1 (white); 0 for none."
    )
    correlation: float = setting(
        0.65, Slider(0.0, 0.7, 0.05), "Correlation", "Of the noise of pixels side by side."
    )
    stride: int = setting(5, Slider(1, 6, 1), "b", "The masked network sees every b-th pixel.")
    cell: int = setting(
        2, Slider(1, 4, 1), "i", "One pixel of every i × i is drawn, where both outputs are tied."
    )
    weight: float = setting(
        2.0, Slider(0.0, 5.0, 0.5), "λ", "How strongly the unmasked output is tied to the masked."
    )
    blocks: int = setting(2, Slider(1, 9, 1), "Blocks", "Dilated blocks in each branch.")
    steps: int = setting(500, Slider(2, 3000, 1), "Steps", "Of the training.")
    part: str = setting(
        WHOLE,
        Choice((WHOLE, CENTER)),
        "Part",
        "Making an image smaller takes noise away: for its "
        "own noise choose the middle, whose pixels stay as they are.",
    )
    side: int = setting(128, Slider(24, 192, 8, "px"), "Side", "Of what is denoised.")

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: picture, before and after; others, blind output and filters; center and hole, what
        an output pixel hangs on; autocorrelation; psnr in dB and steps, where noise was put on."""
        generator = case.generator()
        clean = self.shown(case.image)
        noise = drawn_noise(clean.shape, self.sigma, self.correlation, generator)
        noisy = clean + noise
        views: dict[str, View] = {}
        curve: list[tuple[int, float, float]] = []

        def watch(step: int, net: BlindSpotNet) -> None:
            hidden, result = denoise_both(net, noisy, self.stride)
            views["picture"] = self.picture(clean, noisy, result)
            if self.sigma:
                curve.append((step, float(psnr(hidden, clean)[0]), float(psnr(result, clean)[0])))
                columns = zip(("steps", HIDDEN, DENOISED), zip(*curve, strict=True), strict=True)
                units = ("", "dB", "dB")
                views["steps"] = Table.of(
                    {
                        name: (values, unit)
                        for (name, values), unit in zip(columns, units, strict=True)
                    }
                )
            progress(0.85 * step / self.steps, "learning to denoise", {**views})

        lesson = DenoiserConfig(
            self.stride, self.cell, self.weight, self.blocks, OWN_CHANNELS, self.steps
        )
        net = learn(noisy, lesson, case.seed, part_of(progress, 0.0, 0.85), watch)
        hidden, result = denoise_both(net, noisy, self.stride)
        others = {HIDDEN: hidden}
        for done, name in enumerate(FILTERS):
            progress(0.85 + 0.05 * done, name, {**views})
            chosen = best_filter(name, noisy, clean) if self.sigma else Filter(name, PLAIN)
            others[name] = chosen(noisy)
        center, maps = centers(net, noisy[0])
        noises = {"noise": noise} if self.sigma else {"what was removed": noisy - result}
        if self.sigma:
            noises["left after denoising"] = residuals(result, clean)
            images = {NOISY: noisy, DENOISED: result, **others}
            views["psnr"] = Table.of(
                {"PSNR": ([float(psnr(image, clean)[0]) for image in images.values()], "dB")},
                [*images],
            )
        views |= {
            "picture": self.picture(clean, noisy, result),
            "others": self.beside(others, clean),
            "hole": hole(maps),
            "center": center,
            "autocorrelation": broken_up(noises, self.stride, self.cell, case.seed),
        }
        progress(1.0, "denoised")
        return views

    def shown(self, image: Tensor) -> Tensor:
        """What is denoised of an image (3, H, W): (1, 1 or 3, side, side), 1 where it is gray."""
        image = image.float().cpu()[None]
        if (image == image[:, :1]).all():
            image = image[:, :1]
        height, width = image.shape[2:]
        side = min(self.side, height, width)
        if self.part == CENTER:
            top, left = (height - side) // 2, (width - side) // 2
            return image[..., top : top + side, left : left + side].clone()
        small = F.interpolate(image, (side, side), mode="bicubic", antialias=True)
        return small.clamp(0, 1)

    def picture(self, clean: Tensor, noisy: Tensor, denoised: Tensor) -> Pictures:
        """Before and after, and the error or, of its own noise, what was removed; (1, C, H, W)."""
        images = {"image": clean, "with noise": noisy} if self.sigma else {"image": noisy}
        images["denoised"] = denoised
        columns = {name: as_bytes(image[0].expand(3, -1, -1)) for name, image in images.items()}
        if self.sigma:
            last, columns[ERROR] = ERROR, error(columns["image"], columns["denoised"])
        else:
            last, columns[REMOVED] = REMOVED, removed(noisy[0], denoised[0])
        return Pictures(
            np.stack(list(columns.values()))[None],
            ("",),
            tuple(columns),
            f"What can be recognized in the column {last} was lost.",
        )

    def beside(self, others: Mapping[str, Tensor], clean: Tensor) -> Pictures:
        """The blind spot's output and that of filters."""
        captions = tuple(
            f"{psnr(image, clean)[0]:.1f} dB" if self.sigma else "" for image in others.values()
        )
        pictures = [as_bytes(image[0].expand(3, -1, -1)) for image in others.values()]
        how = (
            "at the best of its strengths" if self.sigma else f"at {PLAIN:g} times the σ estimated"
        )
        return Pictures(
            np.stack(pictures)[None], ("",), tuple(others), f"Each filter {how}.", captions=captions
        )

    def finding(self, case: ImageCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How near it comes beside the best filter, or how like noise what was removed is."""
        if "psnr" not in result:
            table: Table = result["autocorrelation"]
            correlation = float(table["what was removed"][1])
            if isnan(correlation):
                return "Nothing was removed: the image is the same everywhere."
            return (
                "Denoised from its own noise alone. What was removed has a correlation of "
                f"{correlation:.2f} between neighbors; look for shapes in it."
            ).replace("-0", "−0")
        psnr_table: Table = result["psnr"]
        name = max(FILTERS, key=lambda filter_name: psnr_table.cell(filter_name, "PSNR"))
        values = [psnr_table.cell(row, "PSNR") for row in (NOISY, DENOISED, name)]
        return (
            f"Denoised from this one noisy image: {values[1]:.1f} dB, noisy {values[0]:.1f} dB. "
            f"Best filter ({name}): {values[2]:.1f} dB."
        )
