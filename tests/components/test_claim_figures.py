"""The sentence below an experiment's figures."""

import numpy as np
import pytest

from components.claims import claim_line
from components.experiments.claims import first_known, measure_sentence, mixtures
from engine.result import Table

NAN = np.nan


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ((0.5, 0.25), "AIN, by condition: before 50 %, after 25 %."),
        ((NAN, 0.25), "AIN, by condition: after 25 %."),
        ((NAN, NAN), "AIN is not known."),
    ],
)
def test_a_condition_without_a_number_is_left_out(values, says):
    assert (
        measure_sentence(Table.of({"AIN": (values, "share")}, ["before", "after"]), "AIN") == says
    )


@pytest.mark.parametrize(
    ("values", "name"), [((0.5, NAN), "AIN"), ((NAN, NAN), "gap")], ids=["some", "none"]
)
def test_the_sentence_is_about_the_first_measure_that_has_a_number(values, name):
    columns = {"AIN": (values, "share"), "gap": ((0.1, 0.2), "share")}
    assert first_known(Table.of(columns, ["before", "after"]), ["AIN", "gap"]) == name


def test_a_mixture_is_told_beside_its_clean_images_alone_where_there_are_any():
    columns = {
        "share": ((0.5, 1.0), "share"),
        "all": ((0.9, 0.4), "share"),
        "all (sd)": ((0.01, 0.1), "share"),
        "rest": ((0.875, NAN), "share"),
        "rest (sd)": ((0.02, NAN), "share"),
    }
    claim = mixtures(Table.of(columns, ["50% protected", "100% protected"]))
    assert "with all and with rest. 50% protected: 90 % and 87.5 %; 100% protected: 40 %." in claim


@pytest.mark.parametrize(
    ("unit", "margin"), [("share", "+50.0 ± 20.0 points"), ("times", "+0.5 ± 0.2 times")]
)
def test_a_margin_is_printed_in_the_unit_of_its_claim(unit, margin):
    columns = {"outcome": ([1], ""), "margin": ([0.5], unit), "tolerance": ([0.2], unit)}
    claims = Table.of(columns, ["It is so"], ["above zero"])
    assert claim_line(claims, 0).endswith(f"margin {margin}.")
