"""The error rates in docs/attribution.md are those that were measured."""

from tests.engine.attribution.rates_table import IMAGES, table, written


def test_the_page_s_error_rates_are_the_measured_ones():
    """If it fails: python -m tests.engine.attribution.rates_table."""
    assert written() == table()


def test_every_rate_is_measured_on_every_kind_of_images():
    rows = [row for row in table().splitlines()[2:] if "Occlusion" not in row]
    assert len(rows) >= 11
    for row in rows:
        assert row.count("✓") == len(IMAGES), row
