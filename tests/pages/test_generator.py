"""Generator as a visitor meets it: a class is forgotten, and the sheet says so."""

import numpy as np
import pytest

from components.generator import view
from components.views import GENERATOR
from engine.core.result import Table
from engine.core.run import answer
from engine.unlearning import GeneratorCase, GeneratorSalUn, Samples
from engine.unlearning.salun.generator_file import forgotten_file
from tests.visits import settled, visit, words

KEY = "generator.GeneratorSalUn"
FEW = {"steps": 5, "each": 4, "passes": 5}
LINK = {f"{KEY}.{name}": str(value) for name, value in FEW.items()}


def test_sentence_sheet_and_tables_are_those_of_the_answers():
    at = settled(visit(LINK | {f"{KEY}.label": "7"}, GENERATOR))
    assert "with as many drawn at random" in words(at)
    at = settled(at.button(key=f"{KEY}.go").click().run())
    case = GeneratorCase.from_arguments(model="digits-generator")
    method = GeneratorSalUn(label="7", **FEW)
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
    (content,) = at.session_state["generator.file"].values()
    assert content == forgotten_file(method, case)
    labels = [download.proto.label for download in at.get("download_button")]
    assert "Download the weights (1.2 MB)" in labels
    assert at.button(key="generator.file.again").label == "Make it again"


def table(columns, rows):
    return Table.of({name: (np.array(column), "share") for name, column in columns.items()}, rows)


@pytest.mark.parametrize("after", [[0.0, 0.9, 0.5], [0.0, 0.9, 1.0]])
def test_the_class_that_lost_most_is_told(after, snapshot):
    result = table({"before": [1.0, 0.9, 1.0], "after SalUn": after}, ("3", "0", "1"))
    assert view.kept_words({"read": result}) == snapshot


@pytest.mark.parametrize("images", [180, 90])  # as many as samples, and fewer
def test_what_is_drawn_instead_and_the_distances_are_told(images, snapshot):
    rows = ("before", "after SalUn", "chance mask")
    instead = table({"3": [1.0, 0.1, 0.2], "4": [0.0, 0.9, 0.8]}, rows)
    columns = {
        "distance of the others": ([5.0, 8.0, 9.0, 9.5], "features²"),
        "images compared": ([images, 180, 180, 180], ""),
    }
    figures = Table.of(columns, ("real images", *rows))
    assert view.instead_words({"instead": instead}, "3") == snapshot
    assert view.distance_words({"figures": figures}) == snapshot
