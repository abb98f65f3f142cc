"""No widget is bound to the link but after what it cannot show was taken out of the link."""

from __future__ import annotations

import ast
from pathlib import Path

import components

FOLDER = Path(components.__file__).parent
FIRST = {"refuse", "hold_back"}  # one of them comes before the widget


def names_in(function: ast.FunctionDef) -> set[str]:
    """What is named or called in a function."""
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
    # the list of models: `choose` refuses
    # the list of images: `choose_picture` refuses, as the thumbnails of Start are no widget
    # a filter of the sweep: binds through `pick`, which refuses
    assert unguarded() == [
        "sidebar/models.py:choose_listed",
        "sidebar/pictures.py:pick_by_title",
        "sweep/grid.py:choose",
    ]
