"""The notebook runs from its first cell to its last, without the app."""

import ast
import json
from pathlib import Path

import pytest
from PIL import Image

NOTEBOOK = Path(__file__).parents[1] / "docs" / "first-steps.ipynb"
SOURCES = [
    "".join(cell["source"])
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    if cell["cell_type"] == "code"
]


def run(source, names):
    """The value of a cell's last expression, as a notebook shows it; None where it has none."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, NOTEBOOK.name, "exec"), names)  # noqa: S102  # our own notebook
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), NOTEBOOK.name, "eval"), names)  # noqa: S307


@pytest.fixture(scope="module")
def notebook_run():
    names = {}
    return [run(source, names) for source in SOURCES], names


def test_its_pictures_are_of_the_image_the_walk_and_the_scene(notebook_run):
    pictures = [value for value in notebook_run[0] if isinstance(value, Image.Image)]
    assert [picture.size for picture in pictures] == [(224, 224), (512, 256), (256, 256)]
    assert all(len(picture.getcolors(10**6)) > 10 for picture in pictures)


def test_its_figures_bear_out_what_it_says_of_them(notebook_run):
    names = notebook_run[1]
    first, last = names["walk"]["path"].values[[0, -1]]
    assert last > first - 0.2  # the confidence is kept
    assert names["unusual"]["p"]["among all"] < 0.05
    assert names["forgot"]["scores"]["UA"] > 0.9  # the class is not named any more
    assert names["forgot"]["scores"]["TA"] > 0.9  # the rest stays


def test_it_asks_a_question_of_every_family_and_needs_nothing_of_the_app():
    source = "\n".join(SOURCES)
    for family in ("attribution", "unlearning", "hallucination", "anomaly", "sparsity"):
        assert f'"{family}.' in source
    assert "streamlit" not in source
    assert "components" not in source
