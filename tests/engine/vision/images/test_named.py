"""Slice and window of a scan are named with its file, in the words of the page."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine.commands.cli import main
from engine.core.errors import BadImage, BadSetting
from engine.core.keeping.memory import Memory
from engine.vision.images import SliceChoice, Window, load, named
from engine.vision.images.named import read_named, with_view
from engine.vision.images.samples import SAMPLES
from tests import scans, tiny
from tests.written import answer_folder

BRAIN = Window(40, 80)


@pytest.fixture
def head(tmp_path):
    """A volume of five axial slices that differ; its file."""
    values = np.random.default_rng(0).integers(0, 900, (12, 10, 5)).astype(np.int16)
    (tmp_path / "head.nii").write_bytes(scans.nifti(values))
    return str(tmp_path / "head.nii")


@pytest.fixture
def tomogram(tmp_path):
    """A slice in Hounsfield units; its file."""
    content = scans.dicom(scans.ramp(), Modality="CT", RescaleSlope=1, RescaleIntercept=0)
    (tmp_path / "ct.dcm").write_bytes(content)
    return str(tmp_path / "ct.dcm")


@pytest.mark.parametrize(
    ("words", "view"),
    [
        ("slice=2", SliceChoice(slice=1)),
        ("plane=coronal,slice=10", SliceChoice("coronal", 9)),
        ("plane=sagittal,volume=1", SliceChoice("sagittal")),
        ("center=300,width=200", SliceChoice(window=Window(300, 200, "linear exact"))),
    ],
)
def test_the_words_choose_what_the_page_would(head, words, view):
    named, chosen = read_named(f"{head}::{words}"), load(Path(head)).picture(view)
    assert np.array_equal(named.pixels, chosen.pixels)
    assert named.digest == chosen.digest != read_named(head).digest


def test_a_window_is_named_or_said_in_numbers_and_its_name_may_have_a_comma(tomogram, tmp_path):
    """A file with two windows of its own offers “From the file, 2”."""
    brain = load(Path(tomogram)).picture(SliceChoice(window=BRAIN))
    assert np.array_equal(read_named(f"{tomogram}::window=brain").pixels, brain.pixels)
    wide = read_named(f"{tomogram}::window=Brain,width=400").pixels
    other = load(Path(tomogram)).picture(SliceChoice(window=BRAIN.moved(40, 400)))
    assert np.array_equal(wide, other.pixels)
    content = scans.dicom(scans.ramp(), WindowCenter=["300", "40"], WindowWidth=["200", "80"])
    (tmp_path / "two.dcm").write_bytes(content)
    result = read_named(f"{tmp_path / 'two.dcm'}::window=From the file, 2,slice=1")
    assert result.behind.window == Window(40, 80)


def test_the_last_scan_is_read_once_and_again_when_its_file_has_changed(head, monkeypatch):
    read_files = []
    monkeypatch.setattr(named, "load", lambda path: read_files.append(path.name) or load(path))
    monkeypatch.setattr(named, "LAST", Memory(1))
    photograph = SAMPLES[0].path()
    for name in (f"{head}::slice=2", str(photograph), str(photograph), f"{head}::slice=3"):
        read_named(name)
    assert read_files == ["head.nii", photograph.name, photograph.name]
    for change in (scans.nifti(np.ones((12, 10, 5), np.int16)), scans.nifti(np.ones((12, 9, 5)))):
        Path(head).write_bytes(change)
        assert np.array_equal(read_named(head).pixels, load(Path(head)).picture().pixels)
    assert read_files[3:] == ["head.nii"] * 2
    with pytest.raises(BadImage, match=r"“gone\.nii” cannot be opened"):
        read_named(f"{head[:-8]}gone.nii::slice=2")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("slice=6", "There is no slice 6: this scan has 5"),
        ("slice=0", "slice is a whole number from 1 on"),
        ("plane=oblique", "no oblique plane"),
        ("window=Bone", "This scan has no window 'Bone': it has"),
        ("width=thin", "center and width of a window are numbers"),
        ("tilt=3", "“tilt=3” says nothing of a scan"),
        ("slice", "“slice” says nothing of a scan"),
    ],
)
def test_what_a_scan_has_not_is_said(head, words, problem):
    with pytest.raises(BadSetting, match=problem):
        read_named(f"{head}::{words}")


def test_a_picture_has_no_slice_and_nothing_said_of_a_scan_leaves_the_name_as_it_is():
    with pytest.raises(BadImage, match="is one picture: it has no slice"):
        read_named(f"{SAMPLES[0].path()}::slice=2")
    assert with_view("a.png", {"slice": None, "plane": ""}) == "a.png"
    assert with_view("a.nii", {"slice": "3", "window": "Brain"}) == "a.nii::slice=3,window=Brain"


def test_the_command_takes_slice_and_window(head, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("engine.vision.arguments.load", lambda _name: tiny.cnn())
    command = ["run", "attribution.Gradient", "--image", head, "--out"]
    for name, words in (("a", ["--slice", "2"]), ("b", ["--slice", "4", "--width", "100"])):
        assert main([*command, str(tmp_path / name), *words]) == 0
    results = [np.load(next(answer_folder(tmp_path / name).glob("*.npy"))) for name in "ab"]
    assert not np.array_equal(*results)
    assert json.loads((answer_folder(tmp_path / "a") / "result.json").read_text())["case"]["kind"]
    assert main(["run", "attribution.Gradient", "--slice", "2", "--out", str(tmp_path / "c")]) == 2
    assert "Say with --image which scan" in capsys.readouterr().err
