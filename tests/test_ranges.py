"""Each package of the app has a lower bound, and that is what the lowest environment gets."""

import pytest

from tests.ranges import REQUIREMENTS, ROOT, TESTS, lowest


def test_the_lower_bound_becomes_the_version():
    text = "# why\nnumpy>=1.26   # arrays\ntimm>=1.0.20,<2\n-r other.txt\n\n"
    assert lowest(text) == ["numpy==1.26", "timm==1.0.20"]


@pytest.mark.parametrize("line", ["numpy", "numpy<2", "numpy==1.26"])
def test_a_package_without_a_lower_bound_is_noticed(line):
    with pytest.raises(ValueError, match="numpy has no lower bound"):
        lowest(line)


def test_every_package_of_the_app_has_one():
    assert len(lowest(REQUIREMENTS.read_text(encoding="utf-8"))) > 20


def test_the_tests_that_are_run_there_exist():
    assert all((ROOT / path).exists() for path in TESTS)
