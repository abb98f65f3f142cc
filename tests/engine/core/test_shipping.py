"""What ships is rounded where eyes are the judge, and packed so that every byte comes back."""

import lzma

import numpy as np
import pytest
from safetensors.numpy import save

from engine.core.keeping.shipping import DAMAGED, compress, decompress, rounded
from engine.core.result import HeatMap, Path, Table

RANDOM = np.random.default_rng(0)


def heat(values):
    return HeatMap(np.asarray(values, np.float32), "logit", signed=True)


def test_a_map_is_rounded_to_half_a_step_of_its_range_and_only_once():
    values = RANDOM.normal(size=(80, 90)) * 1e-7
    values[3, 4] = np.nan
    map_ = heat(values)
    small = rounded({"map": map_})["map"]
    assert (small.unit, small.signed, small.values.dtype) == ("logit", True, np.float32)
    step = np.nanmax(map_.values) - np.nanmin(map_.values)
    assert 0 < np.nanmax(np.abs(small.values - map_.values)) <= step / 2**13
    assert np.isnan(small.values[3, 4])
    assert np.isnan(small.values).sum() == 1
    assert np.array_equal(rounded({"map": small})["map"].values, small.values, equal_nan=True)


@pytest.mark.parametrize("fill", [0.5, np.nan, np.inf])
def test_what_has_no_range_stays(fill):
    map_ = heat(np.full((80, 80), fill))
    assert np.array_equal(rounded({"map": map_})["map"].values, map_.values, equal_nan=True)


def test_pictures_keep_256_shades_and_black_and_white_and_tables_stay():
    table = Table({"seconds": RANDOM.random(5000)}, ("seconds",), ("s",))
    assert rounded({"table": table})["table"] is table
    frames = RANDOM.random((5, 3, 40, 40)).astype(np.float16)
    frames[:, :, 0, 0], frames[:, :, 1, 1] = 0.0, 1.0
    path = Path(frames, np.linspace(0, 1, 5, dtype=np.float32), "confidence")
    small = rounded({"path": path})["path"]
    assert np.abs(small.frames.astype(float) - frames).max() <= 1 / 512
    assert np.all(small.frames[:, :, 0, 0] == 0)
    assert np.all(small.frames[:, :, 1, 1] == 1)
    assert np.array_equal(small.values, path.values)  # five numbers stay what they are


@pytest.mark.parametrize("moving", [True, False])
def test_every_byte_comes_back(moving):
    frames = RANDOM.random((4, 3, 20, 20)).astype(np.float16)
    if moving:
        frames[1:] = frames[0] + np.float16(0.01)
    arrays = {
        "a:frames": frames,
        "b": RANDOM.normal(size=7),
        "flags": np.array([1, 0], np.uint8),
        "ids": np.arange(900),
        "none": np.empty((0, 3), np.float32),
        "one": np.float32(3.0),
    }
    data = save({name: np.asarray(array) for name, array in arrays.items()})
    packed = compress(data)
    assert decompress(packed) == data
    assert len(packed) < len(lzma.compress(data, preset=9))


@pytest.mark.parametrize("data", [b"", b"nothing", lzma.compress(b""), lzma.compress(b"\0short")])
def test_what_is_no_such_file_is_an_error_of_a_known_kind(data):
    with pytest.raises(DAMAGED):
        decompress(data)
