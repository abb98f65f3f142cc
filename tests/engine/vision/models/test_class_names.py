"""A kept model does not hold what a person calls the classes of their own pictures."""

import gc
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from engine.core.keeping.memory import Memory
from engine.vision.data import registry
from engine.vision.data.dataset import DataCard, DataSet
from engine.vision.models import catalog, checkpoints
from engine.vision.models.card import LONG, ModelCard, card_of, checkpoint
from engine.vision.models.class_names import has_stand_ins, with_labels, with_names, without_names
from engine.vision.models.rebuild import card_at
from tests.engine.vision.models.saved import small_network

WORDS = ("secretum", "Zebulon Smith", "Größe <b>")
NAME = "upload-5f2c9a01ab3d"
STAND_INS = tuple(f"class {place} · 5f2c" for place in (1, 2, 3))


@pytest.fixture(autouse=True)
def own_home(own_models, monkeypatch):
    monkeypatch.setattr(registry, "_memory", Memory(4))


def pictures(words=WORDS, name=NAME):
    """A set of a person's own, as an upload gives it."""
    rows, card = np.arange(4 * len(words)), DataCard("my secretum zip", "", "", "")
    images, split = np.zeros((len(rows), 1, 12, 12), np.uint8), rows.astype(np.uint8) % 3
    return DataSet(name, card, words, images, rows % len(words), rows, split)


OPEN_DATA = []


def opened(words=WORDS):
    """The pictures are open: somebody holds them."""
    OPEN_DATA[:] = [pictures(words)]
    registry.add(OPEN_DATA[0])


def closed():
    """Nobody holds them any more, as after a restart."""
    OPEN_DATA.clear()
    gc.collect()


def view(words=WORDS, data=NAME, title="Small LeNet on my secretum zip", **more):
    """What a training gives."""
    model = small_network(title=title, labels=words)
    return checkpoint(model, card_of(model, data=data, made_by="lab.Train", **more))


def in_file(stored):
    return stored.path.read_bytes().decode("latin-1").lower()


def has_no_word(text):
    return not any(part in text for part in ("secretum", "zebulon", "smith"))


def test_the_file_has_no_names_and_the_opened_data_give_them_back():
    opened()
    title, figures = "forgot class secretum · SalUn", {"secretum": 1.0}
    stored = checkpoints.keep(view(title=title, figures=figures))
    assert has_no_word(in_file(stored))
    assert card_at(stored.path).labels == STAND_INS
    assert stored.card.labels == WORDS
    assert stored.card.title == "forgot class 1 · 5f2c · SalUn"
    assert catalog.load(stored.name).labels == WORDS
    closed()  # as after a restart
    assert catalog.load(stored.name).labels == STAND_INS
    card = checkpoints.stored(stored.name).card
    assert has_stand_ins(card)
    assert has_stand_ins(replace(card, labels=("kätzchen", card.labels[0])))
    assert not has_stand_ins(replace(card, labels=("kätzchen", "dog")))
    assert "kätzchen" in replace(card, labels=("kätzchen", "dog")).as_json()
    opened()  # the same file is opened again
    assert catalog.load(stored.name).labels == WORDS
    catalog.delete_model(stored.name)
    assert not catalog._memory.names()


def test_a_model_is_found_by_its_result_with_or_without_the_data():
    opened()
    result = view()
    stored = checkpoints.keep(result)
    card = ModelCard.from_json(result.card)
    for change in (opened, closed):
        change()
        assert stored.name in checkpoints.names_of(without_names(card))
    assert checkpoints.keep(result).name == stored.name
    assert len(checkpoints.visible_models()) == 1


def test_without_the_data_in_memory_names_are_left_out_all_the_same():
    stored = checkpoints.keep(view(title="LeNet, forgot class secretum"))
    assert has_no_word(in_file(stored))
    assert stored.card.labels == STAND_INS


def test_an_export_has_the_names_only_when_that_is_asked_for(tmp_path):
    opened()
    stored = checkpoints.keep(view(title="forgot class secretum · SalUn"))
    assert has_no_word(catalog.export(stored.name).decode("latin-1").lower())
    given_away = tmp_path / "given.safetensors"
    given_away.write_bytes(catalog.export(stored.name, names=True))
    card = card_at(given_away)
    assert (card.labels, card.title) == (WORDS, "forgot secretum · SalUn")
    brought = checkpoints.bring_in(given_away.read_bytes(), given_away.name)
    assert brought.card.labels == WORDS  # who gets it reads the names


def test_a_child_and_a_model_of_a_variant_have_no_names_either():
    opened()
    fewer = checkpoints.keep(view(WORDS[1:], f"{NAME}+unknown:hold=1"))
    assert card_at(fewer.path).labels == STAND_INS[1:]
    assert fewer.card.labels == WORDS[1:]
    merged = checkpoints.keep(view(("secretum and Zebulon Smith", "other"), f"{NAME}+merged"))
    assert card_at(merged.path).labels == ("class 1 · 5f2c and class 2 · 5f2c", "other")
    assert merged.card.labels == ("secretum and Zebulon Smith", "other")
    hidden_parent = checkpoints.keep(view(STAND_INS, title="loaded without the data"))
    assert card_at(hidden_parent.path).labels == STAND_INS


def test_what_learned_other_data_keeps_its_words_and_its_name():
    result = view(data="digits")
    stored = checkpoints.keep(result)
    card = ModelCard.from_json(result.card)
    assert (stored.card.labels, stored.card.title) == (WORDS, card.title)
    assert stored.name == checkpoints.checkpoint_name(card.fingerprint, WORDS)  # as before


def test_a_card_of_before_is_read_as_it_is():
    opened()
    result = view()
    old = checkpoints.put(ModelCard.from_json(result.card), checkpoints.rebuilt(result))
    assert old.name == checkpoints.checkpoint_name(old.card.fingerprint, WORDS)
    assert catalog.load(old.name).labels == WORDS


def test_nobody_reads_names_through_a_card_that_says_other_data():
    opened()
    card = ModelCard.from_json(view(STAND_INS, data="upload-5f2c00000000").card)
    assert with_labels(card).labels == STAND_INS
    assert with_names(card) == card


NAMES = some.text(some.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1)


@given(some.lists(NAMES, min_size=2, max_size=5, unique=True).map(tuple))
@example(("0", "settings"))  # as a field of the card
def test_whatever_classes_are_called_their_names_go_and_come_back(words):
    words = tuple(word[:LONG] for word in words)
    if len(set(words)) < len(words) or not all(word.isprintable() for word in words):
        return
    opened(words)
    stripped = without_names(replace(PLAIN, labels=words))
    assert stripped.labels == tuple(f"class {place + 1} · 5f2c" for place in range(len(words)))
    assert ModelCard.from_json(stripped.as_json()) == stripped
    assert with_labels(stripped).labels == words
    assert without_names(stripped) == stripped


PLAIN = ModelCard("LeNet", "lenet", 1, 12, (0.3,) * 3, (0.1,) * 3, ("a",), NAME)


def test_a_class_may_be_called_as_a_setting_is():
    opened(("epochs", "title"))
    card = replace(PLAIN, labels=("epochs", "title"), recipe={"epochs": 3})
    assert without_names(card).recipe == {"epochs": 3}


def test_settings_are_not_cut_and_titles_fit_a_card():
    opened()
    settings = {"regime": "x" * 500 + " secretum"}
    stripped = without_names(
        replace(PLAIN, labels=WORDS, title="secretum " * 13, settings=settings)
    )
    assert stripped.settings["regime"] == "x" * 500 + " class 1 · 5f2c"
    assert len(stripped.title) <= LONG
    assert ModelCard.from_json(stripped.as_json()) == stripped
    assert has_no_word(json.dumps(stripped.as_json()))
