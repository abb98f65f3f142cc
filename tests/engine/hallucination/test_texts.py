"""What the hallucination docs say: how many models ship."""

import re
from pathlib import Path

from engine.hallucination.tiny_vlm.weights import TITLES, names

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs" / "hallucination.md"
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}


def test_the_docs_name_every_model_that_ships():
    text = DOCS.read_text().replace("\n", " ")
    assert f"There are {NUMBERS[len(names())]} of it" in text
    for title in TITLES.values():
        assert re.search(rf"\*?{title.removeprefix('TinyVLM').strip(' ,')}\*", text), title
