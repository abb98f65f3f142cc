"""A scan in the sidebar: slices, planes, windows, and no word of the patient anywhere."""

import logging
import os
import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from components import exports
from components.sidebar import medical
from components.sidebar.pictures import Chosen
from components.sidebar.subject import Subject
from engine.attribution import Gradient
from engine.core import run
from engine.vision.case import image_case
from engine.vision.case.target import Target
from engine.vision.images import Crop, SliceChoice, Window, load
from tests.components.sidebar.test_subject import upload
from tests.components.test_exports import heat
from tests.scans import AXIAL, PATIENT, SECRETS, dataset, dicom, nifti, ramp, written
from tests.tiny import cnn
from tests.visits import problems, provenance, visit, words

SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"


def fingerprint(at) -> str:
    return at.session_state["subject"].case.fingerprint


def named(at, kind: str, name: str):
    scan = at.session_state["subject.upload"]
    return getattr(at, kind)(key=medical.key(scan, name))


def film() -> bytes:
    pixels = np.stack([np.full((24, 24), 9 * frame, np.uint8) for frame in range(7)])
    pixels[:, :12] = 200
    return dicom(pixels)


def volume() -> bytes:
    x, y, z = np.indices((12, 14, 16))
    return nifti((x + 10 * y + 100 * z).astype(np.int16))


def test_a_file_of_frames_opens_at_the_middle_and_another_frame_is_another_question():
    at = upload(visit(), "scan", film())
    assert named(at, "slider", "slice.frame").value == 4
    before = fingerprint(at)
    named(at, "slider", "slice.frame").set_value(7).run()
    assert fingerprint(at) != before
    assert at.session_state["subject"].view == SliceChoice("frame", 6)
    assert len(provenance(at)) == 2
    digest = fingerprint(at)
    at.selectbox(key="image").set_value("A cup of coffee").run()
    at.selectbox(key="image").set_value("Your image").run()
    assert fingerprint(at) == digest  # choices are kept meanwhile


def test_a_volume_is_cut_in_three_planes_each_with_its_own_middle():
    at = upload(visit(), "scan.nii", volume())
    assert named(at, "slider", "slice.axial").value == 9
    plane = next(control for control in at.button_group if control.label == "Plane")
    plane.set_value("sagittal").run()
    assert named(at, "slider", "slice.sagittal").value == 7
    edges = at.session_state["subject"].picture.behind.edges
    assert (edges.left, edges.top) == ("A", "H")


def test_a_window_for_the_model_is_picked_or_typed_with_its_decimals():
    at = upload(visit(), "ct.dcm", (SHIPPED / "CT_small.dcm").read_bytes())
    fingerprints = [fingerprint(at)]
    named(at, "selectbox", "window").set_value("Lung").run()
    assert named(at, "number_input", "center").value == -600
    assert named(at, "number_input", "width").value == 1500
    fingerprints.append(fingerprint(at))
    named(at, "number_input", "width").set_value(900).run()
    assert named(at, "selectbox", "window").value == medical.OWN_WINDOW
    assert at.session_state["subject"].picture.behind.window == Window(-600, 900)
    fingerprints.append(fingerprint(at))
    assert len(set(fingerprints)) == 3
    assert any("center −600, width 900 HU" in caption.value for caption in at.sidebar.caption)
    named(at, "selectbox", "window").set_value("Abdomen").run()
    assert fingerprint(at) == fingerprints[0]
    named(at, "number_input", "center").set_value(1037.5).run()
    named(at, "number_input", "width").set_value(0.25).run()
    fields = [named(at, "number_input", name) for name in ("center", "width")]
    assert [field.proto.format % field.value for field in fields] == ["1037.5", "0.25"]
    assert 0 < float(fields[1].proto.format % fields[1].min) <= 0.25
    assert any("center 1037.5, width 0.25 HU" in caption.value for caption in at.sidebar.caption)


@pytest.mark.parametrize("ending", ["dcm", "nii"])
def test_of_two_files_with_the_same_pixels_each_has_its_own_window(ending):
    def windowed(center: float, width: float) -> bytes:
        if ending == "dcm":
            return dicom(ramp(24), WindowCenter=center, WindowWidth=width)
        return nifti(ramp(24), cal_min=center - width / 2, cal_max=center + width / 2)

    at = visit()
    for center, width in ((37.5, 1), (40, 350), (-600, 1500)):
        at = upload(at, f"scan.{ending}", windowed(center, width))
        assert named(at, "number_input", "center").value == center
        assert named(at, "number_input", "width").value == width
        window = at.session_state["subject"].picture.behind.window
        assert (window.center, window.width) == (center, width)


def test_a_scan_in_color_has_no_window():
    at = upload(visit(), "us.dcm", (SHIPPED / "examples_rgb_color.dcm").read_bytes())
    assert not [select_box for select_box in at.selectbox if select_box.label.startswith("Window")]
    assert any("orientation unknown" in caption.value for caption in at.sidebar.caption)


def test_a_broken_frame_is_a_sentence_and_the_middle_one_stays():
    dicom_dataset = pydicom.dcmread(SHIPPED / "SC_rgb_rle_2frame.dcm")
    parts = list(pydicom.encaps.generate_frames(dicom_dataset.PixelData, number_of_frames=2))
    dicom_dataset.PixelData = pydicom.encaps.encapsulate([b"\x07" * 64, parts[1]])
    at = upload(visit(), "scan.dcm", written(dicom_dataset))
    before = fingerprint(at)
    named(at, "slider", "slice.frame").set_value(1).run()
    (words,) = problems(at)
    assert "cannot be decoded" in words
    assert words.endswith("The middle one is shown instead.")
    assert fingerprint(at) == before


def test_values_of_any_size_have_fields_that_work():
    at = visit()
    for scale in (1e-9, 1e-3, 1, 1e9, 1e25):
        at = upload(at, "a.nii", nifti(np.linspace(0, scale, 400).reshape(20, 20, 1)))
        named(at, "number_input", "width").set_value(scale / 2).run()
        assert at.session_state["subject"].picture.behind.window.width == pytest.approx(scale / 2)


def test_what_is_no_scan_is_one_sentence_and_the_picture_stays():
    at = visit()
    before = provenance(at)
    for name, content in (
        ("report.dcm", (SHIPPED / "test-SR.dcm").read_bytes()),
        ("cut.nii", volume()[:700]),
        ("noise.dcm", b"\x00\x01\x02" * 100),
    ):
        at.file_uploader(key="subject.file").set_value((name, content, "")).run()
        (words,) = problems(at)
        assert name in words
        assert provenance(at) == before


def test_nothing_of_the_patient_is_on_the_page_in_a_record_in_the_store_or_in_the_log(caplog):
    caplog.set_level(logging.DEBUG)
    dicom_dataset = dataset(ramp(24), ImageOrientationPatient=AXIAL)
    dicom_dataset.WindowCenter, dicom_dataset.WindowWidth = 40, 400
    dicom_dataset.WindowCenterWidthExplanation = "Doe^Jane"
    at = upload(visit(), "scan.dcm", written(dicom_dataset))
    results = [str(at.main), str(at.sidebar), caplog.text, *(code.value for code in at.code)]
    state_keys = [name for name in at.session_state if name != "subject.file"]  # as it was given
    results += [repr(at.session_state[name]) for name in state_keys]
    results.append(repr(vars(at.session_state["subject.upload"])))
    results.append(str(at.session_state["subject.upload"].pixels))
    stored = [path for path in Path(os.environ["BLINDSPOT_HOME"]).rglob("*") if path.is_file()]
    words = [path for path in stored if path.suffix == ".json"]
    results += [path.read_text() for path in words]
    assert len(results) > 10
    name = re.compile(f"({'|'.join(map(re.escape, SECRETS))})(?![a-z])")  # “Does it …?” is no name
    assert not any(name.search(text) for text in results)
    numbers = [path.read_bytes() for path in stored if path not in words]
    whole = [PATIENT, *(secret for secret in SECRETS if len(secret) > 5)]  # no chance of bytes
    assert not any(secret.encode() in number for number in numbers for secret in whole)


def test_the_lines_for_a_scan_give_the_very_same_map(tmp_path, monkeypatch):
    (tmp_path / "your-scan.dcm").write_bytes(film())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("engine.vision.models.catalog.load", lambda _name: cnn())
    view = SliceChoice("frame", 1, window=Window(90.0, 300.0, "linear exact"))
    picture = load(film()).picture(view)
    case = image_case(cnn(), picture, Crop(), Target(1))
    code = exports.python_call(Gradient(), Subject(Chosen(picture, view=view), Crop(), case))
    assert "your-scan.dcm" in code
    assert np.array_equal(heat(code), run.answer(Gradient(), case)["map"].values)


def test_nibabels_own_volume_is_asked_about():
    data = (Path(nib.__file__).parent / "tests/data/anatomical.nii").read_bytes()
    at = upload(visit(), "anatomical.nii", data)
    assert len(provenance(at)) == 2


def test_a_mask_of_ones_own_is_the_known_truth_and_one_that_does_not_fit_is_a_sentence():
    at = upload(visit(), "slice.dcm", dicom(ramp(64, 0, 3000)))
    mask = np.zeros((64, 64), np.uint16)
    mask[20:40, 30:50] = 1
    field = at.file_uploader(key="subject.mask")
    at = field.upload("mask.dcm", dicom(mask)).run()
    assert not at.error
    assert at.session_state["subject"].mask.mean() == pytest.approx(mask.mean(), rel=0.1)
    assert "The orange border is the known truth" in words(at)
    field = at.file_uploader(key="subject.mask")
    at = field.upload("small.dcm", dicom(mask[:30])).run()
    assert any("one size" in sentence for sentence in problems(at))
    assert at.session_state["subject"].mask is None
