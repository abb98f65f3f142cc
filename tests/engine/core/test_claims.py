"""A question is held by one process at a time, and given back when that one dies."""

import fcntl
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest

from engine.core.errors import Cancelled
from engine.core.keeping import claims
from engine.core.keeping.claims import LETTERS, claimed

HOLD = """
import sys, time
from pathlib import Path
from engine.core.keeping.claims import claimed
with claimed(Path(sys.argv[1]), "abcdef") as ours:
    print(ours, flush=True)
    time.sleep(60)
"""


@contextmanager
def locked_elsewhere(path):
    """The lock of a claim, as if another process had it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_another_process_does_not_get_it_until_the_first_one_is_killed(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"True\n"
        with claimed(tmp_path, "abcdef", wait=False) as ours:
            assert not ours
        with claimed(tmp_path, "abddef", wait=False) as ours:  # another question
            assert ours
        other.send_signal(signal.SIGKILL)
        with claimed(tmp_path, "abcdef") as ours:  # it waits
            assert ours
        assert other.wait() == -signal.SIGKILL
    finally:
        other.kill()
        other.wait()
    assert {len(path.name) for path in tmp_path.iterdir()} == {LETTERS}


def test_a_thread_that_holds_one_waits_for_no_other(tmp_path):
    with claimed(tmp_path, "abcdef") as outer:
        with claimed(tmp_path, "abcdef", wait=False) as inner:
            assert not inner
        with claimed(tmp_path, "abcdef") as inner:
            assert (outer, inner) == (True, True)
        with claimed(tmp_path, "abcdef", wait=False) as inner:
            assert not inner  # the outer one holds it still
    with claimed(tmp_path, "abcdef", wait=False) as again:
        assert again


def test_who_waits_for_long_says_so_once(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(claims, "PATIENT_SECONDS", 0.0)
    slept = []
    with ExitStack() as exit_stack:
        exit_stack.enter_context(locked_elsewhere(tmp_path / "abc"))

        def sleep(seconds):
            slept.append(seconds)
            if len(slept) == 3:
                exit_stack.close()

        monkeypatch.setattr(claims, "sleep", sleep)
        with claimed(tmp_path, "abcdef") as ours:
            assert ours
    assert len(slept) == 3
    assert [record.message for record in caplog.records if "waiting for it" in record.message] == [
        "another process has been computing this for a while: waiting for it"
    ]


def test_a_disk_that_cannot_hold_a_claim_keeps_nobody_from_computing(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    with claimed(tmp_path / "file", "abcdef") as ours:
        assert ours
    monkeypatch.setattr(claims, "fcntl", None)
    with claimed(tmp_path, "abcdef"), claimed(tmp_path, "abcdef") as ours:
        assert ours


def test_who_waits_can_be_called_off(tmp_path):
    def off():
        raise Cancelled("Cancelled.")

    with (
        locked_elsewhere(tmp_path / "abc"),
        pytest.raises(Cancelled),
        claimed(tmp_path, "abcdef", beat=off),
    ):
        raise AssertionError("both have it")
