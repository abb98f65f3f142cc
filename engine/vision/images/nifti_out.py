"""Maps and masks of a scan as NIfTI volumes that lie on it, voxel for voxel.

A map belongs to the square of a slice that the model saw. Its values are taken back to the voxels
of that slice; voxels outside the square, and slices that were not looked at, are 0.
"""

from collections.abc import Mapping
from gzip import compress
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from engine.core.errors import BadImage
from engine.vision.images.crop import Crop
from engine.vision.images.nifti import NiftiScan
from engine.vision.images.scan import squared

MOST_VOXELS = 64_000_000  # of a volume that is written; a float takes four bytes
ALIGNED = 2  # NIfTI's word for coordinates that belong to another file
PACKED = 1  # of 9: most of a volume is 0

Values = NDArray[Any]


def volume_file(
    scan: NiftiScan, plane: str, maps: Mapping[int, Values], crop: Crop, what: str
) -> bytes:
    """A packed NIfTI file (.nii.gz) with shape and affine of the scan.

    Args:
        scan: what the maps are of.
        plane: the direction of its slices.
        maps: by the place of the slice, over the square that the model saw, (side, side); bool
            for a mask.
        crop: where that square lies.
        what: the values are, for the header; at most 79 letters are kept.

    Raises:
        BadImage: the volume has more than MOST_VOXELS.
    """
    if reason := too_large(scan):
        raise BadImage(reason)
    mask = all(array.dtype == np.bool_ for array in maps.values())
    placed = {at: on_slice(scan, plane, at, array, crop) for at, array in maps.items()}
    dtype = np.uint8 if mask else np.float32
    return nifti_bytes(scan, scan.filled(plane, placed, dtype), what)


def too_large(scan: NiftiScan) -> str:
    """Why no volume is written that lies on the scan, or ""."""
    if (count := prod(scan.shape)) <= MOST_VOXELS:
        return ""
    return (
        f"The scan has {count / 1e6:.0f} million voxels, and volumes of at most "
        f"{MOST_VOXELS / 1e6:.0f} million are written as NIfTI: take the PNG, or open a part of it."
    )


def on_slice(scan: NiftiScan, plane: str, index: int, values: Values, crop: Crop) -> Values:
    """Values over the square that the model saw, at the voxels of the slice, (H, W).

    Each voxel takes the value at its middle: of a mask the nearest one, of a map between the
    nearest ones.
    """
    cut = scan.cut(plane, index, 0)
    width, height = squared(cut)[0]
    left, top, right, bottom = crop.box(width, height)
    ends = ((top, bottom, height), (left, right, width))
    shares = [
        ((np.arange(count) + 0.5) / count * length - low) / (high - low)
        for count, (low, high, length) in zip(cut.values.shape[:2], ends, strict=True)
    ]
    inside = np.logical_and.outer(*((share >= 0) & (share < 1) for share in shares))
    # the middle of the map's pixel i lies at (i + 0.5) / side of its square
    places = [share * side - 0.5 for share, side in zip(shares, values.shape, strict=True)]
    grid = np.meshgrid(*places, indexing="ij")
    order = 0 if values.dtype == np.bool_ else 1
    taken = ndi.map_coordinates(values.astype(np.float32), grid, order=order, mode="nearest")
    return np.where(inside, taken, 0)


def nifti_bytes(scan: NiftiScan, volume: Values, what: str) -> bytes:
    """The file. Where the scan does not say how it lies, the file does not either."""
    import nibabel as nib  # large, and only wanted here and in the reader's process

    image = nib.Nifti1Image(volume, scan.affine if scan.upright else None)
    if scan.upright:
        image.set_qform(scan.affine, ALIGNED)  # without what shears, which the sform alone has
        image.set_sform(scan.affine, ALIGNED)
    else:
        image.header.set_zooms(scan.file_zooms)
    image.header["xyzt_units"] = scan.units
    image.header["descrip"] = what.encode()[:79]
    return compress(image.to_bytes(), PACKED, mtime=0)
