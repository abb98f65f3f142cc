"""What is said beside the curves of a trial is read from the end that the words name."""

from __future__ import annotations

import numpy as np

from components.charts import plots
from components.trust import charts
from engine.result import Curve


def curve(*values: float) -> Curve:
    shares = np.linspace(0, 1, len(values), dtype=np.float32)
    return Curve(shares, np.array(values, np.float32), "share of layers", "likeness", "")


def test_how_alike_the_map_is_once_all_layers_are_shuffled_stands_at_the_end(monkeypatch):
    """All curves begin at 1, with no layer shuffled."""
    shown = []
    monkeypatch.setattr(plots, "with_table", lambda *given, **_: shown.append(given))
    charts.shuffled({"order": curve(1, 0.6, 0.12), "ssim": curve(1, 0.7, 0.34)}, "k")
    ((figure, words, tables, _),) = shown
    assert "Once all are, the map's correlation with what it was is 0.12" in words
    table = tables["similarity"]
    assert table.rows[0] == "0 % of the layers"
    assert table.rows[-1] == "100 % of the layers"
    np.testing.assert_allclose(table.values[-1], [0.12, 0.34], rtol=1e-6)
    drawn = {trace.name: list(trace.y) for trace in figure.data}
    assert drawn["order (Spearman)"][-1] == np.float32(0.12)
