"""What the Prune view asks depends on the weights and on what a person calls their classes."""

from streamlit.testing.v1 import AppTest


def two_models() -> None:
    import streamlit as st

    from components.prune.asked import case_of, named
    from engine.models.catalog import load

    model, renamed = load("digits-cnn"), load("digits-cnn").twin()
    renamed.labels = tuple("ABCDEFGHIJ")
    for each in (renamed, model):
        st.text("".join(case_of(each, named(each), 0).model.labels))


def test_two_models_with_the_same_weights_have_their_own_class_names():
    at = AppTest.from_function(two_models, default_timeout=60).run()
    assert [text.value for text in at.text] == ["ABCDEFGHIJ", "0123456789"]
