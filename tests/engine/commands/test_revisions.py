"""Code of a shipped method does not change under its old revision without a word."""

from dataclasses import replace

import pytest

from engine.anomaly import Compare, Mahalanobis
from engine.anomaly.smote.experiment import SmoteExperiment
from engine.commands import gallery, revisions
from engine.commands.cli import main
from engine.core.run import digest
from engine.evaluation.maps.grad_cam import GradCam
from engine.sparsity import Unknown
from tests import tiny


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """A lock of a few methods, as that of the gallery."""
    monkeypatch.setattr(gallery, "GALLERY", tmp_path / "gallery")
    revisions.write_lock(gallery.lock_file(), [Compare, SmoteExperiment, Unknown])
    return gallery.lock_file()


@pytest.fixture
def rewrite(monkeypatch):
    """Has one text of a module read as another."""
    read = revisions.text_of

    def replaced(module, before, after):
        assert read(module).count(before) == 1
        forget()
        monkeypatch.setattr(
            revisions,
            "text_of",
            lambda name: read(name).replace(before, after if name == module else before),
        )

    yield replaced
    forget()


def forget():
    for known in ("module_source", "resolved", "reached_by", "definition_digest"):
        getattr(revisions, known).cache_clear()


def test_a_constant_deep_inside_shows_in_who_reaches_it_and_in_nobody_else(rewrite, lock, capsys):
    rewrite("engine.anomaly.detectors.vim", "NOTHING = ", "NOTHING = 2 * ")
    (sentence,) = revisions.unconfirmed(lock)
    assert sentence.startswith("anomaly.Compare was changed under revision")
    assert main(["gallery", "--check"]) != 0
    assert "--confirm Compare" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"With ODIN"', '"ODIN too"'),
        ("Every detector's verdict", "The verdict of every detector"),
        ("finds this image most unusual", "is the most surprised"),
        ('title = "All detectors"', 'title = "All"'),
        ("names.append(kind.name)", "names.append(\n    kind.name)  # a comment"),
        ("def detector_figures(method: Detector,", "def detector_figures(method,"),
    ],
)
def test_words_formatting_and_types_change_no_revision(rewrite, lock, before, after):
    rewrite(Compare.__module__, before, after)
    assert revisions.unconfirmed(lock) == []


def test_another_revision_asks_for_another_answer(lock, monkeypatch):
    monkeypatch.setattr(Compare, "revision", Compare.revision + 1)
    (sentence,) = revisions.unconfirmed(lock)
    assert sentence.startswith("anomaly.Compare has revision")
    assert "make gallery" in sentence


def test_what_a_method_enumerates_is_in_its_digest(monkeypatch):
    case = tiny.familiar_case(tiny.cnn())
    before = digest(Compare(), case)
    monkeypatch.setattr(Compare, "enumerates", Compare.enumerates[:-1])
    fewer = digest(Compare(), case)
    monkeypatch.undo()
    monkeypatch.setattr(Mahalanobis, "revision", Mahalanobis.revision + 1)
    assert len({before, fewer, digest(Compare(), case)}) == 3


def test_the_same_numbers_take_their_new_name_and_others_are_refused(lock, monkeypatch, capsys):
    case = tiny.cnn_case()
    lock.unlink()
    monkeypatch.setattr(gallery, "questions", lambda: iter([(GradCam(), case)]))
    monkeypatch.setattr(gallery, "own_words", lambda _case: "")
    assert main(["gallery"]) == 0
    right = lock.read_text()
    before = {path.stem for path in gallery.GALLERY.glob("*.json")}
    lock.write_text(right.replace('"tree": "', '"tree": "old'))
    assert main(["gallery"]) == 0  # nothing is missing, and nothing was confirmed
    assert "old" in lock.read_text()
    monkeypatch.setattr(GradCam, "enumerates", (Compare,))
    assert main(["gallery", "--confirm", "GradCam"]) == 0
    assert lock.read_text() == right
    (name,) = {path.stem for path in gallery.GALLERY.glob("*.json")}
    assert {name} != before
    assert name == digest(GradCam(), case)
    called = GradCam.__call__
    monkeypatch.setattr(GradCam, "__call__", lambda *given: doubled(called(*given)))
    capsys.readouterr()
    assert main(["gallery", "--confirm", "GradCam"]) != 0
    assert "raise its revision" in capsys.readouterr().err


def doubled(result):
    return {name: replace(view, values=view.values * 2) for name, view in result.items()}


def test_what_moved_is_locked_without_computing(rewrite, lock, capsys):
    rewrite("engine.anomaly.detectors.vim", "NOTHING = ", "NOTHING = 2 * ")
    assert main(["gallery", "--accept", "SMOTE"]) == 0
    assert len(revisions.unconfirmed(lock)) == 1
    assert main(["gallery", "--accept", "GradCam"]) != 0
    assert "is of 'GradCam'" in capsys.readouterr().err
    assert main(["gallery", "--accept"]) == 0
    assert revisions.unconfirmed(lock) == []
