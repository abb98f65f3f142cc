"""The page of figures keeps everything else that stands on it."""

from tests.measured import END, START, write


def test_new_figures_take_the_place_of_the_old_ones_and_leave_the_rest(tmp_path):
    page = tmp_path / "measured.md"
    page.write_text("# Measured\n\n## Speed\n\nfast\n")
    write({"a": "1"}, page)
    write({"b": "2"}, page)
    text = page.read_text()
    assert "| b | 2 |" in text
    assert "| a | 1 |" not in text
    assert "## Speed\n\nfast" in text
    assert text.count(START) == text.count(END) == 1
