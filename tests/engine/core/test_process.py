"""How threads wait and freed blocks are kept is settled before torch is loaded."""

import os
import platform as platform_
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from engine.core import process
from engine.core.process import SPINS, hold_blocks, prepare

MIB = 2**20


def printed(script, **options):
    program = [sys.executable, "-c", script]
    return subprocess.run(program, capture_output=True, text=True, check=True, **options).stdout


@pytest.mark.parametrize(("outside", "spins"), [({}, SPINS), ({"GOMP_SPINCOUNT": "7"}, "7")])
def test_importing_the_engine_settles_it_unless_it_was_set_and_does_not_load_torch(outside, spins):
    script = "import sys, os, engine; print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"
    env = {k: v for k, v in os.environ.items() if k != "GOMP_SPINCOUNT"} | outside
    assert printed(script, env=env).split() == [spins, "False"]


@pytest.fixture
def platform(monkeypatch):
    """A platform whose C library takes every option but the `refused` ones."""
    machine = SimpleNamespace(libc=("glibc", "2.36"), refused=(), options=[])

    def mallopt(option, value):
        machine.options.append((option, value))
        return int(option not in machine.refused)

    monkeypatch.setattr(process.platform, "libc_ver", lambda: machine.libc)
    monkeypatch.setattr(process.ctypes, "CDLL", lambda _name: SimpleNamespace(mallopt=mallopt))
    return machine


def test_both_are_settled_at_once(platform, monkeypatch):
    monkeypatch.setenv("GOMP_SPINCOUNT", "")  # is put back afterwards
    del os.environ["GOMP_SPINCOUNT"]
    prepare()
    assert os.environ["GOMP_SPINCOUNT"] == "1000"
    assert dict(platform.options) == {-3: 256 * MIB, -1: 512 * MIB, -8: 1}  # as malloc.h has them


@pytest.mark.parametrize(("refused", "held"), [((), True), ((-3,), False), ((-8,), False)])
def test_blocks_are_held_when_every_option_is_taken(platform, refused, held):
    platform.refused = refused
    assert hold_blocks(MIB, 2 * MIB) is held


def test_no_other_c_library_than_glibc_is_asked(platform):
    platform.libc = ("", "")
    assert hold_blocks(MIB, MIB) is False
    assert platform.options == []


def missing(_name):
    raise OSError("no library")


@pytest.mark.parametrize("library", [missing, lambda _name: SimpleNamespace()])
def test_a_library_without_the_options_leaves_memory_as_it_is(platform, library, monkeypatch):
    monkeypatch.setattr(process.ctypes, "CDLL", library)
    assert hold_blocks(MIB, MIB) is False
    process.release()  # it raises nothing


@pytest.mark.skipif(platform_.libc_ver()[0] != "glibc", reason="only glibc keeps blocks as we ask")
def test_memory_that_was_kept_for_reuse_is_given_back():
    script = (
        "from engine.core.process import prepare, release; prepare()\n"
        "def resident(): return int(open('/proc/self/statm').read().split()[1]) * 4096\n"
        "blocks = [bytearray(2**20) for _ in range(200)]; end = bytearray(2**20)\n"
        "del blocks; before = resident(); release(); print(before - resident())"
    )
    assert int(printed(script)) > 150 * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has a priority of its own on Linux")
def test_only_the_thread_that_steps_back_goes_last():
    results = []

    def last():
        process.step_back()
        results.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    thread = threading.Thread(target=last)
    thread.start()
    thread.join()
    assert results == [19]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
