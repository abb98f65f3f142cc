"""How threads wait and freed blocks are kept is settled before torch is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from engine import process
from engine.process import SPINS, hold_blocks, prepare

MIB = 2**20


def test_importing_the_engine_settles_it_and_does_not_load_torch():
    script = "import sys, os, engine; print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"
    env = {k: v for k, v in os.environ.items() if k != "GOMP_SPINCOUNT"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [SPINS, "False"]


def test_a_choice_made_outside_is_kept():
    script = "import os, engine; print(os.environ['GOMP_SPINCOUNT'])"
    env = os.environ | {"GOMP_SPINCOUNT": "7"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["7"]


@pytest.fixture
def platform(monkeypatch):
    """A platform whose C library takes every option but the `refused` ones."""
    there = SimpleNamespace(libc=("glibc", "2.36"), refused=(), options=[])

    def mallopt(option, value):
        there.options.append((option, value))
        return int(option not in there.refused)

    monkeypatch.setattr(process.platform, "libc_ver", lambda: there.libc)
    monkeypatch.setattr(process.ctypes, "CDLL", lambda _name: SimpleNamespace(mallopt=mallopt))
    return there


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
