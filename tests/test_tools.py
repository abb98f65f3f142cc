"""Tools of the tests: the page of figures, the order, lower bounds, the list of long tests."""

from itertools import pairwise
from pathlib import Path

import pytest

from tests import measured
from tests.measured import END, START, write
from tests.order import BROWSER, FOLDER, GATE, in_turn
from tests.ranges import REQUIREMENTS, ROOT, TESTS, lowest
from tests.thorough import left_out


def test_a_figure_takes_the_place_of_its_old_one_and_leaves_the_rest(tmp_path, monkeypatch):
    page = tmp_path / "measured.md"
    page.write_text("# Measured\n\n## Speed\n\nfast\n")
    monkeypatch.setattr(measured, "commit", lambda: "first")
    write({"a": "1", "b: of | two": "0.5 ± 0.1"}, page)
    monkeypatch.setattr(measured, "commit", lambda: "second")
    write({"a": "2", "c": "3"}, page)
    text = page.read_text()
    rows = [line for line in text.splitlines() if line.endswith(("first |", "second |"))]
    figures = [row.split(", ")[0][:-11].rstrip() for row in rows]
    assert figures == ["| a | 2 |", "| b: of | two | 0.5 ± 0.1 |", "| c | 3 |"]
    assert [row.split(", ")[1] for row in rows] == ["second |", "first |", "second |"]
    assert "## Speed\n\nfast" in text
    assert text.count(START) == text.count(END) == 1


def test_the_gate_is_first_then_the_long_ones_and_browsers_are_spread():
    browsers = [BROWSER / f"test_{name}.py" for name in "abc"]
    engine = [FOLDER / "engine" / f"test_{at}.py" for at in range(30)]
    long = [FOLDER / "test_contract.py", FOLDER / "pages" / "test_p.py"]
    gate = GATE / "test_gate.py"
    paths = [*browsers, *engine, gate, long[1], long[0], *engine]
    places = in_turn(paths)
    assert places.keys() == {*paths}
    order = sorted(dict.fromkeys(paths), key=places.__getitem__)
    assert order[0] == gate
    assert order[1:3] == long
    assert [path for path in order if path in engine] == engine
    assert [path for path in order if path in browsers] == browsers
    results = [order.index(browser) for browser in browsers]
    assert all(10 <= after - before <= 12 for before, after in pairwise(results))


def test_a_file_that_is_alone_or_lies_elsewhere_has_a_place_too(tmp_path):
    alone = tmp_path / "test_own.py"
    assert in_turn([alone, alone]) == {alone: 0.5}
    assert in_turn([]) == {}


def test_the_lower_bound_becomes_the_version():
    text = "# why\nnumpy>=1.26   # arrays\ntimm>=1.0.20,<2\n-r other.txt\n\n"
    assert lowest(text) == ["numpy==1.26", "timm==1.0.20"]


def test_a_package_without_a_lower_bound_is_noticed():
    for line in ("numpy", "numpy<2", "numpy==1.26"):
        with pytest.raises(ValueError, match="numpy has no lower bound"):
            lowest(line)


def test_every_package_of_the_app_has_one_and_the_tests_that_are_run_there_exist():
    assert len(lowest(REQUIREMENTS.read_text(encoding="utf-8"))) > 20
    assert all((ROOT / path).exists() for path in TESTS)


def test_each_name_on_the_list_is_of_a_file_or_a_test():
    for name in left_out():
        file, _, test = name.partition("::")
        path = Path(ROOT, file)
        assert path.exists(), name
        assert not test or f"def {test.split('[')[0]}(" in path.read_text(encoding="utf-8"), name
