"""A scan slice by slice: each slice as if it were asked about alone, and the strangest first."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.anomaly import LOCALIZERS, PatchCore
from engine.anomaly.localizers.localizer import AT_ONCE
from engine.anomaly.localizers.slices import ScanCase, SliceBySlice, slice_maps, strangest
from engine.core.errors import Cancelled
from engine.core.run import digest
from engine.vision.images import Crop, SliceChoice, load, square
from tests.engine.anomaly.localizers import cells
from tests.scans import nifti

REFERENCE_SLICES, SLICES, ODD = 40, AT_ONCE + 3, 6
LOOK = SliceChoice("axial", window=None)


def gray(count, seed):
    """Images of one channel, thrice."""
    return cells.images(count, seed)[:, :1].repeat(3, 1)


@pytest.fixture(scope="module")
def normal():
    return cells.data(gray(20 + REFERENCE_SLICES, 0), 20)


@pytest.fixture(scope="module")
def scan():
    """Slices like the normal images, one of them with a bright place, as a volume from 0 to 255."""
    slices = gray(SLICES, 5)[:, 0]
    slices[ODD, 8:14, 20:26] = 255
    slices[:, 0, :2] = (0, 255)  # the ends of the window
    # the patient's right is on the left of the picture, and front on top
    stored = slices[:, ::-1, ::-1].transpose(2, 1, 0).astype(np.int16)
    return load(nifti(np.ascontiguousarray(stored), cal_min=0, cal_max=255), "a.nii")


def case(normal, scan, method=None, view=LOOK, crop=None):
    about = cells.case(normal, gray(1, 9)[0], network=cells.Rich)
    return ScanCase(about, method or PatchCore(), scan, view, crop or Crop())


def alone(asked, place):
    """What the localizer says of one slice as an image of its own."""
    picture = asked.scan.picture(replace(asked.view, slice=place))
    image = torch.from_numpy(square(picture, asked.crop, cells.SIDE))
    return asked.localizer(replace(asked.about, image=image))


@pytest.mark.parametrize("kind", LOCALIZERS, ids=lambda kind: kind.name)
def test_each_slice_has_the_map_that_the_localizer_gives_it_alone(normal, scan, kind):
    scan_case = case(normal, scan, kind())
    result = SliceBySlice()(scan_case)
    maps = slice_maps(scan_case, result)
    assert [*maps] == list(range(SLICES)) == (result["slices"]["slice"] - 1).tolist()
    for place in (0, ODD, SLICES - 1):
        single = alone(scan_case, place)
        np.testing.assert_allclose(maps[place], single["map"].values, rtol=1e-4, atol=1e-5)
        row = {name: result["slices"][name][place] for name in result["slices"].order}
        assert row["highest"] == pytest.approx(single["figures"]["highest"][0], rel=1e-4)
        assert row["below"] == pytest.approx(single["figures"]["below"][0])
        for name in ("left", "top"):
            assert row[name] == single["figures"][name][0]
        assert result["figures"]["threshold"][0] == single["figures"]["threshold"][0]
    assert np.array_equal(result["held"].values, single["held"].values)


def test_the_strangest_slice_is_named_with_its_place_and_beside_what_chance_gives(normal, scan):
    scan_case = case(normal, scan)
    result = SliceBySlice()(scan_case)
    assert strangest(result["slices"])[0] == ODD
    assert result["slices"]["highest"][ODD] > result["figures"]["threshold"][0]
    above = int((result["slices"]["highest"] > result["figures"]["threshold"][0]).sum())
    verb = "reaches" if above == 1 else "reach"
    assert SliceBySlice().finding(scan_case, result) == (
        f"Slice {ODD + 1} of {SLICES} is the strangest, middle right: above what 40 of 40 normal "
        f"images reach. {above} of {SLICES} slices {verb} the threshold; if all were normal, about "
        f"{0.05 * SLICES:.3g} would."
    )
    few = replace(scan_case, localizer=PatchCore(alpha=0.01))
    words = "Too few normal images were held out for a threshold at 1 % false alarms."
    assert SliceBySlice().finding(few, SliceBySlice()(few)).endswith(words)


def test_without_a_plane_it_is_the_scan_s_first(normal, scan):
    counts = {plane: case(normal, scan, view=SliceChoice(plane)).count for plane in (None, "axial")}
    assert counts == {None: scan.count(scan.planes[0]), "axial": SLICES}
    assert case(normal, scan, view=SliceChoice("coronal")).count == 32


def test_a_long_scan_is_looked_at_evenly_and_that_is_said(normal, scan):
    result = SliceBySlice(most=4)(case(normal, scan))
    assert result["slices"]["slice"].tolist() == [1, 4, 7, SLICES]
    assert result["notes"].labels[-1] == f"4 of {SLICES} slices were looked at."
    whole = SliceBySlice()(case(normal, scan))["slices"]["highest"]
    assert result["slices"]["highest"] == pytest.approx(whole[[0, 3, 6, SLICES - 1]], rel=1e-4)


def test_it_is_stopped_between_few_slices(normal, scan, monkeypatch):
    cut, scan_case = [], case(normal, scan)
    monkeypatch.setattr(
        ScanCase,
        "slice_pixels",
        lambda _case, place, plain=ScanCase.slice_pixels: cut.append(place) or plain(_case, place),
    )

    def stop(_done, words="", partial=None):
        if words == f"2 of {SLICES}":
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        SliceBySlice()(scan_case, stop)
    assert len(cut) <= AT_ONCE


def test_the_question_is_the_scan_s_and_not_that_of_the_slice_that_is_open(normal, scan):
    scan_case, method = case(normal, scan), SliceBySlice()
    same = replace(
        scan_case, view=SliceChoice("axial", 3), about=cells.case(normal, gray(1, 8)[0], cells.Rich)
    )
    assert digest(method, same) == digest(method, scan_case)
    window = scan.presets[-1].window.moved(100, 50)
    others = [
        replace(scan_case, view=SliceChoice("coronal")),
        replace(scan_case, view=SliceChoice("axial", window=window)),
        replace(scan_case, crop=Crop(0.2)),
        replace(scan_case, localizer=PatchCore(normals=7)),
        replace(scan_case, about=replace(scan_case.about, seed=1)),
        replace(scan_case, about=replace(scan_case.about, normal=cells.data(gray(30, 4)))),
        replace(scan_case, scan=load(nifti(np.zeros((32, 32, SLICES), np.int16)))),
    ]
    assert len({digest(method, variant) for variant in (scan_case, *others)}) == 1 + len(others)
    assert not any("a.nii" in str(variant.facts()) for variant in others)
