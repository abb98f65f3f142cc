"""A pace is found once, kept, and survives a damaged file; nothing is asserted about time."""

import json

import pytest
import torch

from engine.core.errors import BlindspotError
from engine.vision.models import catalog, turns
from engine.vision.models import pace as module
from engine.vision.models.pace import Pace, find_pace, in_batches, pace_file
from tests import homes, paces, tiny


@pytest.fixture(autouse=True)
def own_home(monkeypatch, empty_home):
    monkeypatch.setattr(module, "calm", lambda: True)
    monkeypatch.setattr(module, "try_paces", paces.tried)
    monkeypatch.setattr(module, "_taken", {})  # a cluster in this process hands rows over


@pytest.fixture
def timed(monkeypatch):
    """Seconds an image by (channels_last, batch); tried is what was looked at."""
    table, tried = {}, []

    def clock(_model, pace, _images=0):
        tried.append((pace.channels_last, pace.batch))
        result = table.get((pace.channels_last, pace.batch), 1.0)
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(module, "time_pace", clock)
    monkeypatch.setattr(module, "timed_again", clock)
    return table, tried


def test_the_fastest_is_taken_and_a_smaller_batch_when_it_is_nearly_as_fast(timed):
    table, _ = timed
    table.update({(True, 8): 0.900, (True, 4): 0.908, (True, 16): 0.905})
    assert find_pace(tiny.cnn(), "exact") == Pace(4, True, "exact", 0.908)


def test_it_is_tried_once_and_kept_for_the_next_process(timed):
    _, tried = timed
    first = find_pace(tiny.cnn(), "exact")
    count = len(tried)
    assert find_pace(tiny.cnn(seed=5), "exact") == first  # other weights, same network
    assert len(tried) == count
    find_pace(tiny.vit(), "exact")
    assert len(tried) > count
    assert len(json.loads(pace_file().read_text())) == 2


def test_homes_of_tests_begin_with_the_paces_of_the_first_model(timed, tmp_path):
    homes.furnish(tmp_path)
    results = {use: find_pace(catalog.load(), use).batch for use in ("exact", "gradient")}
    assert results.items() <= homes.BATCHES.items()
    assert not timed[1]


def test_what_was_found_on_a_busy_machine_serves_this_process_only(timed, monkeypatch):
    _, tried = timed
    monkeypatch.setattr(module, "calm", lambda: False)
    find_pace(tiny.cnn(), "exact")
    count = len(tried)
    find_pace(tiny.cnn(), "exact")
    assert len(tried) == count
    monkeypatch.setattr(module.os, "getpid", lambda: -1)  # as another process would find it
    find_pace(tiny.cnn(), "exact")
    assert len(tried) == 2 * count


@pytest.mark.parametrize(("said", "batch"), [({}, 8), ({"process": 1}, 4)])
def test_what_was_compiled_for_stays_except_where_a_calm_machine_found_another(said, batch):
    model = tiny.cnn()
    key = module.key_of(model, "exact")
    row = {"batch": 8, "channels_last": True, "seconds": 0.1}
    module.keep_row(pace_file(), key, row | said)
    module.keep_for_good(model, Pace(4, True, "exact", 0.1))
    assert json.loads(pace_file().read_text())[key]["batch"] == batch


def test_no_batch_is_tried_that_has_no_room(timed, monkeypatch):
    model = tiny.cnn()
    room = 4 * 64 * 4 * model.side**2  # four images, each of 64 channels in four bytes
    monkeypatch.setattr(module, "memory_budget", lambda _: room)
    find_pace(model, "exact")
    assert {batch for _, batch in timed[1]} == {1, 2, 4}


@pytest.mark.parametrize(
    ("seconds", "uncounted", "counted"), [(0, 2, 5), (12, 4, 13), (1e9, 10, 20)]
)
def test_runs_are_timed_in_turns_after_some_that_do_not_count(
    monkeypatch, seconds, uncounted, counted
):
    """A run takes half a second, so that a turn takes one."""
    made, shares = [], []
    things = {name: lambda name=name: made.append(name) or torch.zeros(1) for name in "ab"}
    monkeypatch.setattr(turns, "perf_counter", lambda: 1000 + len(made) / 2)
    times = turns.in_turns(things, 20, seconds, shares.append)
    assert made == ["a", "b"] * (uncounted + counted)
    assert times == dict.fromkeys("ab", [0.5] * counted)
    assert shares == [(turn + 1) / 20 for turn in range(counted)]


def test_batches_that_grow_slow_or_do_not_fit_are_not_followed(timed):
    table, tried = timed
    table.update({(True, 2): 2.0, (False, 4): torch.OutOfMemoryError("no room")})
    assert find_pace(tiny.cnn(), "exact").batch == 1
    first_look = [(True, 1), (False, 1), (True, 2), (False, 2), (False, 4)]
    assert tried == [*first_look, *2 * [(True, 1), (False, 1), (False, 2)]]  # what was near, again
    table.update({(last, 1): torch.OutOfMemoryError("no") for last in (True, False)})
    assert find_pace(tiny.vit(), "exact").batch == 1  # no room for anything


def test_a_slow_model_is_not_tried_for_long(timed, monkeypatch):
    _, tried = timed
    monkeypatch.setattr(module, "PATIENCE", -1.0)
    assert find_pace(tiny.cnn(), "exact").batch == 1
    assert tried == [(True, 1)]


@pytest.mark.parametrize(
    "row",
    [
        *(3, [], {}, {"batch": 4}, {"batch": 4, "channels_last": 7, "seconds": 1.0}),
        *({"batch": wrong, "channels_last": True, "seconds": 1.0} for wrong in ("4", 0, 10**9)),
    ],
)
def test_a_damaged_row_is_found_anew(timed, row):
    _, tried = timed
    first = find_pace(tiny.cnn(), "exact")
    key = next(iter(json.loads(pace_file().read_text())))
    pace_file().write_text(json.dumps({key: row, "other": 1}))
    tried.clear()
    assert find_pace(tiny.cnn(), "exact") == first
    assert tried
    assert json.loads(pace_file().read_text())["other"] == 1


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "\x00"])
def test_a_damaged_file_is_found_anew(timed, text):
    pace_file().write_text(text)
    assert find_pace(tiny.cnn(), "exact").batch >= 1
    assert len(json.loads(pace_file().read_text())) == 1


def test_a_folder_that_cannot_be_written_only_costs_the_memory_of_it(timed, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path / "file"))
    assert find_pace(tiny.cnn(), "exact").batch >= 1


def test_the_model_is_left_in_the_format_that_won(timed):
    table, _ = timed
    model = tiny.cnn()
    table[True, 1] = 0.1
    find_pace(model, "exact")
    weight = model.network.conv2.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(weight, tiny.cnn().network.conv2.weight)


def test_batches_are_compared_over_equally_many_images(monkeypatch):
    runs = []

    def run_times(_model, pace, count):
        for at in range(count):
            runs.append(pace.batch)
            yield pace.batch * (1.0 if at else 0.9)  # the first run of all is a lucky one

    monkeypatch.setattr(module, "run_times", run_times)
    pace = Pace(8, True, "exact", 0.0)
    assert module.timed_again(tiny.cnn(), pace, 32) == pytest.approx(0.975)
    assert runs == [8, 8, 8, 8]
    assert module.timed_again(tiny.cnn(), Pace(32, True, "exact", 0.0), 32) == pytest.approx(0.9)


def test_it_is_really_timed_on_a_small_model():
    pace = find_pace(tiny.cnn(), "exact")
    assert pace.batch in module.BATCHES["cpu"]
    assert pace.seconds > 0
    assert pace.dtype == torch.float32
    assert find_pace(tiny.cnn()._fast, "fast").dtype == torch.bfloat16


def test_batches_are_halved_until_they_fit():
    done, tried = [], []

    def work(start, end):
        tried.append(end - start)
        if end - start > 3:
            raise torch.OutOfMemoryError("no room")
        done.extend(range(start, end))

    in_batches(10, 8, work, "A")
    assert done == list(range(10))
    assert tried == [8, 4, 2, 2, 2, 2, 2]
    tried.clear()

    def no_room(start, end):
        tried.append(end - start)
        raise torch.OutOfMemoryError

    with pytest.raises(BlindspotError, match="A does not fit"):
        in_batches(3, 2, no_room, "A")
    assert tried == [2, 1]


def test_gradients_have_a_batch_of_their_own_in_the_format_of_exact():
    model = tiny.cnn()
    exact, gradient = model.pace("exact"), model.pace("gradient")
    assert gradient.channels_last == exact.channels_last
    assert gradient.use == "gradient"
    assert gradient.dtype == exact.dtype
    assert all(parameter.grad is None for parameter in model.parameters())
