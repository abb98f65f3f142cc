"""American spelling, in code, on pages and in docs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACES = ("app.py", "components", "engine", "pages", "docs", "README.md", "CONTRIBUTING.md")
PLACES += ("assets/LICENSES.md",)
ENDINGS = {".css", ".js", ".md", ".py", ".toml"}
NAME = "McConnell Brain Imaging Centre"
BRITISH = re.compile(
    r"\b(learnt|grey\w*|colour\w*|behaviour\w*|judgement\w*|centre[ds]?|favour\w*|licences?|"
    r"neighbour\w*|normalis\w+|recognis\w+|initialis\w+|optimis\w+|whilst|labelled|modelled)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("place", PLACES)
def test_spelling_is_american(place):
    root = ROOT / place
    files = [path for path in (root, *root.rglob("*")) if path.suffix in ENDINGS]
    assert files
    assert not {
        str(file.relative_to(ROOT)): words
        for file in files
        if (words := BRITISH.findall(file.read_text(encoding="utf-8").replace(NAME, "")))
    }
