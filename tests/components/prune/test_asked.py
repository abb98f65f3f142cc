"""What the Prune view asks depends on the weights and on what a person calls their classes."""

from streamlit.testing.v1 import AppTest

from components.prune import asked
from engine.data import load
from engine.models import catalog
from engine.sparsity import Prune, PruneCase


def two_models() -> None:
    import streamlit as st

    from components.prune.asked import case_of, model_identity
    from engine.models.catalog import load

    model, renamed = load("digits-cnn"), load("digits-cnn").twin()
    renamed.labels = tuple("ABCDEFGHIJ")
    for network in (renamed, model):
        st.text("".join(case_of(network, model_identity(network), 0).model.labels))


def test_two_models_with_the_same_weights_have_their_own_class_names():
    at = AppTest.from_function(two_models, default_timeout=60).run()
    assert [text.value for text in at.text] == ["ABCDEFGHIJ", "0123456789"]


def test_what_is_made_of_models_is_kept_by_its_bytes(monkeypatch):
    for cache in (asked.PRUNERS, asked.PRUNED):
        cache.clear()
        monkeypatch.setattr(cache, "room", 1)
    method = Prune()
    for name in ("digits-cnn", "digits-mlp"):
        case = PruneCase(catalog.load(name), load("digits"))
        masks = asked.masks_at(case, method)
        model = asked.pruned_model(asked.PruneQuestion(None, case, method), masks)
        assert asked.pruned_model(asked.PruneQuestion(None, case, method), masks) is model
    assert len(asked.PRUNERS.names()) == len(asked.PRUNED.names()) == 1
    assert asked.pruner_for(case, method.criterion, method.rules).nbytes > model.own_bytes
