"""What the model says without looking, in one click."""

from functools import partial

from components.dialog.scene import KEY, DialogImage
from components.section import Section
from engine.core.charts.drawing import Drawing
from engine.core.charts.matrix import Matrix
from engine.core.result import Table
from engine.hallucination import asking
from engine.hallucination.grounding.findings import in_pictures, surviving
from engine.hallucination.grounding.priors import Priors
from engine.hallucination.grounding.word_case import WordCase

SWAPPED = "another scene"


def show(dialog_image: DialogImage, picked: WordCase) -> None:
    method, case = Priors(), picked
    if dialog_image.other is not None:
        case = asking.held_against(case, [(SWAPPED, asking.pixels(dialog_image.other))])
    probabilities = partial(in_pictures, case.spoken)
    Section(
        KEY,
        method,
        case,
        "Without looking: which words survive when the image is taken away?",
        button="Take the image away",
        columns=1,
        before="Asks the same of a blank picture, of noise, of another image and of none.",
        evidence=(
            Drawing("words", part=partial(asking.said_of_pictures, case, method)),
            Drawing(
                "words",
                "How likely each word is in each picture",
                lambda result: survival_matrix(probabilities(result["words"])),
                lambda _: (
                    "Behind the same words. ✓: it survives there, with at least half of "
                    "the probability that it has in this image."
                ),
                part=probabilities,
            ),
        ),
    ).show()


def survival_matrix(table: Table) -> Matrix:
    stays = surviving(table.values)
    texts = [
        [f"{value:.2f}{' ✓' if at and ok else ''}" for value, ok in zip(row, oks, strict=True)]
        for at, (row, oks) in enumerate(zip(table.values, stays, strict=True))
    ]
    height = 120 + 34 * len(table.rows)
    return Matrix(span=(0, 1), texts=texts, bar="probability", height=height)
