"""One set of weights with two files of class names: each reader sees their own ones only."""

import json
import re
from copy import deepcopy

import pytest
import timm
import torch
from safetensors.torch import save_file

from engine.attribution.cbc import PrototypeCase
from engine.commands.families import METHODS
from engine.core import run
from engine.core.given_names import given_names
from engine.core.keeping.store import Store
from engine.core.lane import lanes
from engine.core.method import case_kind
from engine.core.run import answer, ask, digest
from engine.evaluation.experiment import Experiment, ExperimentCase
from engine.hallucination import CaptionCase, ScenesCase
from engine.unlearning import GeneratorCase
from engine.vision.case import ImageCase
from engine.vision.case.prediction import Prediction
from engine.vision.case.target import Target
from engine.vision.lab import TrainCase
from engine.vision.models import checkpoints
from engine.vision.models.card import card_of, checkpoint
from engine.vision.models.catalog import load, load_from_file
from tests import tiny
from tests.test_contract import small

OF_NONE = {TrainCase, ExperimentCase, CaptionCase, ScenesCase, GeneratorCase, PrototypeCase}
OF_IMAGES = [
    kind
    for kind in (Prediction, *METHODS)
    if kind.family != "hallucination"
    and not issubclass(kind, Experiment)
    and case_kind(kind) not in OF_NONE
]  # the others ask no classifier, or one that is still to be made


def words_of(found) -> str:
    """Every word of an answer: names of views and arrays, facts, and its record."""
    facts = {name: [view.facts(), list(view.arrays())] for name, view in found.items()}
    return json.dumps([facts, found.record], default=str)


def case_with(kind, word):
    case = tiny.case_for(kind) if kind is not Prediction else tiny.cnn_case()
    case.model.labels = tuple(f"{word} {index}" for index in range(len(case.model.labels)))
    case.model.name = "file:123456"  # as weights of one's own are called
    return case


@pytest.mark.parametrize("kind", OF_IMAGES, ids=lambda kind: kind.full_name())
def test_no_answer_is_kept_under_a_name_that_other_class_names_have_too(kind):
    first, second = (case_with(kind, word) for word in ("Aaa", "Bbb"))
    method = small(kind)
    assert digest(method, first) != digest(method, second)
    assert digest(method, first) == digest(method, case_with(kind, "Aaa"))


SPEAKING = ("Prediction", "LST", "Grid", "Star", "LiMA", "RandomOrder", "StudyMaps",
            "OtherClass", "FT")  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    [image for image in OF_IMAGES if image.name in SPEAKING],
    ids=lambda kind: kind.full_name(),
)
def test_each_session_reads_its_own_class_names_also_after_a_restart(kind, own_store, monkeypatch):
    method, read = small(kind), []
    for word in ("Aaa", "Bbb"):
        case = case_with(kind, word)
        answer(method, case)
        read.append(case)
    written = b" ".join(path.read_bytes() for path in own_store.folder.iterdir())
    assert written
    assert b"Aaa" not in written
    assert b"Bbb" not in written
    restarted = Store(own_store.folder)
    monkeypatch.setattr(run, "store", lambda: restarted)
    for case, label, other in zip(read, ("Aaa", "Bbb"), ("Bbb", "Aaa"), strict=True):
        result = run.kept_answer(method, case)
        assert result is not None
        assert other not in words_of(result)
        assert label in words_of(result)


def test_class_names_that_ship_leave_the_name_of_a_question_as_it_was():
    case = ImageCase(load("digits-cnn"), torch.zeros(3, 8, 8), Target(1))
    assert run.own_words(case) == ""
    other = load("digits-cnn").twin()
    other.name = "file:123456"
    assert run.own_words(ImageCase(other, case.image, case.target))


@pytest.fixture
def uploaded(tmp_path):
    """Weights of one's own with names that nobody else is to read."""
    torch.manual_seed(0)
    state = timm.create_model("resnet10t", pretrained=False, num_classes=2).state_dict()
    save_file(state, file := tmp_path / "Patient Smith.safetensors")
    (tmp_path / "names.txt").write_text("Secretum A\nSecretum B\n")
    return load_from_file(file, "resnet10t", tmp_path / "names.txt")


def test_names_of_own_weights_and_labels_stay_out_of_records_titles_and_job_lists(
    uploaded, own_store
):
    case = ImageCase(uploaded, torch.rand(3, uploaded.side, uploaded.side), Target(1))
    job = ask(Prediction(), case, visitor="ann")
    result = job.value()
    stored = own_store.get(digest(Prediction(), case), given_names(case))
    private = re.compile("Smith|Secretum")
    assert not private.search(json.dumps(stored.record))
    assert not private.search(uploaded.name + uploaded.title + uploaded.lineage.title)
    assert not private.search(job.public)
    assert job.public == "Prediction"
    assert "Secretum B" in job.title
    assert job.asked == job.past().asked == {"ann"}  # nobody else may read it
    assert job.past().public == "Prediction"
    assert all("Secretum" not in past_job.public for lane in lanes() for past_job in lane.past())
    assert result.record["case"]["target"] == "Secretum B"
    assert run.kept_answer(Prediction(), case).record["case"] == result.record["case"]


def test_one_model_kept_by_two_people_has_the_class_names_of_each(empty_home):
    names = []
    for word in ("Aaa", "Bbb"):
        model = deepcopy(tiny.learned())
        model.labels = tuple(f"{word} {index}" for index in range(len(model.labels)))
        entry = checkpoints.keep(checkpoint(model, card_of(model)))
        names.append(entry.name)
        assert checkpoints.load(entry.name).labels == model.labels
    assert len(set(names)) == 2
