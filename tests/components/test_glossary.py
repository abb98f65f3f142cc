"""The glossary: terms are found as whole words, and said in plain ones."""

from __future__ import annotations

import pytest

from components.glossary import NAMES, TERMS, method_texts, terms_in
from components.views import LEVEL_SETS
from engine.families import METHODS
from tests.visits import settled, visit


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The walk ends 0.01 from the target (RMSE, at most 1).", ["RMSE"]),
        ("Logits are compared.", ["logit|logits"]),
        ("layers, Seeds and p-values", ["layer|layers", "p-value|p-values", "seed|seeds"]),
        ("Heads of lettuce, unmasked, in a player", []),
        ("mean-pruned", []),
        ("", []),
    ],
)
def test_terms_are_found_as_whole_words(text: str, found: list[str]) -> None:
    assert list(terms_in(text)) == found


def test_no_term_is_explained_by_itself_and_each_in_two_lines() -> None:
    for name, meaning in TERMS.items():
        assert name not in terms_in(meaning), name
        assert len(meaning) <= 120, name
        assert meaning.endswith("."), name


def test_names_mean_one_thing() -> None:
    spelled = [word.lower() for words in NAMES.values() for word in words]
    assert len(set(spelled)) == len(spelled)


def test_every_term_is_used_by_a_method_or_its_settings() -> None:
    text = " ".join(words for method in METHODS for words in method_texts(method))
    in_sentences = {"CHAIR"}
    assert set(terms_in(text)) | in_sentences >= set(TERMS)


def test_a_view_explains_the_terms_that_it_uses() -> None:
    at = settled(visit(view=LEVEL_SETS))
    (words,) = (popover for popover in at.get("popover") if popover.proto.popover.label == "Words")
    (definitions,) = words.markdown
    assert "**RMSE**: How far two images are apart per pixel" in definitions.value
    assert "membership inference" not in definitions.value
