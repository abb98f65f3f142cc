"""What a person states or types about how their weights take images."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from engine.data.judged_data import typed_order
from engine.errors import BadData

CLASSES = ("ant", "bee", "cat")


@pytest.mark.parametrize("text", ["cat\nant\nbee", "cat, ant,bee", " cat \n\nant\nbee\n"])
def test_an_order_is_typed_in_lines_or_with_commas(text):
    assert typed_order(text, CLASSES) == (2, 0, 1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("cat, ant, dog", "“dog” is no class of these images. They are: ant, bee, cat."),
        ("cat, cat, ant", "“cat” stands twice: name each class once."),
        ("cat", "2 of 3 classes are missing, such as “ant”: name one for each output."),
        ("", "3 of 3 classes are missing"),
    ],
)
def test_what_is_no_order_is_a_sentence(text, sentence):
    with pytest.raises(BadData) as refusal:
        typed_order(text, CLASSES)
    assert str(refusal.value).startswith(sentence)


def choosing() -> None:
    """The order of the classes of a model that is right in that of the data, and a cut search."""
    import streamlit as st

    from components import input_formats
    from engine.result import Table

    counts = {"right 0": ([9], ""), "right by assignment": ([9], ""), "images": ([10], "")}
    orders = {input_formats.AS_IN_THE_DATA: (0, 1, 2)}
    order = input_formats.choose_order(orders, Table.of(counts), ("ant", "bee", "cat"), "k")
    st.text(str(order))
    for tried in (20, 63):
        st.text(input_formats.left_out(Table.of({"tried": ([tried], ""), "planned": ([63], "")})))


def test_a_detected_order_is_confirmed_or_typed():
    at = AppTest.from_function(choosing).run()
    assert at.selectbox(key="k.order").value == "as in the data"
    assert at.text[0].value == "(0, 1, 2)"
    assert "Only 20 of 63 formats were tried" in at.text[1].value
    assert not at.text[2].value
    at.selectbox(key="k.order").set_value("in an order of your own").run()
    assert at.text_area(key="k.typed").value == "ant\nbee\ncat"  # to be changed, not begun
    assert at.text[0].value == "(0, 1, 2)"
    at.text_area(key="k.typed").set_value("cat\nant\nbee").run()
    assert at.text[0].value == "(2, 0, 1)"
    at.text_area(key="k.typed").set_value("cat\nant\ndog").run()
    assert at.text[0].value == "None"
    assert "no class of these images" in at.error[0].value
    assert 0 < at.text_area(key="k.typed").proto.max_chars < 200
