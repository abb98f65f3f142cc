"""Brain-MRI phantoms: synthetic lesions in a warped average brain, not clinical data.

Each slice has its exact lesion mask, the mask of the oedema, and a healthy twin: the same patient
and the same noise without the lesion, so that |image − twin| is the whole of what made the class.
Every number comes from (seed, patient) or (seed, slice): a slice is the same however many are
made, and in whatever order.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadSetting
from engine.core.method import Progress, Slider, quiet, setting
from engine.vision.data.brain import BRAIN, FIELD, MIDDLE, AxialCut, Finish, Floats, Patient
from engine.vision.data.dataset import DataCard, DataSet
from engine.vision.data.keeping import path_of, stored_arrays
from engine.vision.data.lesions import KINDS, NONE, Lesion, Mask
from engine.vision.data.recipe import DataRecipe, seed_setting

REVISION = 2  # raise it when the same settings give other slices
SLICES = 10  # of each patient
FIRST = 200  # slices that are made while one waits
HEIGHTS = (-18.0, 52.0)  # mm, of the slices
VOLUME_HEIGHTS = (-46.0, 86.0)
SPLIT = np.array([0, 0, 0, 1, 0, 0, 2, 0, 0, 2], np.uint8)  # of ten patients
MAX_PIXELS = 100_000_000  # of all slices: 10 000 of 96 px; each takes four bytes with its truth
PATIENT, SLICE, VOLUME = range(3)  # first word of a random stream

CARD = DataCard(
    "Brain phantoms",
    about="Axial slices of a head after contrast: without lesion, or with one that is compact and "
    "bright, ring-enhancing, or diffuse and dark.",
    made="Synthetic lesions in the MNI152 average brain, warped into patients; not clinical data, "
    "and one head stands behind them all.",
    license="MNI152: © Louis Collins, McGill University, free to use with this notice",
    truth="exact lesion and oedema masks, the healthy twin of every slice, the patient (group)",
)

Gray = NDArray[np.uint8]


@dataclass(frozen=True)
class Phantoms(DataRecipe):
    """Slices of patients; every tenth slice a new one."""

    word = "phantoms"
    title = "Brain phantoms"
    card = CARD

    count: int = setting(2000, Slider(40, 20000, 10), "Slices", "How many; ten of each patient.")
    side: int = setting(96, Slider(48, 256, 16, "px"), "Side", "Pixels from edge to edge.")
    contrast: float = setting(
        1.0,
        Slider(0.0, 1.5, 0.05),
        "Lesion contrast",
        "1 is plain to see; at 0 only the push of the lesion on its surroundings is left.",
    )
    size: float = setting(
        1.0, Slider(0.4, 1.6, 0.05), "Lesion size", "Factor on the radius of every lesion."
    )
    shift: float = setting(
        0.0,
        Slider(0.0, 1.0, 0.05),
        "Scanner shift",
        "How far contrast, unevenness and noise are from the usual scanner's.",
    )
    seed: int = seed_setting()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.count * self.side**2 > MAX_PIXELS:
            most = MAX_PIXELS // self.side**2
            raise BadSetting(f"{self.title}: at {self.side} px choose at most {most} slices.")

    @property
    def question(self) -> dict[str, Any]:
        """What the kept slices depend on."""
        return {"recipe": asdict(self), "revision": REVISION}

    def at_hand(self) -> bool:
        """Whether the slices are few, or lie on the disk."""
        return self.count <= FIRST or path_of(self.word, self.question).is_file()

    def first(self) -> Phantoms:
        """Makes the first slices, which are the same however many follow."""
        return replace(self, count=min(self.count, FIRST))

    def make(self, progress: Progress = quiet) -> DataSet:
        """The slices, from the disk when they were made before."""
        arrays = stored_arrays(
            self.word,
            self.question,
            lambda: self.arrays(progress),
            beat=lambda: progress(0.0, "waiting for whoever draws them already"),
        )
        index = np.arange(self.count)
        truth = {"mask": arrays["mask"], "oedema": arrays["oedema"], "twin": arrays["twin"]}
        return DataSet(
            name=self.name,
            card=CARD,
            classes=KINDS,
            images=arrays["images"],
            labels=arrays["labels"],
            ids=index,
            split=SPLIT[index // SLICES % len(SPLIT)],
            truth={**truth, "group": index // SLICES, "height": arrays["height"]},
        )

    def arrays(self, progress: Progress = quiet) -> dict[str, NDArray[Any]]:
        shape = (self.count, self.side, self.side)
        images, twins = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
        masks, oedemas = np.empty(shape, np.bool_), np.empty(shape, np.bool_)
        labels, heights = np.empty(self.count, np.int64), np.empty(self.count, np.float32)

        for index in range(self.count):
            if index % SLICES == 0:
                progress(index / self.count, "drawing patients")
                patient = self.patient(index // SLICES)
            phantom = self.slice(index, patient)
            images[index], twins[index] = phantom.image, phantom.twin
            masks[index], oedemas[index] = phantom.mask, phantom.oedema
            labels[index], heights[index] = phantom.kind, phantom.height
        return {
            "images": images[:, None],
            "twin": twins[:, None],
            "mask": masks,
            "oedema": oedemas,
            "labels": labels,
            "height": heights,
        }

    def patient(self, number: int) -> Patient:
        return Patient.drawn(np.random.default_rng([self.seed, PATIENT, number]), self.shift)

    def slice(self, index: int, patient: Patient | None = None) -> PhantomSlice:
        rng = np.random.default_rng([self.seed, SLICE, index])
        patient = patient or self.patient(index // SLICES)
        plane = AxialCut.at(rng.uniform(*HEIGHTS), self.side)
        maps = patient.maps(plane, plane.x, plane.y, plane.z)
        kind = index % len(KINDS)
        lesion = Lesion.drawn(rng, kind, maps, plane, self.size) if kind else None
        return rendered(patient, plane, maps, lesion, rng, self.contrast)

    def volume(self, number: int, kind: int, spacing: float = 4.0) -> Volume:
        """A patient as a stack of slices with one lesion through all that it reaches."""
        rng = np.random.default_rng([self.seed, VOLUME, number])
        patient = self.patient(number)
        middle = AxialCut.at(rng.uniform(*HEIGHTS), self.side)
        maps = patient.maps(middle, middle.x, middle.y, middle.z)
        lesion = Lesion.drawn(rng, kind, maps, middle, self.size) if kind else None
        slices = []
        for height in np.arange(VOLUME_HEIGHTS[0], VOLUME_HEIGHTS[1] + spacing / 2, spacing):
            plane = AxialCut.at(float(height), self.side)
            maps = patient.maps(plane, plane.x, plane.y, plane.z)
            slices.append(rendered(patient, plane, maps, lesion, rng, self.contrast))
        return stacked(slices, kind, number)


@dataclass(frozen=True, eq=False)
class PhantomSlice:
    """A slice with its twin and its masks, (side, side) each."""

    image: Gray
    twin: Gray
    mask: Mask
    oedema: Mask
    kind: int
    height: float  # mm


def rendered(
    patient: Patient,
    plane: AxialCut,
    maps: Floats,
    lesion: Lesion | None,
    rng: np.random.Generator,
    contrast: float,
) -> PhantomSlice:
    """A slice of a patient as the scanner gives it."""
    finish = Finish.drawn(rng, patient, maps[..., BRAIN])
    twin = finish(patient.tissue(maps), maps[..., BRAIN])
    nothing = np.zeros_like(twin, np.bool_)
    if lesion is None:
        return PhantomSlice(twin, twin, nothing, nothing, NONE, plane.z)
    pushed = lesion.moved(patient, plane)
    tissue, mask, oedema = lesion.painted(patient, pushed, plane, contrast)
    image = finish(tissue, pushed[..., BRAIN])
    return PhantomSlice(image, twin, mask, oedema, lesion.kind, plane.z)


@dataclass(frozen=True, eq=False)
class Volume:
    """A patient's head as NIfTI has it: axes run to the right, the front and the top (RAS).

    `affine` takes a voxel's place to mm.
    """

    voxels: NDArray[np.int16]  # (x, y, z)
    twin: NDArray[np.int16]
    mask: Mask
    oedema: Mask
    affine: NDArray[np.float64]
    kind: int
    patient: int


def stacked(slices: list[PhantomSlice], kind: int, patient: int) -> Volume:
    """Slices from the bottom to the top as one volume; a slice's rows run from front to back."""
    side = len(slices[0].image)
    step, spacing = FIELD / side, slices[1].height - slices[0].height
    edge = (FIELD - step) / 2

    def stack(part: str) -> NDArray[Any]:
        return np.stack([getattr(plane, part)[::-1].T for plane in slices], axis=-1)

    affine = np.diag([step, step, spacing, 1.0])
    affine[:3, 3] = -edge, MIDDLE - edge, slices[0].height
    voxels, twin = stack("image").astype(np.int16), stack("twin").astype(np.int16)
    return Volume(voxels, twin, stack("mask"), stack("oedema"), affine, kind, patient)
