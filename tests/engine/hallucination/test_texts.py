"""What the hallucination pages and their docs say: how many models ship, and American spelling."""

import re
from pathlib import Path

import pytest

from engine.hallucination.tiny_vlm.weights import TITLES, names

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs" / "hallucination.md"
FOLDERS = ("engine/hallucination", "components/ask", "components/decoding", "pages/hallucination")
BRITISH = re.compile(
    r"\b(learnt|grey\w*|colour\w*|towards|behaviour\w*|judgement\w*|centre\w*|favour\w*|"
    r"neighbour\w*|normalis\w+|recognis\w+|whilst|labelled|modelled)\b"
)
NUMBERS = {2: "two", 3: "three", 4: "four"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_spelling_is_american(folder):
    for path in sorted((ROOT / folder).rglob("*.py")):
        assert not BRITISH.findall(path.read_text()), path


def test_spelling_is_american_in_the_docs():
    assert not BRITISH.findall(DOCS.read_text())


def test_the_docs_name_every_model_that_ships():
    text = DOCS.read_text().replace("\n", " ")
    assert f"There are {NUMBERS[len(names())]} of it" in text
    for title in TITLES.values():
        assert re.search(rf"\*?{title.removeprefix('TinyVLM').strip(' ,')}\*", text), title
