"""Where is it odd? about a whole scan, slice by slice, and about a large photograph in tiles."""

import gzip
import io
import zipfile
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from components.sidebar import medical, reload
from components.sidebar.pictures import Chosen
from components.sidebar.subject import Subject
from components.views import WHERE_ODD
from components.where_odd import slices
from engine.anomaly import FamiliarCase, PatchCore
from engine.anomaly.localizers.slices import ScanCase, SliceBySlice, slice_maps, strangest
from engine.anomaly.localizers.tiles import PhotographCase, TileByTile
from engine.evaluation.detection import sources
from engine.vision.case import ImageCase, model_input
from engine.vision.case.target import Target
from engine.vision.images import Crop, SliceChoice, load
from engine.vision.models import catalog
from tests.components.sidebar.test_subject import upload
from tests.pages.test_where_odd import DIGITS, answered
from tests.scans import dicom, nifti
from tests.visits import png, settled, visit, words

COUNT, ODD = 9, 2
AXIAL = SliceChoice("axial")


def volume():
    """Digits as slices, as the model sees them, and stripes as the third.

    The file stores columns from the patient's right to the left, and rows from back to front.
    """
    data = sources.normal("digits")
    images = data.images[data.rows("test")[:COUNT], 0].astype(np.int16)
    images[ODD] = np.indices((8, 8))[0] % 2 * 255
    images[:, 0, 0] = 0
    images[:, 7, 7] = 255
    stored = np.ascontiguousarray(images[:, ::-1].transpose(2, 1, 0))
    return nifti(stored, np.diag([-2.0, 2.0, 3.0, 1.0]), cal_min=0, cal_max=255)


def upright(stored, at):
    """A slice of such a volume as it is looked at."""
    return np.asarray(stored)[:, ::-1, at].T


def case_of(scan, view=AXIAL):
    """What the page asks about a scan."""
    model = catalog.load("digits-cnn")
    image = model_input(scan.picture(view), Crop(), model)
    about = FamiliarCase(model, image, sources.normal("digits"))
    return ScanCase(about, PatchCore(), scan, view, Crop())


@pytest.fixture(autouse=True)
def digits_for_twins(monkeypatch):
    """A head is compared with healthy twins at first, which take half a minute to draw."""
    digits = sources.normal("digits")
    monkeypatch.setattr(sources, "normal", lambda _: digits)


def of_digits(name, data):
    return answered(upload(answered(visit(DIGITS, WHERE_ODD)), name, data))


def pressed(at, key):
    return settled(at.button(key=key).click().run())


def slider(at):
    return at.slider(key=medical.key(at.session_state["subject.upload"], "slice.axial"))


def test_the_slices_of_a_scan_are_judged_when_asked_and_the_strangest_is_opened():
    at = of_digits("head.nii", volume())
    assert slider(at).value == COUNT // 2 + 1
    assert f"Compares all {COUNT} with the same normal images: about" in words(at)
    at = pressed(at, "where.slices.SliceBySlice.go")
    scan_case = case_of(at.session_state["subject.upload"])
    result = SliceBySlice()(scan_case)
    best = result["slices"]["slice"][strangest(result["slices"])].tolist()
    assert best[0] == ODD + 1
    assert slider(at).value == ODD + 1
    assert at.main.header[1].value == SliceBySlice().finding(scan_case, result)
    of_slice = PatchCore()(replace(scan_case.about, image=scan_case.slice_pixels(ODD)))
    assert at.main.header[0].value == PatchCore().finding(scan_case.about, of_slice)
    opening = {b.key: b.disabled for b in at.button if "where.slices.open." in str(b.key)}
    strangest_first = [f"where.slices.open.{place}" for place in best[: slices.STRANGEST_SLICES]]
    assert opening == {key: key == strangest_first[0] for key in strangest_first}
    assert [*opening] == strangest_first
    at = pressed(at, f"where.slices.open.{best[1]}")
    assert slider(at).value == best[1]
    assert f"Slice {best[1]} is open: number 2 of {COUNT}, the strangest first." in words(at)


def test_a_mark_that_is_clicked_opens_its_slice(monkeypatch):
    scan = load(volume(), "a.nii")
    opened = []
    monkeypatch.setattr(medical, "open_slice", lambda *arguments: opened.append(arguments))
    press = slices.slice_opener(case_of(scan))
    press({"selection": {"points": []}})
    press({"selection": {"points": [{"x": 7, "y": 0.1, "point_index": 0}]}})
    assert opened == [(scan, "axial", 6)]


def test_the_row_of_slices_has_the_threshold_and_the_slice_that_is_open():
    case = case_of(load(volume(), "a.nii"), SliceChoice("axial", 4))
    result = SliceBySlice()(case)
    chart, table = slices.slice_scatter(case, result), slices.grouped(case, result["slices"])
    assert chart.line == result["figures"]["threshold"][0]
    drawn = {trace.name: trace.x.tolist() for trace in chart.figure(table).data}
    assert drawn == {"slice": [1, 2, 3, 4, 6, 7, 8, 9], "open slice": [5]}


def opened(data):
    return nib.Nifti1Image.from_bytes(gzip.decompress(data))


def test_masks_and_maps_of_the_whole_scan_lie_on_it():
    data = volume()
    case = case_of(load(data, "a.nii"))
    result = SliceBySlice()(case)
    files = slices.files(case, result)
    mask, heat = opened(files["mask.nii.gz"]()), opened(files["map.nii.gz"]())
    threshold = result["figures"]["threshold"][0]
    assert np.array_equal(mask.affine, nib.Nifti1Image.from_bytes(data).affine)
    for at, values in slice_maps(case, result).items():
        assert np.array_equal(upright(mask.dataobj, at) > 0, values > threshold)
        assert upright(heat.dataobj, at) == pytest.approx(values, abs=1e-5)
    assert upright(mask.dataobj, ODD).any()
    assert np.asarray(heat.dataobj).max((0, 1)).argmax() == ODD


def test_one_slice_lies_in_an_otherwise_empty_volume_and_other_pictures_give_png_only():
    scan = load(volume(), "a.nii")
    case, view = case_of(scan), SliceChoice("axial", ODD)
    result = PatchCore()(replace(case.about, image=case.slice_pixels(ODD)))
    files = slices.one_slice(subject_of(case, scan, view), result, "distance")
    values = np.asarray(opened(files["map.nii.gz"]()).dataobj)
    assert np.flatnonzero(values.any((0, 1))).tolist() == [ODD]
    assert upright(values, ODD) == pytest.approx(result["map"].values, abs=1e-5)
    assert bytes(opened(files["map.nii.gz"]()).header["descrip"]).startswith(b"distance")
    frames = load(dicom(np.zeros((3, 12, 12), np.uint8)), "a.dcm")
    of_frames = subject_of(case, frames, SliceChoice("frame", 1))
    assert [*slices.one_slice(of_frames, result, "")] == ["mask.png"]


def subject_of(case, scan, view):
    chosen = Chosen(scan.picture(view), view=view, scan=scan)
    return Subject(chosen, Crop(), ImageCase(case.model, case.about.image, Target(0)))


def test_frames_of_dicom_give_a_mask_each_as_png():
    pixels = np.random.default_rng(1).integers(0, 200, (3, 12, 12), dtype=np.uint8)
    case = case_of(load(dicom(pixels), "a.dcm"), SliceChoice("frame"))
    files = slices.files(case, SliceBySlice()(case))
    assert [*files] == ["masks.zip"]
    with zipfile.ZipFile(io.BytesIO(files["masks.zip"]())) as archive:
        assert archive.namelist() == [f"slice-{at:04}.png" for at in (1, 2, 3)]
        size = Image.open(io.BytesIO(archive.read("slice-0002.png"))).size
        assert size == (case.model.side, case.model.side)


PHOTO = png(np.random.default_rng(2).integers(0, 256, (1100, 1500, 3), dtype=np.uint8))


def test_a_photograph_is_read_in_tiles_at_its_own_size_although_it_is_shown_smaller():
    at = of_digits("large.png", PHOTO)
    assert at.session_state["subject"].picture.pixels.shape[:2] == (1024, 1396)
    at.toggle(key="where.tiles.on").set_value(True).run()
    fine = load(PHOTO, "a.png", fine=True)
    case = PhotographCase(case_of(load(volume(), "a.nii")).about, PatchCore(), fine)
    grid = TileByTile().tiles(case)
    assert f"{len(grid)} tiles of 8 px: about" in words(at)
    assert "the photograph was cut at" in words(at)
    at = pressed(at, "where.tiles.TileByTile.go")
    assert at.main.header[1].value == TileByTile().finding(case, TileByTile()(case))


def test_a_picture_no_larger_than_the_model_s_input_has_no_tiles_and_a_scan_neither():
    for at in (answered(visit(DIGITS, WHERE_ODD)), of_digits("head.nii", volume())):
        assert not any(toggle.key == "where.tiles.on" for toggle in at.get("toggle"))


def test_a_file_that_is_no_longer_kept_is_read_as_it_is_shown_and_that_is_said():
    at = of_digits("large.png", PHOTO)
    reload.drop(at.session_state["subject.kept_under"])
    at.toggle(key="where.tiles.on").set_value(True).run()
    assert "The file is no longer kept: open it again" in words(at)
