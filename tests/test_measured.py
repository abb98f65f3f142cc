"""The page of figures keeps everything else that stands on it."""

from tests import measured
from tests.measured import END, START, write


def test_a_figure_takes_the_place_of_its_old_one_and_leaves_the_rest(tmp_path, monkeypatch):
    page = tmp_path / "measured.md"
    page.write_text("# Measured\n\n## Speed\n\nfast\n")
    monkeypatch.setattr(measured, "commit", lambda: "first")
    write({"a": "1", "b: of | two": "0.5 ± 0.1"}, page)
    monkeypatch.setattr(measured, "commit", lambda: "second")
    write({"a": "2", "c": "3"}, page)
    text = page.read_text()
    rows = [line for line in text.splitlines() if line.endswith(("first |", "second |"))]
    assert [row.split(", ")[0][:-11].rstrip() for row in rows] == [
        "| a | 2 |",
        "| b: of | two | 0.5 ± 0.1 |",
        "| c | 3 |",
    ]
    assert [row.split(", ")[1] for row in rows] == ["second |", "first |", "second |"]
    assert "## Speed\n\nfast" in text
    assert text.count(START) == text.count(END) == 1
