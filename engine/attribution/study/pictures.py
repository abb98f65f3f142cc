"""Every map of one image of a study as a labeled grid: rows are labels, columns are methods."""

import numpy as np

from engine.attribution.study.case import StudyCase
from engine.attribution.study.images import Bools, StudyImage
from engine.attribution.study.look import SEPARATOR
from engine.attribution.study.methods import EVERY
from engine.core.pictures import Pixels, as_bytes
from engine.core.pictures.colors import DIVERGING_LIGHT, SEQUENTIAL
from engine.core.result import HeatMap, Pictures, Result, Table
from engine.vision.data.masks import outline

OUTLINE = (255, 255, 255), (0, 0, 0)  # of a mask, from within
TIMES = 2  # each pixel as a square of so many
READING = (
    "White border: where the thing of the row is. The maps of one column share a scale that ends "
    "at the column's largest size; columns have units of their own. Percent: of as many strongest "
    "pixels as the thing has, how many lie on it. Cosine: how alike the maps of a column are."
)


def map_pictures(case: StudyCase, image: StudyImage, result: Result) -> Pictures:
    """The image, and beside it the maps of each method on one scale, for every label.

    Args:
        case: the study.
        image: one of its images.
        result: the answer of StudyMaps about it.
    """
    figures: Table = result["figures"]  # type: ignore[assignment]
    ends = {method.name: top(case, image, method.name, result) for method in case.methods}
    rows, captions = [], []
    for place, label in enumerate(image.targets):
        mask = image.masks[place] if place < len(image.labels) else None
        rows.append([bordered(as_bytes(image.image), mask)])
        captions.append("")
        for method in case.methods:
            view = map_of(case, label, method.name, result)
            rows[-1].append(bordered(painted(view, ends[method.name]), mask))
            captions.append("" if mask is None else score(figures, case, label, method.name))
    first_label, titles = (
        image.labels[0],
        [EVERY.get(method.name, method.name) for method in case.methods],
    )
    cosines = [cosine(figures, case, first_label, method.name) for method in case.methods]
    pointing = int((figures["pointing game"] >= 0.5).sum())
    return Pictures(
        np.array(rows, np.uint8),
        tuple(row_name(case, image, label) for label in image.targets),
        (
            "image",
            *(
                f"{title} · cosine {similarity}"
                for title, similarity in zip(titles, cosines, strict=True)
            ),
        ),
        f"{pointing} of {len(figures)} maps point at the thing of their row. {READING}",
        captions=tuple(captions),
    )


def row_name(case: StudyCase, image: StudyImage, label: int) -> str:
    """What a row asks about."""
    target = case.target(image, label)
    words = target.words(case.model.labels)
    plain = label in image.labels or target.versus is not None
    return words if plain else f"{words} (not there)"


def map_of(case: StudyCase, label: int, method: str, result: Result) -> HeatMap:
    """One map."""
    view = result[map_key(case, label, method)]
    if not isinstance(view, HeatMap):
        raise TypeError(f"{type(view).__name__} is no map")
    return view


def map_key(case: StudyCase, label: int, method: str) -> str:
    """The name of a map among the views."""
    return f"{case.model.labels[label]}{SEPARATOR}{method}"


def top(case: StudyCase, image: StudyImage, method: str, result: Result) -> float:
    """The largest size of a method's maps, at which its colors end."""
    maps = [map_of(case, label, method, result) for label in image.targets]
    return max(float(np.abs(heat_map.values).max()) for heat_map in maps)


def score(figures: Table, case: StudyCase, label: int, method: str) -> str:
    """Whether a map points at the thing, and how many of its strongest pixels lie on it."""
    name = map_key(case, label, method)
    hit, share = figures.cell(name, "pointing game"), figures.cell(name, "relevance rank")
    return f"{'✓ points at it' if hit >= 0.5 else '✗ points elsewhere'}, {100 * share:.0f} % on it"


def cosine(figures: Table, case: StudyCase, label: int, method: str) -> str:
    """How alike the maps of a method are; "–" where there is only one."""
    value = figures.cell(map_key(case, label, method), "cross-label cosine")
    return f"{value + 0:.2f}".replace("-", "−") if np.isfinite(value) else "–"


def painted(view: HeatMap, end: float) -> Pixels:
    """A map in colors that end at that size, (H, W, 3)."""
    scaled = view.values / end if end > 0 else np.zeros_like(view.values)
    ramp, position = (DIVERGING_LIGHT, (scaled + 1) / 2) if view.signed else (SEQUENTIAL, scaled)
    colors: Pixels = ramp[np.rint(np.clip(position, 0, 1) * 255).astype(np.uint8)]
    return colors


def bordered(pixels: Pixels, mask: Bools | None) -> Pixels:
    """A picture at twice its size; around the mask a white border, and a black one around it."""
    large: Pixels = pixels.repeat(TIMES, 0).repeat(TIMES, 1)
    if mask is not None and mask.any():
        inside = mask.repeat(TIMES, 0).repeat(TIMES, 1)
        for color in OUTLINE:
            edge = outline(inside)
            large[edge] = color
            inside = inside | edge
    return large
