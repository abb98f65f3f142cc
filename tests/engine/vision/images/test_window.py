"""Windows against pydicom's own arithmetic, which stays a peer here and is not what we call."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from engine.core.errors import BadSetting
from engine.vision.images import Window, load
from engine.vision.images.window import CT, full_range, most_values, presets, spanning
from tests.scans import dataset, lut, ramp, written


def theirs(made):
    """What pydicom shows, in [0, 1]; made has 16 bits, signed."""
    rescaled = apply_modality_lut(made.pixel_array, made)
    windowed = apply_voi_lut(rescaled, made).astype(np.float64)
    ends = np.array([-(2**15), 2**15 - 1]) * float(made.get("RescaleSlope", 1))
    low, high = ends + float(made.get("RescaleIntercept", 0))
    return (windowed - low) / (high - low)


@pytest.mark.filterwarnings("ignore:overflow encountered in exp")  # pydicom's
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID", None])
@pytest.mark.parametrize(
    ("center", "width"), [(40, 400), (-600, 1500), (0, 1), (12.5, 2), (12.5, 3)]
)
def test_every_window_function_is_pydicoms_to_the_sixth_digit(function, center, width):
    dicom = dataset(ramp(32), WindowCenter=center, WindowWidth=width)
    dicom.RescaleSlope, dicom.RescaleIntercept = 1.5, -24
    if function:
        dicom.VOILUTFunction = function
    behind = load(written(dicom)).picture().behind
    assert behind.brightness(behind.window) == pytest.approx(theirs(dicom), abs=1e-6)


def test_a_table_is_looked_up_like_pydicoms_and_wins_over_a_window():
    table = (np.sqrt(np.linspace(0, 1, 500)) * 4095).round()
    dicom = dataset(ramp(32), WindowCenter=1, WindowWidth=2, VOILUTSequence=[lut(table, -200, 12)])
    scan = load(written(dicom))
    behind = scan.picture().behind
    assert behind.window.shape == "table"
    expected = apply_voi_lut(dicom.pixel_array, dicom) / 4095
    assert behind.brightness(behind.window) == pytest.approx(expected, abs=1e-6)
    assert [preset.name for preset in scan.presets[:2]] == ["From the file", "From the file, 2"]


def test_a_modality_table_is_pydicoms():
    dicom = dataset(ramp(16, 0, 255).astype(np.uint16), WindowCenter=900, WindowWidth=1800)
    dicom.ModalityLUTSequence = [lut(np.arange(200) * 9, 20, 16)]
    dicom.ModalityLUTSequence[0].ModalityLUTType = "US"
    values = load(written(dicom)).picture().behind.values
    assert np.array_equal(values, apply_modality_lut(dicom.pixel_array, dicom))


def test_linear_windows_end_as_the_standard_says_and_a_moved_table_is_a_line():
    window = Window(128, 256)  # PS3.3 C.11.2.1.2: x <= 0 is black, x > 255 white
    values = np.array([-1, 0, 127.5, 255, 300], np.float32)
    assert window.place(values).tolist() == [0, 0, 0.5, 1, 1]
    assert Window(3, 1).place(np.array([2.4, 2.5, 2.6, 3], np.float32)).tolist() == [0, 0, 1, 1]
    exact = Window(0.5, 0.25)
    assert exact.shape == "linear exact"
    assert exact.place(np.array([0.375, 0.5, 0.625], np.float32)).tolist() == [0, 0.5, 1]
    assert Window(5, 10, "table", (0.0, 1.0)).moved(1, 2) == Window(1, 2, "linear exact")
    assert Window(5, 10, "sigmoid").moved(1, 2).shape == "sigmoid"
    far = Window(0, 4, "sigmoid").place(np.array([-1e30, -1, 0, 1, 1e30], np.float32))
    logistic = 1 / (1 + np.exp([1, 0, -1]))  # the width is 4
    assert far == pytest.approx([0, *logistic, 1], abs=1e-7)


@given(
    center=st.floats(-1e6, 1e6),
    width=st.floats(1e-3, 1e6),
    shape=st.sampled_from(["linear", "linear exact", "sigmoid"]),
)
@settings(max_examples=60, deadline=None)
def test_brightness_rises_and_stays_in_range_and_nothing_stays_nothing(center, width, shape):
    values = np.append(np.linspace(-2e6, 2e6, 101, dtype=np.float32), np.float32(np.nan))
    brightness = Window(center, width, shape).place(values)
    assert brightness.dtype == np.float32
    assert np.isnan(brightness[-1])
    assert (np.diff(brightness[:-1]) >= 0).all()
    assert (brightness[:-1] >= 0).all()
    assert (brightness[:-1] <= 1).all()


@pytest.mark.parametrize(
    ("center", "width"), [(np.nan, 1), (0, 0), (0, -5), (0, np.inf), (2e30, 1), (0, 1e31)]
)
def test_a_window_that_cannot_be_is_refused(center, width):
    with pytest.raises(BadSetting):
        Window(center, width)


def test_only_hounsfield_units_have_presets_and_ranges_come_from_what_is_known():
    values = np.arange(100, dtype=np.float32)
    names = [preset.name for preset in presets(values, (), hounsfield=False)]
    assert names == ["Middle 98 %", "Full range"]
    named = presets(values, (), hounsfield=True)
    assert named[0].name == "Abdomen"
    assert {preset.name for preset in CT} < {preset.name for preset in named}
    assert presets(values, (Window(1, 2),), hounsfield=True)[0].window == Window(1, 2)
    values = np.array([np.nan, *range(1000), 1e6], np.float32)
    assert full_range(values) == spanning(0, 1e6)
    assert most_values(values).center + most_values(values).width / 2 < 1000
    assert full_range(np.full(3, np.nan, np.float32)) == spanning(0, 1)
    assert full_range(np.full(3, 7, np.float32)).place(np.float32([7])) == 0.5
    rare = np.zeros(10_000, np.float32)
    rare[0] = 5
    assert most_values(rare) == spanning(0, 5)
