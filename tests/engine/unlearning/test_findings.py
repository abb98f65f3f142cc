"""The table of docs/unlearning.md is that of docs/measured.md: no figure of it is typed."""

from __future__ import annotations

import itertools

from engine.unlearning import UNLEARNERS
from engine.unlearning.protocol.attack import informative
from engine.unlearning.protocol.findings import (
    DOCS,
    END,
    START,
    attack_is_informative,
    findings,
    markdown,
    page_text,
    write,
)

ROWS = """
| Forget, Digits CNN, a class, 3 seeds, FT | gap 0.500 ± 0.001; gap without MIA 0.400 ± 0.002; \
UA 0.000, RA 1.000, TA 0.981, MIA 0.000; attack accuracy 0.52; 25.0% of retraining's passes | x |
| Forget, Digits CNN, a class, 3 seeds, Retrain | gap 0.000 ± 0.000; gap without MIA 0.000 ± \
0.000; UA 1.000, RA 1.000, TA 0.981, MIA 1.000; attack accuracy {}; 100.0% of retraining's passes \
| x |
| Forget, Digits CNN, a class, 3 seeds, GA | gap nan ± nan; gap without MIA nan ± nan; UA 1.000, \
RA 0.1, TA 0.1, MIA 0.2; attack accuracy 0.56; 4.2% of retraining's passes; 2 failed | x |
| Forget, Digits CNN, a class, seconds (median of 3), FT | 0.317 s (0.313–0.324); a CPU, 2 cores | \
x |
"""


def test_rows_become_cells_ranked_by_the_gap_that_counts():
    near = markdown(UNLEARNERS, ROWS.format("0.51"))
    (line,) = [line for line in near.splitlines() if line.startswith("| FT ")]
    assert line == "| FT | **.400** (.500) | 25 % | 0.317 |"
    assert "| GA | **failed** (failed) | 4.2 % | — |" in near
    assert "seconds: the median of three runs on a CPU, 2 cores." in near
    far = markdown(UNLEARNERS, ROWS.format("0.60"))
    assert "| FT | **.500** (.400) |" in far
    assert "all but Digits CNN, a class" in far
    assert markdown(UNLEARNERS, "nothing") == ""


def test_whether_the_attack_counts_is_the_scoreboards_rule_for_so_many_images():
    for accuracy, images in itertools.product((0.53, 0.57, 0.62), (64, 200, 400, 4000)):
        text = ROWS.format(f"{accuracy} on {images} images")
        assert attack_is_informative(findings(text)["Digits CNN, a class"]) == informative(
            accuracy, images
        )
    few, many = (markdown(UNLEARNERS, ROWS.format(f"0.60 on {n} images")) for n in (64, 4000))
    assert "| FT | **.400** (.500) |" in few
    assert "| FT | **.500** (.400) |" in many


def test_the_table_of_the_documentation_agrees_with_the_measured_figures(tmp_path):
    page = DOCS / "unlearning.md"
    copy = tmp_path / "unlearning.md"
    copy.write_text(page.read_text())
    write(UNLEARNERS, copy)
    assert copy.read_text() == page.read_text(), (
        "run: python -m engine.unlearning.protocol.findings"
    )
    assert page.read_text().count(START) == page.read_text().count(END) == 1


def test_every_set_that_is_measured_has_a_reference():
    for ways in findings(page_text()).values():
        assert {"Retrain", "NoOp"} <= set(ways)
