"""A volume is swept slice by slice: the strongest first, and the maps lie on the scan."""

import csv
import io
from dataclasses import replace
from gzip import decompress

import nibabel as nib
import numpy as np
import pytest

from engine.commands.cli import main
from engine.core import run
from engine.core.errors import BadSetting
from engine.sweep.images import SweepImage, images_of
from engine.sweep.rows import SweepRow
from engine.sweep.scans import strongest_slices
from engine.vision.images import Crop, load
from engine.vision.images.nifti_out import volume_file
from engine.vision.images.samples import SAMPLES
from tests import scans, tiny

PLAN = """
methods = "attribution.Gradient"
images = { scan = "head.nii", plane = "axial", center = 300, width = 600 }
models = "tiny"
arguments.target = "0"
settings."attribution.Gradient".channels = "size"
"""
AFFINE = np.array([[-2.0, 0, 0, 9], [0, 1.5, 0, -4], [0, 0, 3, 7], [0, 0, 0, 1]])


@pytest.fixture
def head(tmp_path, monkeypatch):
    """A volume of three axial slices, and its plan; the folder that commands run in."""
    monkeypatch.chdir(tmp_path)
    model = tiny.cnn()
    monkeypatch.setattr("engine.vision.arguments.load", lambda _: model)
    monkeypatch.setattr("engine.sweep.links.line_of", lambda _: "")
    values = np.random.default_rng(0).integers(0, 600, (20, 16, 3)).astype(np.int16)
    (tmp_path / "head.nii").write_bytes(scans.nifti(values, AFFINE))
    (tmp_path / "plan.toml").write_text(PLAN)
    return tmp_path


def test_the_strongest_slice_stands_first_and_the_volume_lies_on_the_scan(at_home, head, capsys):
    at_home()
    assert main(["sweep", "plan.toml", "--out", "out"]) == 0
    output = capsys.readouterr().out
    rows = list(csv.DictReader(io.StringIO((head / "out/answers.csv").read_text("utf-8"))))
    highs = [float(row["map.high"]) for row in rows]
    assert len(set(highs)) == 3
    assert highs == sorted(highs, reverse=True)
    model, first = rows[0]["model"], rows[0]["image"].rpartition(" ")[2]
    assert f"head.nii, Gradient, {model}: slice {first} has the highest value" in output
    (file,) = (head / "out").glob("*.nii.gz")
    volume = nib.load(file)
    assert volume.shape == (20, 16, 3)
    assert np.allclose(volume.affine, AFFINE)
    scan = load(head / "head.nii")
    for row in rows:  # each map lies on the slice that it is of
        place = int(row["image"].rpartition(" ")[2]) - 1
        heat = run.store().get(row["digest"]).result["map"]
        assert float(heat.values.max()) == pytest.approx(float(row["map.high"]))
        alone = volume_file(scan, "axial", {place: heat.values}, Crop(), "")
        alone = nib.Nifti1Image.from_bytes(decompress(alone)).get_fdata()
        assert np.array_equal(volume.get_fdata()[..., place], alone[..., place])
        assert alone[..., place].any()
    assert main(["sweep", "plan.toml", "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("3 answers, 3 kept already")


def test_a_scan_too_large_for_a_volume_still_gives_its_tables(at_home, head, capsys, monkeypatch):
    """An ordinary CT is larger than a volume that is written."""
    at_home()
    monkeypatch.setattr("engine.vision.images.nifti_out.MOST_VOXELS", 900)
    assert main(["sweep", "plan.toml", "--out", "out"]) == 0
    assert "is not written: The scan has" in capsys.readouterr().out
    assert not [*(head / "out").glob("*.nii.gz")]
    assert len((head / "out/answers.csv").read_text("utf-8").splitlines()) == 4


@pytest.mark.parametrize("typed", [False, True])  # those are kept in memory only
def test_the_name_of_a_model_with_a_slash_stays_in_the_folder(at_home, head, monkeypatch, typed):
    at_home()
    model = tiny.cnn()
    model.typed = typed
    model.name = f"open_clip:laion/CLIP?a cat{'t' * 60}"
    monkeypatch.setattr("engine.vision.arguments.load", lambda _: model)
    assert main(["sweep", "plan.toml", "--out", "out"]) == 0
    (file,) = (head / "out").glob("*.nii.gz")
    assert file.name == f"001-Gradient-open_clip-laion-CLIP-a-cat{'t' * 34}-axial.nii.gz"


def test_no_slice_is_the_strongest_of_answers_without_a_map():
    images = [SweepImage("/a/head.nii::slice=1", "head.nii 1")]
    row = SweepRow("head.nii 1", "", "tiny", "a.B", "", "", "", None, None, {}, "", 0.0)
    assert [*strongest_slices(images, [row])] == []
    (words,) = strongest_slices(images, [replace(row, figures={"map.high": 2.0})])
    assert words == "head.nii, B, tiny: slice 1 has the highest value, 2."


def test_every_slice_is_named_as_the_command_line_takes_it(head):
    images = images_of({"scan": "head.nii", "plane": "coronal"}, head)
    assert len(images) == 16
    assert images[4].source == f"{head / 'head.nii'}::plane=coronal,slice=5"
    (same,) = images_of(["head.nii::plane=coronal,slice=5"], head)
    assert same.source == images[4].source


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"tilt": 3}, "tilt cannot be 3; of a scan it has plane, volume"),
        ({"plane": "oblique"}, "no oblique plane"),
        ({"scan": str(SAMPLES[0].path())}, "is one picture: name it among images"),
    ],
)
def test_what_cannot_be_swept_is_said(head, more, words):
    with pytest.raises(BadSetting, match=words):
        images_of({"scan": "head.nii"} | more, head)
