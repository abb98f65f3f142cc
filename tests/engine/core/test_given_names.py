"""No word of a visitor is on the disk: what was typed is not kept there, names are put back."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from components.dialog.question import FREE
from engine.anomaly.fvr.blends import Blends
from engine.commands.families import METHODS
from engine.core import run
from engine.core.given_names import given_names
from engine.core.keeping.names import hidden, in_strings, restore_names
from engine.core.keeping.store import Store
from engine.core.method import case_kind
from engine.core.result import Scores, Table
from engine.core.run import answer, digest, job_name, kept_answer
from engine.evaluation.language.claims import suggested_questions
from engine.hallucination import CaptionCase, PhotoPairCase, WordRisk, asking
from engine.vision.lab import Train, TrainCase
from engine.vision.language.case import is_ready
from engine.vision.language.tiny_vlm import words as vocabulary
from engine.vision.language.tiny_vlm.weights import HABIT, load
from engine.vision.models import checkpoints
from tests import tiny
from tests.answers import small

WORD = "secretum"
SPOKEN = [kind for kind in METHODS if issubclass(case_kind(kind), CaptionCase)]


@pytest.fixture
def home(monkeypatch, empty_home):
    """A folder of its own for all that is kept, and a store that can be opened anew."""
    reopen(empty_home, monkeypatch)
    return empty_home


def reopen(home, monkeypatch):
    """As after a restart: what was in memory is gone."""
    fresh = Store(home / "answers", shipped=(run.GALLERY,))  # the probe of WordRisk is there
    monkeypatch.setattr(run, "store", lambda: fresh)


def on_disk(home) -> str:
    """Everything that lies below, names of files included, in small letters."""
    files = [path for path in home.rglob("*") if path.is_file()]
    return " ".join(f"{file} {file.read_bytes().decode('latin-1')}" for file in files).lower()


def answer_text(found) -> str:
    """What an answer says in words, and its record."""
    return json.dumps([found.record, [view.facts() for view in found.values()]], default=str)


@pytest.fixture
def learned_word(monkeypatch):
    """TinyVLM knows a word that nothing else has, in the place of one that nobody asks."""
    known_words = tuple(WORD if word == "briefly" else word for word in vocabulary.WORDS)
    monkeypatch.setattr(vocabulary, "WORDS", known_words)
    monkeypatch.setattr(vocabulary, "NUMBER", {word: at for at, word in enumerate(known_words)})


def typed_case(kind) -> CaptionCase:
    case = tiny.case_for(kind)
    if isinstance(case, PhotoPairCase):
        return PhotoPairCase.of(case.vlm, case.image, WORD, (f"red {WORD}",), mask=case.mask)
    return replace(case, prompt=f"is there a {WORD}")


@pytest.mark.parametrize("kind", SPOKEN, ids=lambda kind: kind.full_name())
def test_the_answer_to_typed_words_is_not_on_the_disk(kind, home, learned_word):
    method, case = kind() if kind is WordRisk else small(kind), typed_case(kind)
    assert case.typed
    first = answer(method, case)
    again = kept_answer(method, case)  # from memory
    assert again.record["case"] == first.record["case"]
    assert WORD in answer_text(again)
    stored = on_disk(home)
    assert "seconds.json" in stored  # something is kept
    assert WORD not in stored
    assert digest(method, case) not in stored  # its name could be found by trying words


def test_after_a_restart_a_typed_question_is_asked_anew_and_a_ready_one_is_kept(home, monkeypatch):
    kind = next(method for method in SPOKEN if method.name == "Greedy")
    typed = replace(tiny.case_for(kind), prompt="a red boat")
    ready = replace(typed, prompt="is there a boat")
    for case in (typed, ready):
        answer(small(kind), case)
    reopen(home, monkeypatch)
    assert kept_answer(small(kind), typed) is None
    assert kept_answer(small(kind), ready)["answer"].prompt == "is there a boat"


def test_every_ready_question_counts_as_one_and_a_longer_one_does_not():
    scenes = (asking.scene("biased", number) for number in range(20))
    for prompt in {*FREE, *(words for scene in scenes for words in suggested_questions(scene))}:
        assert is_ready(load(HABIT), prompt), prompt
    for prompt in ("is there a boat and a dog", "is there a boat ?", "describe"):
        assert not is_ready(load(HABIT), prompt)


def test_nothing_is_kept_of_a_model_whose_classes_were_typed(home):
    model = tiny.cnn()
    model.labels, model.name = ("cat", "dog", "cow", WORD), f"open_clip:mine?{WORD}"
    model.typed = True
    method, case = Blends(toward=WORD, cells=4), tiny.case_for(Blends, model)
    answer(method, case)
    assert WORD in answer_text(kept_answer(method, case))
    stored = on_disk(home)
    assert "seconds.json" in stored
    assert WORD not in stored
    assert digest(method, case) not in stored


def test_names_from_files_are_put_back_from_the_reader_s_own(home, monkeypatch):
    """Class names with letters that JSON escapes, in settings, tables and cards of models."""
    model, labels = tiny.cnn(), tuple(f"Sécrétum “{at}”" for at in range(4))
    model.labels, model.name = labels, "file:123456"
    method, case = Blends(toward=labels[3], cells=4), tiny.case_for(Blends, model)
    answer(method, case)
    reopen(home, monkeypatch)
    again = kept_answer(method, case)
    assert again.record["settings"]["toward"] == labels[3]
    assert labels[3] in json.dumps([view.facts() for view in again.values()], ensure_ascii=False)
    assert "crétum" not in on_disk(home).encode("latin-1").decode("utf-8", "ignore")
    assert "\\u00e9" not in on_disk(home)


def test_a_model_of_one_s_own_pictures_is_kept_without_their_names(home, monkeypatch):
    case = own_training("Patient Smith", tiny.columns(8, ("secretum one", "secretum two")))
    assert given_names(case) == ("secretum one", "secretum two", "Patient Smith")
    answer(Train(), case)
    stored = on_disk(home)
    assert WORD not in stored
    assert "smith" not in stored
    reopen(home, monkeypatch)
    again = kept_answer(Train(), case)["model"]
    assert checkpoints.rebuilt(again).labels == case.data.classes
    assert "Patient Smith" in again.card


def own_training(title, data=None):
    data = data or tiny.columns(8, ("one of two", "two of two"))
    card = replace(data.card, title=title)
    return TrainCase(replace(data, name="upload-123456", card=card), tiny.train_case().recipe)


def test_another_s_names_come_from_memory_as_little_as_from_the_disk(home):
    mine, other = own_training("Patient Smith"), own_training("another.zip")
    assert digest(Train(), mine) == digest(Train(), other)
    answer(Train(), mine)
    for case, title in ((other, "another.zip"), (mine, "Patient Smith")):
        card = kept_answer(Train(), case)["model"].card
        assert title in card
        assert ("Smith" in card) is (case is mine)


def test_who_calls_a_file_otherwise_does_not_join_another_s_job_and_what_ships_has_no_names(home):
    mine, same, other = (own_training(title) for title in ("Smith", "Smith", "another.zip"))
    assert job_name(Train(), mine) == job_name(Train(), same) != job_name(Train(), other)
    assert job_name(Train(), tiny.train_case()) == digest(Train(), tiny.train_case())
    assert given_names(tiny.cnn_case()) == ()
    assert given_names(tiny.train_case()) == ()


def test_a_file_that_is_called_like_a_class_moves_no_other_name(home, monkeypatch):
    """The title of a model is a class name of its own for one visitor, and not for the other."""
    model = tiny.cnn()
    model.name, model.labels = "file:123456", ("cat", "dog", "cow", "hen")
    results = []
    for title, above in (("dog", "pets.zip"), ("mine.pt", "other.zip")):
        model.title, model.lineage = title, replace(model.lineage, above=(above,))
        results.append(given_names(tiny.case_for(Blends, model)))
    first, second = results
    assert len(first) == len(second)
    assert restore_names(second, hidden(first, "from pets.zip, a cow")) == "from other.zip, a cow"


def test_what_is_forgotten_is_forgotten_under_all_names(tmp_path):
    store, view = Store(tmp_path), Scores(np.zeros(1, np.float32), ("first",), "logit")
    for names in ((), ("first",), ("other",)):
        store.put("a", {"scores": view}, {}, names)
    store.forget("a")
    assert all(store.get("a", names) is None for names in ((), ("first",), ("other",)))


def test_hiding_is_undone_whatever_the_names():
    names = ("cat", "black cat", 'a "cat"', "Mörder", "kind", "x", "views")
    record = {"kind": "cat", "views": [{"card": json.dumps(["a black cat", *names])}, 12, None]}
    without = in_strings(record, partial(hidden, names))
    assert in_strings(without, partial(restore_names, names)) == record
    for word in ("cat", "rder", "kind", "views"):
        assert word not in json.dumps(without)
    assert hidden(("x", ""), "an x") == "an x"
    assert "\u5f20\u4f1f" not in hidden(("\u5f20\u4f1f",), "of \u5f20\u4f1f")  # two letters, a name


def test_an_entry_is_read_with_the_reader_s_names(tmp_path):
    """Its checksum does not hang on names: else they could be found by trying."""
    labels, others = ("first of mine", "second of mine"), ("kind", "views")
    view = Table.grid(np.ones((1, 2)), ("second of mine",), labels, ("", ""))
    values = Scores(np.zeros(2, np.float32), labels, "logit")
    Store(tmp_path).put("a", {"table": view, "scores": values}, {"said": labels[0]}, labels)
    assert "mine" not in on_disk(tmp_path)
    for names in (labels, others):
        stored = Store(tmp_path).get("a", names)
        assert stored.result["table"].order == names
        assert stored.result["scores"].labels == names
        assert stored.record == {"said": names[0]}
    Store(tmp_path).put("b", {"scores": values}, {}, others)
    assert Store(tmp_path).get("b", others).result["scores"].labels == labels
    assert Store(tmp_path).get("a", ()) is None  # written with more names: damaged, asked anew


def test_the_house_s_own_words_are_not_taken_for_names(tmp_path):
    """A class called like a part of a word or like a field breaks nobody's reading."""
    table = Table.of({"random order": ([0.1], ""), "ran": ([0.3], "")}, ["Ran, ran and orange"])
    mine, theirs = ("ran", "order"), ("cats", "dogs")
    Store(tmp_path).put("question", {"left": table}, {}, mine)
    stored = Store(tmp_path).get("question", theirs).result["left"]
    assert stored.order == ("random dogs", "cats")
    assert stored.rows == ("Ran, cats and orange",)
