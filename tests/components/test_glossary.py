"""Terms are explained in plain words, and the sentences below experiments."""

import numpy as np
import pytest

from components.claims import claim_line
from components.experiments.claims import first_known, measure_sentence
from components.glossary import NAMES, TERMS, method_texts, terms_in
from components.views import LEVEL_SETS
from engine.commands.families import METHODS
from engine.core.result import Table
from engine.unlearning.protection.protected_share import mixtures
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
def test_terms_are_found_as_whole_words(text, found):
    assert list(terms_in(text)) == found


def test_every_term_is_used_once_and_explained_in_two_lines_without_itself():
    for name, meaning in TERMS.items():
        assert name not in terms_in(meaning), name
        assert len(meaning) <= 120, name
        assert meaning.endswith("."), name
    spelled = [word.lower() for words in NAMES.values() for word in words]
    assert len(set(spelled)) == len(spelled)
    text = " ".join(words for method in METHODS for words in method_texts(method))
    in_sentences = {"CHAIR"}
    assert set(terms_in(text)) | in_sentences >= set(TERMS)


def test_a_view_explains_the_terms_that_it_uses():
    at = settled(visit(view=LEVEL_SETS))
    (words,) = (popover for popover in at.get("popover") if popover.proto.popover.label == "Words")
    (definitions,) = words.markdown
    assert "**RMSE**: How far two images are apart per pixel" in definitions.value
    assert "membership inference" not in definitions.value


NAN = np.nan


@pytest.mark.parametrize(
    ("values", "says", "first"),
    [
        ((0.5, 0.25), "AIN, by condition: before 50 %, after 25 %.", "AIN"),
        ((NAN, 0.25), "AIN, by condition: after 25 %.", "AIN"),
        ((NAN, NAN), "AIN is not known.", "gap"),
    ],
)
def test_a_sentence_is_about_the_first_measure_with_a_number_without_unknown_conditions(
    values, says, first
):
    table = Table.of({"AIN": (values, "share"), "gap": ((0.1, 0.2), "share")}, ["before", "after"])
    assert measure_sentence(table, "AIN") == says
    assert first_known(table, ["AIN", "gap"]) == first


def test_a_mixture_is_told_beside_its_clean_images_alone_where_there_are_any():
    columns = {"share": (0.5, 1.0), "all": (0.9, 0.4), "all (sd)": (0.01, 0.1)}
    columns |= {"rest": (0.875, NAN), "rest (sd)": (0.02, NAN)}
    shares = {name: (column, "share") for name, column in columns.items()}
    claim = mixtures(Table.of(shares, ["50% protected", "100% protected"]))
    assert "with all and with rest. 50% protected: 90 % and 87.5 %; 100% protected: 40 %." in claim


@pytest.mark.parametrize(
    ("unit", "margin"), [("share", "+50.0 ± 20.0 points"), ("times", "+0.5 ± 0.2 times")]
)
def test_a_margin_is_printed_in_the_unit_of_its_claim(unit, margin):
    columns = {"outcome": ([1], ""), "margin": ([0.5], unit), "tolerance": ([0.2], unit)}
    claims = Table.of(columns, ["It is so"], ["above zero"])
    assert claim_line(claims, 0).endswith(f"margin {margin}.")
