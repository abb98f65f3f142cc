"""A table of tinted figures: rows and columns with heads, texts escaped, the strongest most."""

from __future__ import annotations

import re

from components.draw.tinted import TintedCell, TintedHead, TintedRow, tinted_table


def test_rows_and_columns_have_heads_and_every_text_is_escaped():
    cells = [TintedCell("1 < 2", "#1 ± 3", tint=1.0), TintedCell("–"), TintedCell("5", tint=0.5)]
    rows = [TintedRow("<b>own</b>", cells), TintedRow("random", cells[1:2] * 3, apart=True)]
    heads = [
        TintedHead("method"),
        *(TintedHead(f"m{n}", "low", 'what "it" says') for n in range(3)),
    ]
    html = tinted_table("Table of it", heads, rows)
    assert html.count("<tr>") == 3
    assert html.count('scope="col"') == 4
    assert html.count('scope="row"') == 2
    assert "&lt;b&gt;own&lt;/b&gt;" in html
    assert "1 &lt; 2<br><small>#1 ± 3</small>" in html
    assert "<b>own" not in html
    tints = [float(one) for one in re.findall(r"rgba\(0,114,178,([\d.]+)\)", html)]
    assert tints == sorted(tints, reverse=True)
    assert len(tints) == 2
    assert html.count("border-top:2px") == 4  # of the row that stands apart
