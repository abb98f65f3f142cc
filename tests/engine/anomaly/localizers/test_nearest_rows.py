"""The nearest rows against all distances, measured one by one in double precision."""

import pytest
import torch

from engine.anomaly.localizers import nearest_rows
from engine.anomaly.localizers.nearest_rows import KnownRows

FAR = 300.0  # what all rows have in common, beside differences of about 1


@pytest.fixture(autouse=True)
def few_at_a_time(monkeypatch):
    monkeypatch.setattr(nearest_rows, "COMPARED", 600)
    monkeypatch.setattr(nearest_rows, "LEAST_ROWS", 7)


@pytest.fixture(scope="module")
def rows():
    """Known rows, and others of which two are known too."""
    chance = torch.Generator().manual_seed(0)
    known, queries = (FAR + torch.randn(count, 12, generator=chance) for count in (60, 33))
    queries[4], queries[32] = known[7], known[59]
    return known, queries


def test_the_nearest_row_is_that_of_a_plain_search_at_its_distance(rows):
    known, queries = rows
    distances = torch.cdist(
        queries.double(), known.double(), compute_mode="donot_use_mm_for_euclid_dist"
    )
    distance, indices = KnownRows.of(known).nearest(queries)
    assert indices.tolist() == distances.argmin(1).tolist()
    torch.testing.assert_close(distance.double(), distances.min(1).values, rtol=1e-5, atol=1e-6)
    assert distance[4] == distance[32] == 0
    assert (indices[4], indices[32]) == (7, 59)


def test_several_are_the_nearest_in_order_and_no_more_than_there_are(rows):
    known, queries = rows
    distances = torch.cdist(
        queries.double(), known.double(), compute_mode="donot_use_mm_for_euclid_dist"
    )
    distance, indices = KnownRows.of(known).several(queries, 5)
    ordered = distances.sort(dim=1)
    assert indices.tolist() == ordered.indices[:, :5].tolist()
    torch.testing.assert_close(distance.double(), ordered.values[:, :5], rtol=1e-5, atol=1e-6)
    assert KnownRows.of(known[:3]).several(queries, 5)[0].shape == (33, 3)
