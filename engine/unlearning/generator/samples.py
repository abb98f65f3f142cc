"""What a generator draws of each class, and what a classifier reads in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.method import Method, Progress, defaults, part_of, quiet
from engine.core.result import Result, Table
from engine.unlearning.generator.case import GeneratorCase
from engine.unlearning.generator.judging import JudgedSheet, RealImages, as_pictures, judge_samples
from engine.unlearning.generator.sampling import SampleSettings

DRAWING = 0.95  # share of the progress


@dataclass(frozen=True)
class Samples(SampleSettings, Method[GeneratorCase]):
    """Images of each class that a small diffusion model draws, and how a classifier reads them.

    The generator begins with noise and takes some of it out in each pass. The judge is a classifier
    that learned from the same real images. The distance (FID) compares the features that it sees in
    drawn and in training images. The floor is that of as many training images from the others, but
    of no more than half of them.

    A judge that reads a sample as asked does not say that it looks real, and the distance says
    nothing of single samples.
    """

    family = "unlearning"
    name = "Samples"
    title = "Samples of a generator"
    cost = "live"
    revision = 2  # the judge is tried on test images
    paper = "Ho et al. 2020, https://arxiv.org/abs/2006.11239"
    proof = (
        "tests/engine/unlearning/generator/test_judging.py"
        "::test_samples_are_read_as_asked_by_another_judge"
    )
    example = defaults(each=4, passes=5)

    def __call__(self, case: GeneratorCase, progress: Progress = quiet) -> Result:
        """Drawn and read.

        Returns:
            sheet: a row for each class.
            read: the share of each class asked for (rows) that is read as each class (columns).
            figures: of real images and of samples, the share that is read right (of test images),
                the distance from other training images, and of how many it is taken.
        """
        self.check(case)
        sheet = judge_samples(case.generator, case, self, part_of(progress, 0.0, DRAWING))
        labels = case.generator.labels
        drawn = RealImages.of(case, sheet.read.size)
        progress(1.0, "judged")
        sentence = f"The judge reads {100 * sheet.agreed.mean():.0f} % of the samples as asked."
        return {
            "sheet": as_pictures({"samples": sheet}, labels, sentence),
            "read": Table.grid(sheet.readings, labels, labels, ["share"] * len(labels)),
            "figures": sheet_table(drawn, {"samples": sheet}),
        }

    def finding(self, case: GeneratorCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How much is read as asked, and the distance beside its floor."""
        figures = result["figures"]
        return (
            f"{100 * figures.cell('samples', 'read as asked'):.0f} % of the samples are read as "
            f"asked. Their distance from real images is "
            f"{figures.cell('samples', 'distance'):.1f}; that of real ones from each other is "
            f"{figures.cell('real images', 'distance'):.1f}."
        )


def sheet_table(real: RealImages, sheets: Mapping[str, JudgedSheet]) -> Table:
    """Real images and sheets of samples: how much is read as asked, and the distance."""
    every = [real.right, *(sheet.agreed.mean() for sheet in sheets.values())]
    far = [real.floor, *(real.distance(sheet) for sheet in sheets.values())]
    images = [len(real.part), *(sheet.read.size for sheet in sheets.values())]
    columns = {
        "read as asked": (every, "share"),
        "distance": (far, "features²"),
        "images compared": (images, ""),
    }
    return Table.of(columns, ("real images", *sheets))


def figures(case: GeneratorCase) -> dict[str, float]:
    """What a generator that ships was found to do, at the usual settings."""
    sheet = judge_samples(case.generator, case, Samples())
    real = RealImages.of(case, sheet.read.size)
    return {
        "read as asked": float(sheet.agreed.mean()),
        "worst class": float(sheet.agreed.min()),
        "distance": real.distance(sheet),
        "distance of real images": real.floor,
    }
