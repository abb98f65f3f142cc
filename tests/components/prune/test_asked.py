"""Networks that pages build again are kept within their room, by all they depend on."""

from types import SimpleNamespace

import streamlit as st

from components.forget import asked as forget_asked
from components.prune import asked
from components.rebuilt import NETWORKS
from engine.sparsity import Prune, PruneCase
from engine.vision.data import load
from engine.vision.models import catalog
from tests import tiny
from tests.components.pages import page_of


def draw_two_models():
    model, renamed = catalog.load("digits-cnn"), catalog.load("digits-cnn").twin()
    renamed.labels = tuple("ABCDEFGHIJ")
    for network in (renamed, model):
        st.text("".join(asked.case_of(network, asked.model_identity(network), 0).model.labels))


def test_two_models_with_the_same_weights_have_their_own_class_names():
    assert [text.value for text in page_of(draw_two_models).text] == ["ABCDEFGHIJ", "0123456789"]


def test_what_is_made_of_models_is_kept_by_its_bytes(monkeypatch):
    for cache in (asked.PRUNERS, asked.PRUNED):
        cache.clear()
        monkeypatch.setattr(cache, "room", 1)
    method = Prune()
    for name in ("digits-cnn", "digits-mlp"):
        case = PruneCase(catalog.load(name), load("digits"))
        masks = asked.masks_at(case, method)
        model = asked.pruned_model(asked.PruneQuestion(method, case), masks)
        assert asked.pruned_model(asked.PruneQuestion(method, case), masks) is model
    assert len(asked.PRUNERS.names()) == len(asked.PRUNED.names()) == 1
    assert asked.pruner_for(case, method.criterion, method.rules).nbytes > model.own_bytes


CATS, DOGS = (SimpleNamespace(card=f'{{"labels": ["{label}"]}}') for label in ("cat", "dog"))


def test_networks_are_kept_while_there_is_room_and_told_apart_by_all_they_depend_on(monkeypatch):
    monkeypatch.setattr(forget_asked, "rebuilt", lambda _view, _name: tiny.cnn())
    NETWORKS.clear()
    first = forget_asked.model_of(CATS, "a", "name")
    assert forget_asked.model_of(CATS, "a", "name") is first
    for other in ((CATS, "b", "name"), (CATS, "a", "another"), (DOGS, "a", "name")):
        assert forget_asked.model_of(*other) is not first
    assert len(NETWORKS.names()) == 4
    monkeypatch.setattr(NETWORKS, "room", 2 * first.held_bytes)
    forget_asked.model_of(CATS, "c", "name")
    assert len(NETWORKS.names()) == 2
    NETWORKS.clear()
