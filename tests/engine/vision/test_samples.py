"""The sample photographs are there, offline, and come through as their packages hold them."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.core.errors import BlindspotError
from engine.vision.images.samples import SAMPLES, Sample, sample

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("one", SAMPLES, ids=lambda entry: entry.name)
def test_every_sample_opens_with_its_own_proportions(one):
    picture = sample(one.name)
    assert sample(one.name) is picture  # decoded once
    with Image.open(one.path()) as file:
        assert picture.size == file.size
    assert min(picture.pixels.shape[:2]) == min(*picture.size, 1024)
    assert picture.pixels.std() > 20  # a photograph, not a flat field


def test_the_cat_comes_first_exactly_as_it_is_and_the_coffee_second():
    assert [entry.name for entry in SAMPLES[:2]] == ["chelsea", "coffee"]
    picture = sample("chelsea")
    assert picture.pixels.shape == (300, 451, 3)
    assert picture.notes == ()
    assert np.array_equal(picture.pixels, np.asarray(Image.open(SAMPLES[0].path())))


def test_names_and_titles_are_unique_names_can_stand_in_a_link_and_everybody_is_credited():
    names = [entry.name for entry in SAMPLES]
    assert len(set(names)) == len({entry.title for entry in SAMPLES}) == 11
    assert all(name.isascii() and name.isalpha() and name.islower() for name in names)
    assert all(entry.credit for entry in SAMPLES)


def test_the_licence_file_lists_every_sample():
    text = (ROOT / "assets" / "LICENSES.md").read_text(encoding="utf-8")
    assert [entry.name for entry in SAMPLES if f"| `{entry.name}` |" not in text] == []
    assert [entry.file for entry in SAMPLES if f"`{entry.file}`" not in text] == []


def test_an_unknown_name_is_answered_with_the_known_ones_and_a_missing_package_with_what_to_do():
    with pytest.raises(BlindspotError, match=r"no sample called “dog”: choose one of chelsea, cof"):
        sample("dog")
    lost = Sample("lost", "A lost one", "nobody", "no_such_package_1", "a.png")
    with pytest.raises(BlindspotError, match=r"“A lost one”.*no_such_package_1.*make run"):
        lost.path()


def test_reading_a_sample_does_not_import_its_heavy_package():
    code = (
        "import sys; from engine.vision.images.samples import SAMPLES, sample; "
        "[sample(one.name) for one in SAMPLES]; "
        "heavy = {'skimage', 'sklearn', 'matplotlib', 'torch'}; "
        "sys.exit(len(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
