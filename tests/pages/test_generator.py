"""Generator as a visitor meets it: a class is forgotten, and the sheet says so."""

from __future__ import annotations

import numpy as np
import pytest

from components.generator import view
from components.views import GENERATOR
from engine.result import Table
from engine.run import answer
from engine.unlearning import GeneratorSalUn, Samples
from engine.unlearning.generator.forgotten import forgotten_file
from engine.unlearning.generator.weights import shipped_case
from tests.visits import settled, visit, words

KEY = "generator.GeneratorSalUn"
FEW = {"steps": 5, "each": 4, "passes": 5}
LINK = {f"{KEY}.{name}": str(value) for name, value in FEW.items()}


def test_sentence_sheet_and_tables_are_those_of_the_answers():
    at = settled(visit(LINK | {f"{KEY}.label": "7"}, GENERATOR))
    assert "with as many drawn at random" in words(at)
    at = settled(at.button(key=f"{KEY}.go").click().run())
    assert not at.exception
    case, method = shipped_case("digits-generator"), GeneratorSalUn(label="7", **FEW)
    result = answer(method, case)
    assert at.header[0].value == method.finding(case, result)
    text = words(at)
    assert result["sheet"].finding in text
    for describe in (view.kept_words, view.distance_words, view.where_words, view.loss_words):
        assert describe(result) in text
    assert view.instead_words(result, "7") in text
    plain = Samples(each=4, passes=5)
    drawn = answer(plain, case)
    assert plain.finding(case, drawn) in [header.value for header in at.header]
    assert view.drawn_words(drawn) in text
    at = settled(at.button(key="generator.file.go").click().run())
    assert not at.exception
    (content,) = at.session_state["generator.file"].values()
    assert content == forgotten_file(method, case)
    labels = [download.proto.label for download in at.get("download_button")]
    assert "Download the weights (1.2 MB)" in labels
    assert at.button(key="generator.file.again").label == "Make it again"


def table(columns, rows):
    return Table.of({name: (np.array(column), "share") for name, column in columns.items()}, rows)


@pytest.mark.parametrize(
    ("after", "wanted"),
    [
        ([0.0, 0.9, 0.5], "Of the others 1 loses most: 100 → 50 %."),
        ([0.0, 0.9, 1.0], "After SalUn none of the other 2 classes is read as asked less often."),
    ],
)
def test_the_class_that_lost_most_is_told(after, wanted):
    result = table({"before": [1.0, 0.9, 1.0], "after SalUn": after}, ("3", "0", "1"))
    assert view.kept_words({"read": result}) == wanted


def test_what_is_drawn_instead_and_the_distances_are_told():
    instead = table(
        {"3": [1.0, 0.1, 0.2], "4": [0.0, 0.9, 0.8]}, ("before", "after SalUn", "chance mask")
    )
    assert view.instead_words({"instead": instead}, "3") == (
        "Asked for 3, most often read as: before 3 (100 %); after SalUn 4 (90 %); "
        "chance mask 4 (80 %)."
    )
    sentence = (
        "Training images are 5.0 from other training images, the floor; before 8.0, "
        "after SalUn 9.0, chance mask 9.5. Lower is nearer."
    )
    fewer = (
        " The floor is of 90 images, fewer than the 180 samples, so it is higher than it would be "
        "of as many."
    )
    for images, more in ((180, ""), (90, fewer)):
        far = Table.of(
            {
                "distance of the others": ([5.0, 8.0, 9.0, 9.5], "features²"),
                "images compared": ([images, 180, 180, 180], ""),
            },
            ("real images", "before", "after SalUn", "chance mask"),
        )
        assert view.distance_words({"figures": far}) == sentence + more
