"""Who may know whom: engine knows torch, components know Streamlit, pages know both packages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FORBIDDEN = {
    "engine": {"streamlit", "plotly", "components", "pages", "app", "tests", "benchmarks"},
    "components": {"torch", "torchvision", "timm", "captum", "pages", "app", "tests", "benchmarks"},
    "pages": {"torch", "torchvision", "timm", "captum", "app", "tests", "benchmarks"},
}


def imported(source: str) -> Iterator[str]:
    """The top-level packages that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_imports_are_found_wherever_they_stand() -> None:
    source = "import a.b, c\nfrom d.e import f\nfrom .g import h\ndef i():\n    import j as k\n"
    assert list(imported(source)) == ["a", "c", "d", "j"]


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_imports_go_one_way(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    wrong = {
        str(file.relative_to(ROOT)): sorted(found)
        for file in files
        if (found := FORBIDDEN[folder].intersection(imported(file.read_text(encoding="utf-8"))))
    }
    assert not wrong
