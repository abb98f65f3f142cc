"""The error rates in docs/attribution.md are those that were measured."""

from tests.engine.attribution.rates_table import IMAGES, table, written


def test_the_page_s_error_rates_are_the_measured_ones():
    """If it fails: python -m tests.engine.attribution.rates_table."""
    assert written() == table()


def test_every_rate_is_measured_on_digits_at_least():
    rows = [row.split(" | ") for row in table().splitlines()[2:]]
    assert len(rows) >= 13
    assert all("✓" in row[2 + IMAGES.index("MNIST")] for row in rows)
