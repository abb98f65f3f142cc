"""Maps of one image as a grid: one scale for a column, borders, figures in captions."""

from __future__ import annotations

import numpy as np
import pytest

from engine.attribution.study import StudyMaps
from engine.attribution.study import pictures as maps
from engine.result import HeatMap
from engine.run import answer
from tests import tiny


def test_maps_of_a_column_share_a_scale_and_the_border_is_the_mask_s():
    case = tiny.study_case()
    image = case.images[0]
    result = answer(StudyMaps(image="7"), case)
    arrays = [maps.map_of(case, label, "Occlusion", result).values for label in image.labels]
    assert maps.top(case, image, "Occlusion", result) == pytest.approx(
        max(np.abs(values).max() for values in arrays)
    )
    faint = HeatMap(np.full((32, 32), 0.1, np.float32), "", signed=False)
    strong = HeatMap(np.full((32, 32), 1.0, np.float32), "", signed=False)
    low, high = (maps.painted(view, 1.0)[0, 0].sum() for view in (faint, strong))
    assert high > low + 200
    plain = maps.bordered(maps.painted(faint, 1.0), None)
    drawn = maps.bordered(maps.painted(faint, 1.0), image.masks[1])  # rows and columns 4 to 9
    assert drawn[8:18, 18].tolist() == [[255, 255, 255]] * 10
    assert drawn[8:18, 19].tolist() == [[0, 0, 0]] * 10
    assert drawn[12, 12].tolist() == plain[12, 12].tolist()


def test_every_map_of_an_image_has_its_row_its_column_and_its_figures():
    case = tiny.study_case()
    image = case.images[0]
    result = answer(StudyMaps(image="7"), case)
    grid = maps.map_pictures(case, image, result)
    assert grid.images.shape == (2, 1 + len(case.methods), 64, 64, 3)
    assert grid.rows == tuple(case.model.labels[label] for label in image.labels)
    figures, method = result["figures"], case.methods[0].name
    name = maps.map_key(case, image.labels[1], method)
    share = 100 * figures.cell(name, "relevance rank")
    assert grid.caption(1, 1).endswith(f", {share:.0f} % on it")
    assert grid.caption(1, 0) == ""
    alike = figures.cell(name, "cross-label cosine")
    assert grid.columns[1].endswith(f"cosine {alike:.2f}".replace("-", "−"))
    hits = int((figures["pointing game"] >= 0.5).sum())
    assert grid.finding.startswith(f"{hits} of {len(figures)} maps point at the thing")
