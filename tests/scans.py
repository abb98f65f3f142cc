"""Scans written by hand: DICOM files with any header, and NIfTI volumes."""

import io
from typing import Any

import nibabel as nib
import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

PATIENT = "Doe^Jane"
SECRETS = ("Doe", "Jane", "19500203", "MRN-4711", "Dr^Who")

AXIAL = [1, 0, 0, 0, 1, 0]
CORONAL = [1, 0, 0, 0, 0, -1]
SAGITTAL = [0, 1, 0, 0, 0, -1]


def ramp(side: int = 16, low: int = -1000, high: int = 1000) -> np.ndarray:
    """Every value between two ends, row by row."""
    return np.linspace(low, high, side * side).round().reshape(side, side).astype(np.int16)


def dataset(pixels: np.ndarray, syntax: str = ExplicitVRLittleEndian, **header: Any) -> Dataset:
    """A gray or RGB image of (frames,) rows and columns; header elements win."""
    dicom_dataset = Dataset()
    dicom_dataset.file_meta = FileMetaDataset()
    dicom_dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    dicom_dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dicom_dataset.file_meta.TransferSyntaxUID = syntax
    dicom_dataset.SOPClassUID = SecondaryCaptureImageStorage
    dicom_dataset.SOPInstanceUID = dicom_dataset.file_meta.MediaStorageSOPInstanceUID
    dicom_dataset.PatientName = PATIENT
    dicom_dataset.PatientID = "MRN-4711"
    dicom_dataset.PatientBirthDate = "19500203"
    dicom_dataset.ReferringPhysicianName = "Dr^Who"
    dicom_dataset.Modality = "OT"
    color = pixels.ndim >= 3 and pixels.shape[-1] == 3
    rows, columns = pixels.shape[-3:-1] if color else pixels.shape[-2:]
    bits = pixels.dtype.itemsize * 8
    dicom_dataset.SamplesPerPixel = 3 if color else 1
    dicom_dataset.PhotometricInterpretation = "RGB" if color else "MONOCHROME2"
    if color:
        dicom_dataset.PlanarConfiguration = 0
    dicom_dataset.Rows, dicom_dataset.Columns = rows, columns
    if pixels.ndim - color == 3:
        dicom_dataset.NumberOfFrames = len(pixels)
    dicom_dataset.BitsAllocated = dicom_dataset.BitsStored = bits
    dicom_dataset.HighBit = bits - 1
    dicom_dataset.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    if pixels.dtype == np.float32:
        dicom_dataset.FloatPixelData = pixels.tobytes()
        del dicom_dataset.PixelRepresentation, dicom_dataset.BitsStored, dicom_dataset.HighBit
    else:
        dicom_dataset.PixelData = pixels.tobytes() + bytes(pixels.nbytes % 2)
        dicom_dataset["PixelData"].VR = "OW" if bits > 8 else "OB"
    for name, value in header.items():
        if value is None:
            delattr(dicom_dataset, name)
        else:
            setattr(dicom_dataset, name, value)
    return dicom_dataset


def written(made: Dataset) -> bytes:
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def dicom(pixels: np.ndarray, **header: Any) -> bytes:
    return written(dataset(pixels, **header))


def lut(table: np.ndarray, first: int, bits: int) -> Dataset:
    """An item of a modality or VOI LUT sequence."""
    item = Dataset()
    item.LUTDescriptor = [len(table) % 2**16, first, bits]
    item["LUTDescriptor"].VR = "SS" if first < 0 else "US"
    item.add_new("LUTData", "OW", table.astype("<u2").tobytes())
    item.LUTExplanation = PATIENT
    return item


def nifti(values: np.ndarray, affine: np.ndarray | None = None, **header: Any) -> bytes:
    """A NIfTI-1 file; header fields are set last, whatever they mean."""
    image = nib.Nifti1Image(values, np.eye(4) if affine is None else affine)
    image.header["descrip"] = PATIENT.encode()
    raw = bytearray(image.to_bytes())
    if header:
        nifti1_header = nib.Nifti1Header(bytes(raw[:348]), check=False)
        for name, value in header.items():
            nifti1_header[name] = value
        raw[:348] = nifti1_header.binaryblock
    return bytes(raw)
