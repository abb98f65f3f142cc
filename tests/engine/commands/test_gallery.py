"""What ships with the samples is what would be computed."""

import json

import pytest

from engine.commands import gallery
from engine.commands.cli import main
from engine.commands.gallery import GALLERY, questions, shipped_answer, stale
from engine.commands.revisions import locked
from engine.core.run import compute_answer, digest
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.gradient import Gradient
from tests import tiny

QUICK = ("Prediction", "GradCam", "Gradient")


@pytest.fixture(scope="module")
def gallery_questions():
    return list(questions())


def test_every_sample_s_first_answers_ship(gallery_questions):
    missing = [question for question in gallery_questions if shipped_answer(question) is None]
    assert [f"{method.title} {case.facts()['target']}" for method, case in missing] == []
    assert len(gallery_questions) > 30


def test_its_methods_are_locked(gallery_questions):
    revisions = {method.full_name(): method.revision for method, _ in gallery_questions}
    lock = locked(gallery.lock_file())
    assert {name: facts["revision"] for name, facts in lock.items()} == revisions


def test_some_computed_again_give_the_same(gallery_questions):
    for name in QUICK:  # of a photograph, and of the last example
        some = [question for question in gallery_questions if question[0].name == name]
        assert [stale(question) for question in (some[0], some[-1])] == [""] * 2


def test_nothing_else_lies_in_the_gallery_and_it_is_small(gallery_questions):
    expected = {digest(method, case) for method, case in gallery_questions}
    assert {path.stem for path in GALLERY.glob("*.json")} == expected
    size = sum(path.stat().st_size for path in GALLERY.iterdir())
    assert size <= min(20e6, 150e3 * len(gallery_questions))


def test_records_hold_what_was_asked_and_nothing_of_the_machine_that_made_them(gallery_questions):
    allowed = {"kind", *(fact for _, case in gallery_questions for fact in case.facts())}
    for path in GALLERY.glob("*.json"):
        text = path.read_text()
        assert set(json.loads(text)["record"]["case"]) <= allowed
        assert str(GALLERY.parents[1]) not in text


def test_answers_of_one_method_are_computed_again_when_asked(tmp_path, monkeypatch, capsys):
    case, computed = tiny.cnn_case(), []

    def noted(method, *rest):
        computed.append(method.name)
        return compute_answer(method, *rest)

    monkeypatch.setattr(gallery, "GALLERY", tmp_path)
    monkeypatch.setattr(gallery, "questions", lambda: iter([(Gradient(), case), (GradCam(), case)]))
    monkeypatch.setattr(gallery, "compute_answer", noted)
    assert main(["gallery"]) != 0
    assert "tiny-cnn does not ship with Blindspot" in capsys.readouterr().err
    monkeypatch.setattr(gallery, "own_words", lambda _case: "")
    assert main(["gallery"]) == 0
    assert main(["gallery"]) == 0
    assert computed == ["Gradient", "GradCam"]
    assert main(["gallery", "--again", "GradCam"]) == 0
    assert computed == ["Gradient", "GradCam", "GradCam"]
    assert main(["gallery", "--again", "Occlusion"]) != 0
    assert "is of 'Occlusion': GradCam, Gradient" in capsys.readouterr().err
