"""One job at a time, fair, shared, cancellable; short questions slip in where it is safe."""

import threading
import time
from contextlib import contextmanager
from functools import partial

import pytest
import torch
from torch import nn

from engine.core.borrow import borrowed
from engine.core.errors import BlindspotError, Cancelled, TooBusy
from engine.core.lane import HOUSE, Job, Lane, devices
from engine.core.lane import job as job_module
from engine.core.lane import queue as module
from tests import tiny

SOON = 20.0  # seconds after which a test that waits has failed


class Gate:
    """Work that says it has begun and goes on when it is let."""

    def __init__(self, gives: object = None, words: str = "") -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.gives, self.words, self.calls = gives, words, 0

    def __call__(self, progress):
        self.calls += 1
        self.begun.set()
        while not self.go.wait(0.005):
            progress(0.5, self.words)
        progress(1.0, self.words)
        return self.gives


class Shut(Gate):
    """Work that hears nothing until it is let go."""

    def __call__(self, progress):
        self.calls += 1
        self.begun.set()
        assert self.go.wait(SOON)
        return self.gives


@pytest.fixture
def queue():
    return Lane("cpu")


def give(value):
    return lambda _progress: value


def failing(error):
    def work(_progress):
        raise error

    return work


def order_of_work(queue, gate, names):
    """Jobs of (name, kind, visitor) that are asked while another one runs, and their order."""
    order = []
    jobs = [
        queue.submit(name, lambda _, name=name: order.append(name), *more) for name, *more in names
    ]
    places = [queue.place(job) for job in jobs]
    gate.go.set()
    for job in jobs:
        ended(job)
        assert queue.place(job) == 0
    return order, places


def running(queue, name, gate, *arguments, **more):
    """A job of the queue that has begun and waits at its gate."""
    job = queue.submit(name, gate, *arguments, **more)
    assert gate.begun.wait(SOON)
    return job


def ended(job):
    assert job.wait(SOON)
    return job


def test_two_who_ask_the_same_share_one_computation_and_one_who_leaves_takes_nothing(queue):
    gate = Gate(7)
    job = running(queue, "same", gate, "wait", "ann")
    assert queue.submit("same", Gate(8), "wait", "bob") is job
    job.leave("ann")
    assert not job.cancelled
    gate.go.set()
    assert (job.value(), gate.calls) == (7, 1)
    job.leave("bob")  # after the end it changes nothing
    assert not job.cancelled
    assert job.value() == 7


def test_the_last_who_leaves_cancels_and_the_lane_is_free_again(queue):
    job = running(queue, "long", Gate(), "wait", "ann")
    job.leave("bob")  # who never asked
    assert not job.cancelled
    job.leave("ann")
    with pytest.raises(Cancelled):
        ended(job).value()
    assert queue.submit("next", give(3), "wait", "ann").value() == 3


def test_who_cancels_while_waiting_is_told_at_once_and_leaves_the_queue(queue):
    gate = Gate()
    running(queue, "long", gate, "job", "ann")
    work = Gate()
    waiting = queue.submit("later", work, "wait", "bob")
    third = queue.submit("third", give(3), "wait", "eve")
    assert queue.place(third) == 2
    waiting.leave("bob")
    assert waiting.finished
    assert queue.place(third) == 1
    with pytest.raises(Cancelled, match="before it started"):
        waiting.value()
    gate.go.set()
    assert third.value() == 3
    assert work.calls == 0


def test_a_job_goes_on_when_its_visitors_have_gone_until_somebody_stops_it(queue):
    job = running(queue, "long", Gate(7), "job", "ann", title="Training: digits")
    job.leave("ann")
    assert not job.cancelled
    assert queue.find("long") is job
    assert queue.submit("long", Gate(8), "job", "bob") is job
    queue.submit("long", Gate(8), "job", "eve")
    job.stop("bob")
    assert not job.cancelled  # somebody else is still there
    job.stop("eve")
    with pytest.raises(Cancelled):
        ended(job).value()
    ended(queue.submit("next", give(3), "live", "ann"))
    assert queue.find("long") is None
    (past,) = queue.past()
    assert (past.title, past.end, past.why[:3]) == ("Training: digits", "stopped", "at ")


def test_what_is_over_is_told_with_its_reason_and_holds_nothing(queue):
    full, crash = failing(BlindspotError("The disk is full.")), failing(ZeroDivisionError())
    for name, work in (("a", give(3)), ("b", full), ("c", crash)):
        ended(queue.submit(name, work, "wait", "ann", title=name))
    ended(queue.submit("d", give(3), "live", "ann"))
    assert [(job.title, job.end, job.why) for job in queue.past()] == [
        ("c", "failed", "something went wrong; see the log"),
        ("b", "failed", "The disk is full."),
        ("a", "done", ""),
    ]


def test_asked_again_after_a_cancel_it_is_computed_anew(queue):
    shut = Shut()
    old = running(queue, "same", shut, "wait", "ann")
    old.leave("ann")
    new = queue.submit("same", give(5), "wait", "bob")
    assert new is not old
    shut.go.set()
    assert new.value() == 5
    assert queue._jobs == {}


def test_a_job_left_after_its_work_and_before_the_lane_puts_it_away_is_over_once(
    queue, monkeypatch
):
    run = Job.run
    monkeypatch.setattr(Job, "run", lambda job, progress: (run(job, progress), job.leave("ann")))
    ended(queue.submit("a", give(1), "wait", "ann"))
    ended(queue.submit("next", give(3), "live", "ann"))
    assert [past.name for past in queue.past()] == ["a"]


def test_an_error_reaches_whoever_asked_and_the_lane_lives_on(queue):
    with pytest.raises(ZeroDivisionError, match="oh"):
        queue.submit("bad", failing(ZeroDivisionError("oh")), "wait", "ann").value()
    assert queue.submit("good", give(1), "wait", "ann").value() == 1


def test_only_a_live_question_is_answered_while_a_longer_job_runs(queue):
    gate = Gate()
    running(queue, "long", gate, "job", "ann")
    waits = queue.submit("wait", give(2), "wait", "bob")
    assert queue.submit("short", give(3), "live", "bob").value() == 3
    assert not waits.finished
    gate.go.set()
    assert waits.value() == 2


def test_no_live_question_slips_in_while_the_job_holds_a_model(queue):
    model, holds, frees, freed = nn.Linear(1, 1), threading.Event(), threading.Event(), []

    def work(progress):
        with borrowed(model):
            holds.set()
            while not frees.wait(0.005):
                progress(0.5)
            freed.append(short.finished)
        progress(0.9)
        freed.append(short.finished)
        return 1

    long = queue.submit("long", work, "job", "ann")
    assert holds.wait(SOON)
    short = queue.submit("short", give(2), "live", "bob")
    assert not short.wait(0.1)
    frees.set()
    assert (long.value(), short.value()) == (1, 2)
    assert freed == [False, True]


def test_a_live_question_that_fails_or_is_cancelled_does_not_hurt_the_job(queue):
    gate = Gate(9)
    long = running(queue, "long", gate, "job", "ann")
    with pytest.raises(KeyError):
        queue.submit("bad", failing(KeyError("live")), "live", "bob").value()
    gate.go.set()
    assert long.value() == 9


def test_neither_side_of_a_let_through_notices_the_other(queue):
    begun, released = threading.Event(), threading.Event()

    def long(progress):
        torch.manual_seed(3)
        begun.set()
        assert released.wait(SOON)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            progress(0.5)
        return torch.rand(2).tolist()

    def live(_progress):
        torch.manual_seed(99)
        torch.rand(5)
        x = torch.ones(2, 2, requires_grad=True)
        (x @ x).sum().backward()
        return x.grad[0, 0].item(), (x @ x).dtype

    slow = queue.submit("long", long, "job", "ann")
    assert begun.wait(SOON)
    quick = queue.submit("live", live, "live", "bob")
    released.set()
    assert quick.value() == (4.0, torch.float32)
    drawn = slow.value()
    torch.manual_seed(3)
    assert drawn == torch.rand(2).tolist()


def test_visitors_take_turns(queue):
    running(queue, "first", gate := Gate(), "wait", "zoe")
    names = [(f"{visitor}{n}", "wait", visitor) for visitor in ("ann", "bob") for n in range(3)]
    order, places = order_of_work(queue, gate, names[:-1])
    assert order == ["ann0", "bob0", "ann1", "bob1", "ann2"]
    assert places == [1, 3, 5, 2, 4]  # as was predicted


def test_shorter_kinds_go_first(queue):
    running(queue, "first", gate := Shut(), "wait", "ann")
    order, _ = order_of_work(queue, gate, [(cost, cost, "bob") for cost in ("job", "wait", "live")])
    assert order == ["live", "wait", "job"]


def test_a_full_queue_refuses_in_words_and_takes_again_later(queue, monkeypatch):
    monkeypatch.setattr(module, "LONGEST", 3)
    gate = Shut()
    running(queue, "0", gate, "wait", "ann")
    jobs = [queue.submit(str(n), give(n), "wait", "ann") for n in (1, 2)]
    with pytest.raises(TooBusy, match="try again"):
        queue.submit("3", give(3), "wait", "bob")
    assert queue.submit("2", give(2), "wait", "bob") is jobs[1]  # joining takes no room
    jobs[0].leave("ann")
    assert queue.submit("3", give(3), "wait", "bob") is not None
    gate.go.set()
    assert jobs[1].value() == 2


def test_progress_is_seen_and_time_left_is_guessed(queue):
    gate = Gate(words="looking")
    job = running(queue, "a", gate, "wait", "ann")
    while job.done < 0.5:
        job.wait(0.005)
    assert (job.done, job.words, queue.place(job)) == (0.5, "looking", 0)
    assert job.seconds_left() >= 0
    gate.go.set()
    ended(job)


@pytest.mark.parametrize(
    ("ago", "done", "left"),
    [
        (10.0, 0.5, 10.0),
        (10.0, 0.8, 2.5),
        (10.0, 0.02, 490.0),
        (10.0, 0.019, None),
        (None, 0.5, None),
    ],
)
def test_time_left_is_the_time_so_far_for_the_share_that_is_left(ago, done, left, monkeypatch):
    monkeypatch.setattr(job_module, "monotonic", lambda: 1000.0)
    job = Job("a", give(1), "wait", {"ann"}, 0, done=done)
    job.started = None if ago is None else 1000.0 - ago
    assert job.seconds_left() == (left if left is None else pytest.approx(left))


def test_what_is_told_of_a_past_job_is_who_asked_and_how_long_it_took(queue, monkeypatch):
    gate = Gate()
    job = running(queue, "a", gate, "wait", "ann", "Map: cat", "Map")
    queue.submit("a", gate, "wait", "bob")
    job.leave("ann")
    queue.submit("b", Gate(), "wait", "eve").leave("eve")
    monkeypatch.setattr(job_module, "monotonic", lambda: job.started + 2.5)
    gate.go.set()
    ended(job)
    ended(queue.submit("next", give(3), "live", "ann"))
    first, second = queue.past()
    assert (first.name, first.title, first.public) == ("a", "Map: cat", "Map")
    assert first.asked == {"ann", "bob"}  # also who has left
    assert (first.end, first.seconds) == ("done", 2.5)
    assert (second.name, second.end, second.why) == ("b", "stopped", "at 0%")
    assert (second.asked, second.seconds) == ({"eve"}, 0.0)


def test_a_job_of_no_lane_can_be_left():
    job = Job("a", give(1), "wait", {"ann", "bob"}, 0)
    job.leave("ann")
    assert not job.cancelled
    job.leave("bob")
    assert job.cancelled
    assert job.finished


def test_a_partial_result_stays_until_the_next_one(queue):
    snapshots = []

    def work(progress):
        for report in ((0.1, "one", {"view": 1}), (0.2,), (0.3, "three", {"view": 3})):
            progress(*report)
            snapshots.append((queue.find("a").partial, queue.find("a").words))

    ended(queue.submit("a", work, "wait", "ann"))
    assert snapshots == [({"view": 1}, "one"), ({"view": 1}, "one"), ({"view": 3}, "three")]


@pytest.mark.parametrize("cost", ["live", "wait", "job"])
def test_a_lane_that_closes_cancels_what_runs_and_what_waits_and_is_over(queue, cost):
    gate, later = Gate(), Gate()
    first = running(queue, "a", gate, cost, "ann")
    waiting = queue.submit("b", later, "job", "bob")
    queue.close(3)
    assert not queue._thread.is_alive()
    for job in (first, waiting):
        with pytest.raises(Cancelled):
            ended(job).value()
    assert later.calls == 0


def test_an_idle_lane_closes_at_once_and_never_keeps_the_process():
    queue = Lane("cpu")
    assert queue._thread.daemon
    ended(queue.submit("a", give(1), "live", "ann"))
    idle(queue)
    queue.close(3)
    assert not queue._thread.is_alive()


def idle(queue):
    until = time.monotonic() + SOON
    while not queue.changed._waiters and time.monotonic() < until:
        time.sleep(0.005)
    assert queue.changed._waiters


def test_a_lane_that_rests_gives_its_memory_back_once(monkeypatch):
    given_back, caches = [], []
    monkeypatch.setattr(module, "RESTS", 0.02)
    monkeypatch.setattr(module, "release", lambda: given_back.append(1))
    monkeypatch.setattr(module, "release_cache", caches.append)
    queue = Lane("cuda:1")
    try:
        for count in (1, 2):  # before its first question, and again after that
            until = time.monotonic() + SOON
            while len(given_back) < count and time.monotonic() < until:
                time.sleep(0.005)
            time.sleep(0.1)
            assert len(given_back) == count
            assert queue.submit(f"{count}", give(1), "wait", "ann").wait(SOON)
        assert caches[:2] == [torch.device("cuda", 1)] * 2
    finally:
        queue.close(3)


def test_each_device_has_one_lane_and_all_close_with_the_process(monkeypatch):
    monkeypatch.setattr(devices, "_lanes", {})
    first, other = devices.lane("cpu"), devices.lane("cuda:1")
    assert devices.lane("cpu") is first
    assert devices.lanes() == (first, other)
    assert (first.device, other.device) == ("cpu", "cuda:1")
    idle(first)
    devices.close_lanes()
    assert not any(lane._thread.is_alive() for lane in (first, other))


def test_a_lane_knows_its_own_thread_and_is_woken_by_the_next_question(queue):
    assert not queue.inside
    assert queue.submit("a", lambda _progress: queue.inside, "wait", "ann").value() is True
    idle(queue)
    assert queue.submit("a", give(1), "wait", "ann").wait(SOON)


def test_the_queue_s_order_is_kind_then_who_was_served_longest_ago_then_who_came():
    """Of all who want a job the one served longest ago counts; never is longer ago than ever."""
    key = module.turn({"ann": 5, "zoe": 1, HOUSE: 0})

    def of(cost, order, *visitors):
        return key(Job("a", give(1), cost, set(visitors), order))

    assert of("wait", 9, "ann") == (1, False, 5, 9)
    assert of("live", 9, "ann", "zoe") == (0, False, 1, 9)
    assert of("wait", 9, "new", "zoe") == (1, False, -1, 9)
    assert of("job", 9, "ann", HOUSE) == (2, False, 5, 9)
    assert of("job", 9, HOUSE) == (2, False, -1, 9)
    assert of("wait", 9, "new") < of("wait", 3, "zoe") < of("wait", 2, "ann") < of("job", 1, "new")


def test_a_visitor_who_was_never_served_goes_before_one_who_was(queue):
    running(queue, "first", gate := Gate(), "wait", "zoe")
    names = [("zoe again", "wait", "zoe"), ("ann", "wait", "ann")]
    assert order_of_work(queue, gate, names) == (["ann", "zoe again"], [2, 1])


@pytest.mark.parametrize(
    ("device", "numbers"), [("cpu", []), ("mps", []), ("cuda", [0]), ("cuda:1", [1])]
)
def test_the_random_numbers_of_the_lane_s_own_gpu_are_left_alone(device, numbers, monkeypatch):
    forked = []

    @contextmanager
    def fork(devices):
        forked.append(devices)
        yield

    monkeypatch.setattr(torch.random, "fork_rng", fork)
    with module.undisturbed(device):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
    assert forked == [numbers]


def test_of_the_visitors_remembered_who_was_served_longest_ago_goes_first(queue, monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 3)
    for number, visitor in enumerate(("ann", "bob", "cat", "ann", "dan", "eve")):
        ended(queue.submit(f"{number}", give(0), "live", visitor))
    assert list(queue._served) == ["ann", "dan", "eve"]


def test_joining_and_leaving_from_many_threads_keeps_the_lane_alive(queue):
    def visit(name):
        for turn in range(60):
            job = queue.submit(f"{turn % 3}", give(turn % 3), "live", name)
            if turn % 2:
                job.leave(name)

    tiny.at_once(*(partial(visit, f"v{n}") for n in range(6)))
    assert queue.submit("end", give("alive"), "live", "ann").value() == "alive"
    assert queue._jobs == {}


def order_of(queue, jobs):
    """The names of waiting jobs in the order in which they go."""
    return [job.name for job in sorted(jobs, key=queue.place)]


@pytest.fixture
def busy(queue):
    """A lane in which something runs until the test is over."""
    gate = Gate()
    running(queue, "running", gate, "wait", "somebody")
    yield queue
    gate.go.set()


@pytest.mark.parametrize(
    ("cost", "back", "expected"),
    [
        ("wait", ["left"], ["open", "left"]),
        ("wait", [], ["left", "open"]),
        ("wait", ["left", "open"], ["left", "open"]),  # alike again
        ("live", ["left"], ["open", "left"]),
        ("job", ["left"], ["left", "open"]),  # a training goes on where it stands
    ],
)
def test_what_its_visitor_looks_at_no_more_goes_behind_others_of_its_kind(
    busy, cost, back, expected
):
    jobs = [busy.submit(name, give(name), cost, "ann") for name in ("left", "open")]
    for job in jobs:
        if job.name in back:
            job.step_back("ann")
    assert order_of(busy, jobs) == expected


def test_it_comes_forward_again_when_it_is_asked_again(busy):
    jobs = [busy.submit(name, give(name), "wait", "ann") for name in ("left", "open")]
    jobs[0].step_back("ann")
    assert busy.submit("left", give(0), "wait", "ann") is jobs[0]
    assert order_of(busy, jobs) == ["left", "open"]


def test_it_keeps_its_place_as_long_as_another_visitor_looks_at_it(busy):
    shared = busy.submit("shared", give(1), "wait", "ann")
    busy.submit("shared", give(1), "wait", "bob")
    later = busy.submit("later", give(2), "wait", "ann")
    shared.step_back("ann")
    assert order_of(busy, [shared, later]) == ["shared", "later"]
    shared.step_back("bob")
    assert order_of(busy, [shared, later]) == ["later", "shared"]
    shared.step_back("eve")  # who never asked
    shared.leave("bob")
    assert not shared.cancelled
