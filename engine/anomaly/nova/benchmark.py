"""NOVA's protocol: how well a localizer finds lesions of kinds that it was never fitted to.

Bercea et al., "NOVA: A Benchmark for Anomaly Localization and Clinical Reasoning in Brain MRI"
(2025), https://arxiv.org/abs/2505.14064
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from torch import Tensor

from engine.anomaly.dictas.localizer import DictAS
from engine.anomaly.localizers.localizer import AT_ONCE, Localizer
from engine.anomaly.localizers.padim import PaDiM
from engine.anomaly.localizers.patchcore import PatchCore
from engine.anomaly.localizers.patches import layers_at, maps_of, normal_patches
from engine.anomaly.localizers.regions import boxes_above
from engine.anomaly.nova.lesions import (
    Benchmark,
    Masks,
    benchmark,
    box_array,
    box_masks,
    disjoint_normals,
    heads,
    of_others,
    without_lesions,
)
from engine.core.errors import BadData
from engine.core.method import Choice, Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import Floats, Pictures, Result, Table
from engine.evaluation.detection.case import FamiliarCase
from engine.evaluation.detection.conformal import Conformal
from engine.evaluation.detection.detector import noted
from engine.evaluation.detection.lesions import LesionsCase
from engine.evaluation.detection.rows import as_seen
from engine.evaluation.detection.standing import first_line
from engine.evaluation.measures.boxes import (
    ScoredBoxes,
    box_figures,
    hits,
    pairwise_iou,
    precisions,
)
from engine.evaluation.measures.segmentation import aupro, pixel_auroc
from engine.vision.data import DataSet, Rows
from engine.vision.data.registry import UPLOAD

OVERLAP = 0.3  # of a box with a known one, from which on it counts in the curve
KINDS: dict[str, type[Localizer]] = {kind.name: kind for kind in (PatchCore, PaDiM, DictAS)}
ALL, SWAPPED, PIXELS = "all", "all, another image's map", "all, pixels alone"
COLUMNS = {
    "images": "images",
    "boxes": "boxes",
    "mAP@30": "share",
    "mAP@50": "share",
    "mAP@[50:95]": "share",
    "ACC50": "share",
    "TP30": "boxes",
    "FP30": "boxes",
    "pointing": "share",
    "flagged": "share",
    "AUROC": "probability",
    "AUPRO": "share",
}
BOXES = ("image", "known", "left", "top", "width", "height", "highest", "overlap")
SPREAD = 0.02  # least spread of a pixel, of 1
SOLID, DASHED = (255, 90, 90), (255, 220, 60)  # colors of boxes that were found, and of known ones

Heat = Callable[[Tensor], Floats]  # pixels (n, 3, S, S) → maps (n, S, S)


@dataclass(frozen=True)
class Nova(Method[LesionsCase]):
    """How well a localizer finds lesions of kinds that it was never fitted to, kind by kind.

    It is fitted to normal images alone, and its threshold comes from held-out normal images: of
    images without a lesion at most the chosen share may have anything above it. Boxes surround what
    lies above it, at most ten, scored by their highest value. mAP@30 is the area under precision
    over recall when a box must overlap a known one by 30 % (intersection over union), mAP@50 by
    50 %, mAP@[50:95] the mean over ten overlaps; TP30 and FP30 count boxes that hit and that do
    not; ACC50 is the share of images with lesions in which a box hits by 50 %. *Pointing*: the
    highest value lies on a lesion. *Flagged*: anything lies above the threshold, which is a false
    alarm where there is no lesion. AUROC and AUPRO are of pixels. Only the head counts, since air
    makes every map look good. Controls: each image judged by the map of one of another patient (of
    another image, where nobody says whose it is), and a localizer that knows pixels alone. Features
    of a network that has learned from such lesions are no judge. Normal images with a lesion are
    left out.
    The paper's own figures are of vision-language models and cannot be compared.
    """

    name = "NOVA"
    revision = 3  # AUPRO where false positives meet the limit exactly
    family = "anomaly"
    title = "Lesions of unseen kinds (NOVA)"
    cost = "job"
    needs = frozenset({"lesions", "patches"})
    paper = (
        "Bercea et al., NOVA: A Benchmark for Anomaly Localization and Clinical Reasoning in Brain "
        "MRI (2025), https://arxiv.org/abs/2505.14064"
    )
    proof = (
        "tests/engine/anomaly/nova/test_nova.py"
        "::test_every_figure_is_that_of_maps_and_boxes_made_one_image_at_a_time"
    )

    localizer: str = setting(
        "PatchCore",
        Choice(tuple(KINDS), titles={name: kind.title for name, kind in KINDS.items()}),
        "Localizer",
        "Which one is measured, with its usual settings.",
    )
    images: int = setting(
        80,
        Slider(4, 1000, 1),
        "Images",
        "How many are asked about, as many of each kind as there are.",
    )
    normals: int = setting(40, Slider(1, 100, 1), "Normal images used", "How many it is fitted to.")
    alpha: float = setting(
        0.05,
        Slider(0.01, 0.3, 0.01),
        "False alarms",
        "The share of normal images in which anything at all may lie above the threshold.",
    )

    def __call__(self, case: LesionsCase, progress: Progress = quiet) -> Result:
        """Views: table (a row for each kind, all, and two controls), curve, picture, boxes.

        Beside them: figures, notes.
        """
        lesion_set = benchmark(case, case.data.some("test", self.images, case.seed))
        if len(lesion_set.boxes) < 2 or not any(map(len, lesion_set.boxes)):
            raise BadData(
                f"{case.data.card.title}: at least two images are needed, one with a lesion."
            )
        localizer = KINDS[self.localizer](normals=self.normals, alpha=self.alpha)
        heat, plain, held_heat, notes = self.heats(
            localizer, case, lesion_set, part_of(progress, 0.05, 0.4)
        )
        maps, ruler = self.mapped(heat, lesion_set, held_heat, part_of(progress, 0.4, 0.9))
        threshold, problem = first_line(ruler, self.alpha)
        names = [*kinds_of(case.data), ALL]
        rows = {
            name: figures(lesion_set, maps, threshold, kind_rows)
            for at, name in enumerate(names)
            if (kind_rows := np.flatnonzero((lesion_set.kinds == at) | (name == ALL))).size
        }
        all_rows = np.arange(len(maps))
        # a map that knows nothing of the image: what place and size alone would hit
        swapped = maps[of_others(lesion_set)]
        rows[SWAPPED] = figures(lesion_set, swapped, threshold, all_rows)
        progress(0.95, "pixels alone")
        pixel_maps, pixel_ruler = self.mapped(plain, lesion_set, held_heat)
        pixel_threshold = first_line(pixel_ruler, self.alpha)[0]
        rows[PIXELS] = figures(lesion_set, pixel_maps, pixel_threshold, all_rows)
        map_sets = {
            ALL: (maps, threshold),
            SWAPPED: (swapped, threshold),
            PIXELS: (pixel_maps, pixel_threshold),
        }
        picture, boxes = examples(
            lesion_set, maps, threshold, names, localizer.unit, shown=not is_own(case.data)
        )
        progress(1.0, "measured")
        return {
            "table": Table.grid(
                np.array(list(rows.values())), list(rows), list(COLUMNS), list(COLUMNS.values())
            ),
            "curve": curve(lesion_set, map_sets),
            "picture": picture,
            "boxes": boxes,
            "figures": Table.of(
                {
                    "threshold": ([threshold], localizer.unit),
                    "smallest p": ([ruler.smallest], "probability"),
                    "held out": ([len(ruler.scores)], "images"),
                }
            ),
            "notes": noted((*notes, *((problem,) if problem else ()))),
        }

    def finding(self, case: LesionsCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How many lesions are boxed, where it is worst, and what chance gives."""
        table = result["table"]
        kinds = [row for row in table.rows[:-3] if table.cell(row, "boxes")]
        worst = min(kinds, key=lambda row: table.cell(row, "mAP@30"))
        overall = {name: table.cell(ALL, name) for name in table.order}
        by_chance = table.cell(SWAPPED, "mAP@30")
        hardest = f"; hardest: {worst} ({table.cell(worst, 'mAP@30'):.2f})" if kinds[1:] else ""
        too_few = result["figures"]["smallest p"][0] > self.alpha
        line = f" Too few normal images for a threshold at {100 * self.alpha:.3g} % false alarms."
        return (
            f"{KINDS[self.localizer].title} boxes {overall['TP30']:.0f} of "
            f"{overall['boxes']:.0f} lesions "
            f"with {overall['FP30']:.0f} false boxes: mAP@30 {overall['mAP@30']:.2f}, by "
            "another image's "
            f"map {by_chance:.2f}{hardest}.{line if too_few else ''}"
        )

    def heats(
        self, local: Localizer, case: LesionsCase, test_set: Benchmark, progress: Progress
    ) -> tuple[Heat, Heat, Tensor, tuple[str, ...]]:
        """The localizer, one that knows pixels alone, held-out normal images for both, and notes.

        Raises:
            BadData: all normal images have lesions, or too few are left.
        """
        model, side = case.model, case.model.side
        healthy, lesion_notes = without_lesions(case.normal)
        normal = disjoint_normals(
            healthy, case.data, case.data.some("test", self.images, case.seed)
        )
        single = FamiliarCase(model, test_set.pixels[0], normal, seed=case.seed)
        layers = layers_at(model, local.depth)
        patches = normal_patches(single, self.normals, layers, part_of(progress, 0.0, 0.5))
        rule = local.fit(single, patches, part_of(progress, 0.5, 1.0, "comparing patches"))
        gray = as_seen(normal.take(patches.fit_rows), slice(None), side).mean(1)
        # where normal images are all black the least noise would be infinitely odd
        middle, spread = gray.mean(0), gray.std(0, correction=0) + SPREAD

        def heat(pixels: Tensor) -> Floats:
            return local.smooth(rule.distances(maps_of(model, pixels, layers)), side)

        def plain(pixels: Tensor) -> Floats:
            return local.smooth((pixels.mean(1) - middle).abs() / spread, side)

        held_pixels = as_seen(normal.take(patches.held_rows), slice(None), side)
        return heat, plain, held_pixels, (*lesion_notes, *patches.notes, *rule.notes)

    def mapped(
        self, heat: Heat, test_set: Benchmark, held_out: Tensor, progress: Progress = quiet
    ) -> tuple[Floats, Conformal]:
        """Maps of all images, 0 outside the head, and the highest value of held-out normal ones."""
        # held-out images within their heads too: their highest value must come from the same places
        normal_maps = in_heads(heat, held_out, heads(held_out), part_of(progress, 0.0, 0.4))
        maps = in_heads(heat, test_set.pixels, test_set.heads, part_of(progress, 0.4, 1.0))
        return maps, Conformal(normal_maps.max((1, 2)).astype(np.float64))


def in_heads(heat: Heat, pixels: Tensor, within: Masks, progress: Progress) -> Floats:
    """Maps of all images, 0 outside the head."""
    results = []
    for start in range(0, len(pixels), AT_ONCE):
        chunk = slice(start, start + AT_ONCE)
        results.append(np.where(within[chunk], heat(pixels[chunk]), 0))
        progress(min(start + AT_ONCE, len(pixels)) / len(pixels), "mapping images")
    return np.concatenate(results).astype(np.float32)


def figures(asked: Benchmark, maps: Floats, threshold: float, rows: Rows) -> list[float]:
    """Those of COLUMNS, over some of the images."""
    scored = scored_boxes(maps[rows], threshold)
    truth = [asked.boxes[row] for row in rows]
    heats, masks, within = maps[rows], asked.masks[rows], asked.heads[rows]
    lesion_rows = [at for at, boxes in enumerate(truth) if len(boxes)]
    points = [masks[at].flat[heats[at].argmax()] for at in lesion_rows]
    inside = masks[within]
    pixels = (
        [f(heats, masks, within) for f in (pixel_auroc, aupro)] if 0 < inside.mean() < 1 else []
    )
    return [
        len(rows),
        sum(map(len, truth)),
        *asdict(box_figures(scored, truth)).values(),
        float(np.mean(points)) if lesion_rows else np.nan,
        float((heats.max((1, 2)) > threshold).mean()),
        *(pixels or [np.nan, np.nan]),
    ]


def scored_boxes(maps: Floats, threshold: float) -> ScoredBoxes:
    """The boxes of some maps (n, S, S), scored by their highest value."""
    tables = [boxes_above(heat, threshold, "") for heat in maps]
    return ScoredBoxes(
        np.repeat(np.arange(len(maps)), [len(table) for table in tables]),
        np.concatenate([box_array(table) for table in tables]),
        np.concatenate([table["highest"] for table in tables]).astype(np.float64),
    )


def curve(test_set: Benchmark, ways: Mapping[str, tuple[Floats, float]]) -> Table:
    """Precision over recall of all boxes, at an overlap of OVERLAP: a row for each known lesion.

    A column's mean is that way's mAP@30.

    Args:
        test_set: the images.
        ways: the maps (n, S, S) of each, with its threshold.
    """
    count = sum(map(len, test_set.boxes))
    columns = {
        name: (precisions(hits(scored_boxes(*way), test_set.boxes, OVERLAP), count), "share")
        for name, way in ways.items()
    }
    return Table.of({"recall": (np.arange(1, count + 1) / count, "share"), **columns})


def is_own(data: DataSet) -> bool:
    """Whether it is a person's file: neither its words nor its pixels are kept with an answer."""
    return data.name.startswith(UPLOAD)


def kinds_of(data: DataSet) -> list[str]:
    """What the rows of the table are called."""
    return [f"kind {at + 1}" if is_own(data) else label for at, label in enumerate(data.classes)]


def examples(
    test_set: Benchmark, maps: Floats, threshold: float, names: list[str], unit: str, *, shown: bool
) -> tuple[Pictures, Table]:
    """The first image of each kind with a lesion, with its known (dashed) and found boxes (solid).

    Not `shown`, its map stands for the image. The table has the boxes of each, by its place in the
    picture: whether it is known, and a found one's highest value and its overlap with that known
    one which it overlaps most.
    """
    has_lesion = np.array([len(box) > 0 for box in test_set.boxes])
    rows = [
        int(kind_rows[0])
        for at in range(len(names) - 1)
        if (kind_rows := np.flatnonzero(has_lesion & (test_set.kinds == at))).size
    ]
    images, framed_images, boxes = [], [], []
    for at, row in enumerate(rows):
        background = (
            test_set.pixels[row].numpy() if shown else np.stack([maps[row] / (maps.max() or 1)] * 3)
        )
        image = np.round(background.transpose(1, 2, 0) * 255).astype(np.uint8)
        images.append(image)
        known, table = test_set.boxes[row], boxes_above(maps[row], threshold, "")
        found_boxes, copy = box_array(table), image.copy()
        for box_set, color, dash in ((known, DASHED, 3), (found_boxes, SOLID, 0)):
            for box in box_set:
                framed(copy, box, color, dash)
        framed_images.append(copy)
        boxes += [(at, 1, *box, np.nan, np.nan) for box in known]
        scores = zip(
            found_boxes, table["highest"], pairwise_iou(found_boxes, known).max(1), strict=True
        )
        boxes += [(at, 0, *box, highest, overlap) for box, highest, overlap in scores]
    picture = Pictures(
        np.stack([images, framed_images]),
        ("image" if shown else "map", "boxes"),
        tuple(names[test_set.kinds[row]] for row in rows),
        "The first image of each kind: known boxes dashed and yellow, boxes found solid and red.",
    )
    units = ("", "", "share", "share", "share", "share", unit, "share")
    row_names = ["known" if box[1] else "found" for box in boxes]
    return picture, Table.grid(np.array(boxes), row_names, BOXES, units)


def framed(
    image: NDArray[np.uint8], box: NDArray[np.float64], color: tuple[int, int, int], dash: int
) -> None:
    """Draw a box's border into an image (S, S, 3); with `dash`, only every other so many px."""
    side = len(image)
    edge = box_masks(box[None], side) & ~ndi.binary_erosion(box_masks(box[None], side))
    rows, columns = np.nonzero(edge)
    dashes = (rows + columns) // dash % 2 == 0 if dash else np.ones(len(rows), np.bool_)
    image[rows[dashes], columns[dashes]] = color
