"""One way to compute: found or computed once, kept, shared by those who ask together.

What a method hands over while it works is seen, and is never the answer.
"""

import json
import threading
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from engine.commands.output import write
from engine.core import run
from engine.core.borrow import borrowed
from engine.core.errors import BlindspotError, Cancelled, DoesNotFit
from engine.core.method import Method, Slider, quiet, setting
from engine.core.result import HeatMap, Scores
from engine.core.run import answer, ask, digest, expected_seconds, kept_answer, note_seconds
from engine.evaluation.experiment import ExperimentCase
from engine.evaluation.maps.gradient import Gradient
from engine.vision.case import ImageCase
from engine.vision.models import catalog
from tests import tiny

SOON = 20
real_store = run.store


@dataclass(frozen=True)
class Slow(Method):
    """Counts how often it is computed, and waits to be let go."""

    name, family, title, cost = "Slow", "test", "Slow", "wait"

    number: int = setting(1, Slider(1, 9, 1), "Number", "What it gives.")

    def __call__(self, case, progress=quiet):
        calls.append(self.number)
        begun.set()
        while not go.wait(0.005):
            progress(0.5, "waiting")
        progress(1.0, "done")
        return {"it": Scores(np.array([self.number], np.float32), ("a",), "logit")}


@dataclass(frozen=True)
class Asks(Method):
    """Asks another method in the middle."""

    name, family, title, cost = "Asks", "test", "Asks", "wait"

    def __call__(self, case, progress=quiet):
        total = np.array([answer(Gradient(), case, progress)["map"].values.sum()], np.float32)
        return {"it": Scores(total, ("a",), "logit")}


@dataclass(frozen=True)
class Rows(Method[ImageCase]):
    """Brightness row by row; after the first few it waits until it may go on."""

    name, family, title, cost = "Rows", "test", "Row by row", "wait"

    def __call__(self, case, progress=quiet):
        bright = case.image.mean(0).numpy()
        values = np.full_like(bright, np.nan)
        for row in range(len(bright)):
            values[row] = bright[row]
            heat = HeatMap(values.copy(), unit="brightness", signed=False)
            progress((row + 1) / len(bright), f"row {row}", partial={"map": heat})
            while row == 6 and not go.wait(0.005):
                begun.set()
                progress(7 / len(bright), "waiting")
        return {"map": heat}


@dataclass(frozen=True)
class TooLarge(Method):
    """Fills a GPU's memory."""

    name, family, title, cost = "TooLarge", "test", "Too large", "wait"

    def __call__(self, case, progress=quiet):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")


calls: list[int] = []
begun, go = threading.Event(), threading.Event()


@pytest.fixture(autouse=True)
def fresh(own_store):
    calls.clear()
    begun.clear()
    go.clear()
    return own_store


@pytest.fixture
def case():
    return tiny.cnn_case()


def test_the_second_time_it_is_found_and_its_arrays_are_closed(case):
    go.set()
    first, second = answer(Slow(), case), answer(Slow(), case)
    assert (first.kept, second.kept, calls) == (False, True, [1])
    assert (list(second), len(second)) == (["it"], 1)
    with pytest.raises(ValueError, match="read-only"):
        second["it"].values[0] = 3


def test_two_who_ask_at_once_cause_one_computation(case):
    results = []
    askers = [
        threading.Thread(target=lambda: results.append(answer(Slow(), tiny.cnn_case())))
        for _ in range(4)
    ]
    for asker in askers:
        asker.start()
    assert begun.wait(SOON)
    go.set()
    for asker in askers:
        asker.join(SOON)
    assert calls == [1]
    assert [result["it"].values.tolist() for result in results] == [[1.0]] * 4


def leave(_done, _words="", partial=None):
    raise Cancelled("enough")


def test_one_of_two_nameless_askers_may_leave_without_harm(case):
    results = []
    stays = threading.Thread(target=lambda: results.append(answer(Slow(), case)))
    stays.start()
    assert begun.wait(SOON)
    with pytest.raises(Cancelled):
        answer(Slow(), case, leave)
    go.set()
    stays.join(SOON)
    assert results[0]["it"].values.tolist() == [1.0]
    assert calls == [1]


def test_a_cancelled_question_is_unknown_and_the_lane_is_free(case):
    with pytest.raises(Cancelled):
        answer(Slow(), case, leave)
    assert kept_answer(Slow(), case) is None
    go.set()
    assert answer(Slow(2), case)["it"].values.tolist() == [2.0]


def test_a_partial_result_is_seen_and_is_never_the_answer_also_after_a_cancel(case, fresh):
    for leaves in (True, False):
        job = ask(Rows(), case, "ann")
        assert begun.wait(SOON)
        assert 0 < np.isfinite(job.partial["map"].values).all(axis=1).sum() < 32
        assert kept_answer(Rows(), case) is None
        assert fresh.get(digest(Rows(), case)) is None
        if leaves:
            job.leave("ann")
            with pytest.raises(Cancelled):
                job.value()
            assert job.partial is not None
            begun.clear()
    go.set()
    np.testing.assert_array_equal(job.value()["map"].values, case.image.mean(0).numpy())


def test_progress_comes_through(case):
    reports = []

    def listen(done, words="", partial=None):
        reports.append((done, words))
        go.set()

    answer(Slow(), case, listen)
    assert set(reports) <= {(0.0, "waiting"), (0.0, "starting"), (0.5, "waiting"), (1.0, "done")}
    assert reports


def test_a_full_gpu_is_told_in_words_and_nothing_holds_what_filled_it(case):
    with pytest.raises(BlindspotError, match="more memory than cpu has free") as caught:
        answer(TooLarge(), case)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_method_may_ask_another_and_the_record_says_what_its_kept_answer_took(case, fresh):
    total = answer(Asks(), case)["it"].values[0]
    inner = kept_answer(Gradient(), case)
    assert inner is not None
    assert total == pytest.approx(inner["map"].values.sum())
    first = answer(Asks(), case)
    assert first.record["kept_parts"] == 0, "asked in turn, and part of its own seconds"
    fresh.forget(first.record["digest"])
    inner = kept_answer(Gradient(), case)
    assert answer(Asks(), case).record["kept_parts"] == inner.record["seconds"]


def test_what_does_not_fit_or_holds_the_model_is_refused_before_it_takes_a_place(case):
    with borrowed(case.model), pytest.raises(RuntimeError, match="give the model back"):
        answer(Slow(), case)
    with pytest.raises(DoesNotFit, match="exactly only"):
        ask(Slow(), case.at("fast"))
    assert calls == []


def test_the_record_says_how_it_was_made_with_seconds_to_a_tenth_of_a_millisecond(
    case, monkeypatch
):
    go.set()
    monkeypatch.setattr(run, "perf_counter", iter([5.0, 7.123456]).__next__)
    record = answer(Slow(3), case).record
    assert record["digest"] == digest(Slow(3), case)
    assert record["method"] == "test.Slow"
    assert record["settings"] == {"number": 3}
    assert record["case"]["target_index"] == case.target.index
    assert record["device"] == "cpu"
    assert record["versions"]["torch"].startswith("2.")
    assert record["seconds"] == expected_seconds(Slow(3), case) == 2.1235
    assert run.past_seconds(run.seconds_key(Slow(3), case)) == [2.1235]


def test_the_digest_depends_on_method_revision_settings_and_case(case, monkeypatch):
    names = [digest(Slow(), case), digest(Slow(2), case), digest(Asks(), case)]
    names += [digest(Slow(), other) for other in (case.at("fast"), tiny.cnn_case(target=1))]
    monkeypatch.setattr(Slow, "revision", 2)
    names.append(digest(Slow(), case))
    assert len(set(names)) == 6
    assert {len(bytes.fromhex(name)) for name in names} == {16}
    monkeypatch.setattr(Slow, "revision", 1)
    assert digest(Slow(), tiny.cnn_case()) == names[0]


def test_seconds_of_past_runs_survive_a_restart_and_are_bounded(case, tmp_path):
    assert expected_seconds(Slow(), case) is None
    for seconds in (100.0, 100.0, 1.0, 2.0, 9.0, 3.0, 2.5):
        note_seconds(Slow(), case, seconds)
    assert expected_seconds(Slow(), case) == 2.5  # the median of the last five
    assert expected_seconds(Slow(2), case) is None
    assert expected_seconds(Slow(), case.at("fast")) is None
    assert len(run.past_seconds(run.seconds_key(Slow(), case))) == 5
    assert run.seconds_file() == tmp_path / "seconds.json"


@pytest.mark.parametrize("nonsense", ["", "[]", '{"KEY": 3}', '{"KEY": ["x", null]}'])
def test_a_damaged_table_of_seconds_counts_as_empty(case, nonsense):
    key = run.seconds_key(Slow(), case).replace('"', '\\"')
    run.seconds_file().write_text(nonsense.replace("KEY", key))
    assert expected_seconds(Slow(), case) is None
    note_seconds(Slow(), case, 1.5)
    assert expected_seconds(Slow(), case) == 1.5


@dataclass(frozen=True)
class Two(Slow):
    """Settings whose names do not stand in the order of the alphabet."""

    name = "Two"

    amount: int = setting(2, Slider(1, 9, 1), "Amount", "How much.")


def test_questions_that_should_take_alike_share_a_row_of_seconds(case, monkeypatch):
    monkeypatch.setattr(run.torch, "get_num_threads", lambda: 3)
    model = case.model.fingerprint
    key = 'test.Two|{"amount": 2, "number": 1}|MODEL|cpu × 3|exact'
    assert run.seconds_key(Two(), case) == key.replace("MODEL", model)
    other = replace(case, image=case.image * 0.5)
    assert run.seconds_key(Two(), other) == run.seconds_key(Two(), case)
    assert run.seconds_key(Two(), case.at("fast")).endswith("|cpu × 3|fast")
    monkeypatch.setattr(run.torch, "get_num_threads", lambda: 1)
    assert "|cpu × 1|" in run.seconds_key(Two(), case)  # it takes longer
    assert "|columns|" in run.seconds_key(Two(), ExperimentCase(tiny.columns(4, ("a", "b"))))


def test_class_names_that_a_visitor_gave_name_another_question(case, monkeypatch):
    """Of a model that ships, the class names come with its weights."""
    before, named = digest(Slow(), case), tiny.cnn_case()
    named.model.labels = ("cat", "dog", "cow", "hen")
    assert named.fingerprint == case.fingerprint
    assert digest(Slow(), named) != before
    assert len(run.own_words(named)) > 8
    monkeypatch.setattr(catalog, "ships", lambda name: name == named.model.name)
    assert run.own_words(named) == ""
    assert digest(Slow(), named) == digest(Slow(), tiny.cnn_case())
    named.model.labels = ()
    monkeypatch.setattr(catalog, "ships", lambda _name: False)
    assert run.own_words(named) == ""


def test_what_is_kept_has_no_word_of_a_visitor_and_is_read_with_the_reader_s_own(case, fresh):
    go.set()
    record = answer(Slow(), case).record
    stored = fresh.get(digest(Slow(), case)).record
    assert record["case"] == case.facts()
    assert set(record["case"]) - set(stored["case"]) == {"target"}
    assert {**stored, "case": None} == {**record, "case": None}
    assert kept_answer(Slow(), case).record["case"] == case.facts()


def test_a_question_is_under_way_while_it_is_computed(case):
    assert not run.under_way(Slow(), case)
    job = ask(Slow(), case, "ann")
    assert begun.wait(SOON)
    assert run.under_way(Slow(), case)
    assert not run.under_way(Slow(2), case)
    go.set()
    assert job.value()["it"].values.tolist() == [1.0]


def test_inside_anew_such_questions_are_computed_each_time_and_not_kept(case, fresh):
    go.set()
    other = tiny.cnn_case(target=1)
    first = answer(Slow(), case)
    with run.recompute(lambda question: question.fingerprint == case.fingerprint):
        again = answer(Slow(), case)
        answer(Slow(), other)
        assert calls == [1, 1, 1]
        assert answer(Slow(), other).kept
        with pytest.raises(DoesNotFit, match="exactly only"), run.recompute(lambda _question: True):
            answer(Slow(), case.at("fast"))
    assert (first.kept, again.kept) == (False, False)
    assert calls == [1, 1, 1]
    assert answer(Slow(), case).kept
    assert answer(Slow(), other).kept
    assert fresh.get(digest(Slow(), case)).record["when"] == first.record["when"]


def test_what_others_left_half_written_goes_when_the_store_is_opened(tmp_path, monkeypatch):
    swept = []
    monkeypatch.setattr(run, "sweep_strays", swept.append)
    opened = real_store.__wrapped__()
    assert swept == [tmp_path]
    assert opened.folder == tmp_path / "answers"


def test_a_record_older_than_a_field_has_none_there_and_is_written_all_the_same(
    case, fresh, tmp_path
):
    name = digest(Gradient(), case)
    older = run.record(Gradient(), case, name, 1.0)
    assert not run.UNRECORDED.keys() & older.keys()
    fresh.put(name, Gradient()(case), older)
    result = kept_answer(Gradient(), case)
    assert {result.record[field] for field in run.UNRECORDED} == {None}
    provenance = json.loads(write(result, case, tmp_path).read_text())["provenance"]
    assert (provenance["compiled_forwards"], provenance["forwards"]) == (None, None)
    assert provenance["seconds"] == 1.0


def test_the_record_names_batch_and_memory_format_of_every_use(case):
    (ran,) = answer(Gradient(), case).record["forwards"]
    pace = case.model.pace("gradient")
    assert (ran["use"], ran["images"], ran["batch"]) == ("gradient", 1, pace.batch)
    assert ran["memory_format"] == ("channels_last" if pace.channels_last else "contiguous")
    assert ran["compiled_share"] == 0
