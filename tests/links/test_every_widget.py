"""Whatever a link holds, a widget of each kind gives a value of its own, and the page says so."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import components
from benchmarks.soak.server import running
from benchmarks.soak.visitor import PageRun, Visitor
from tests.awaited import awaited
from tests.links import every_widget
from tests.links.trial import unsaid
from tests.links.values import ALONE, KINDS, link_values

PAGE = Path(every_widget.__file__)
ON = {"form.limit.on": "true"}  # the switch before a number that may be off


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("links")
    with running(folder / "home", folder / "log", script=PAGE) as server:
        yield server.url
        assert not server.faults


def opened(url: str, link: dict) -> tuple[PageRun, str]:
    async def visit() -> tuple[PageRun, str]:
        visitor = await Visitor.arrive(url)
        page = await visitor.open("", link)
        await visitor.leave()
        return page, visitor.query

    return awaited(visit())


@pytest.fixture(scope="module")
def widgets(url):
    return opened(url, ON)[0].linked


def test_the_page_has_a_widget_of_each_kind_that_the_house_binds(widgets):
    kinds = "selectbox radio button_group slider number_input checkbox text_input text_area"
    assert set(kinds.split()) <= {widget.kind for widget in widgets.values()}
    assert len(widgets) == 21


@pytest.mark.parametrize("kind", KINDS)
def test_every_widget_gives_a_value_of_its_own_whatever_the_link_holds(url, widgets, kind):
    bad = {name: link_values(kind, widget) for name, widget in widgets.items()}
    links = [{name: words} for name, words in bad.items()] if kind in ALONE else [bad, bad | ON]
    for link in links:
        page, address = opened(url, link)
        assert not page.traces
        assert "wrong: []" in page.text
        assert not unsaid(page, address, link)


FOLDER = Path(components.__file__).parent
FIRST = {"refuse", "hold_back"}  # one of them comes before the widget


def names_in(function: ast.FunctionDef) -> set[str]:
    inside = list(ast.walk(function))
    names = {node.id for node in inside if isinstance(node, ast.Name)}
    return names | {node.attr for node in inside if isinstance(node, ast.Attribute)}


def binding(function: ast.FunctionDef) -> bool:
    """Whether the function itself has a widget that a link can set."""
    return any(
        (isinstance(node, ast.Constant) and node.value == "query-params")
        or (isinstance(node, ast.Call) and ast.unparse(node.func) == "own_words.bind")
        for node in ast.walk(function)
        if node is not function.body[0]
    )


def unguarded() -> list[str]:
    """Functions that bind a widget without one of `FIRST`, and do not leave that to the caller."""
    return [
        f"{path.relative_to(FOLDER)}:{node.name}"
        for path in sorted(FOLDER.rglob("*.py"))
        if path.name != "own_words.py"  # it says whether a widget is bound
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and binding(node) and not FIRST & names_in(node)
    ]


def test_every_bound_widget_is_drawn_after_the_link_was_sorted_out():
    assert unguarded() == [
        "sidebar/models.py:choose_listed",  # `choose` refuses
        "sidebar/pictures.py:pick_by_title",  # `choose_picture` does; no thumbnail is a widget
        "sweep/grid.py:choose",  # binds through `pick`, which refuses
    ]
