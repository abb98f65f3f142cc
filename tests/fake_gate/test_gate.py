"""No method's proof is content with random answers, so that each proves something of its method."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.commands.families import METHODS
from tests.fake_gate.fakes import FAKES
from tests.measured import ROOT

SLOW = {"hallucination.RefusalAudit", "unlearning.GeneratorSalUn"}
"""With random answers too their proofs take more than 8 seconds of processor time, so only
`make test-slow` checks that they turn red. With the true answers they run in `make test-all`. Every
other method, a new one too, is checked in `make test-all`."""


class Rows:
    """What `python -m tests.fake_gate` prints, read as far as somebody wants to know."""

    def __init__(self, *options, log):
        plain = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
        self.log = log
        command = [sys.executable, "-m", "tests.fake_gate", *options]
        more = {"cwd": ROOT, "env": plain | {"OMP_NUM_THREADS": "1"}, "stderr": log.open("w")}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **more)
        self.known = {}

    def of(self, name):
        while name not in self.known:
            line = self.process.stdout.readline()
            assert line, f"the gate says nothing of {name}:\n{self.log.read_text()[-2000:]}"
            row = json.loads(line)
            self.known[row["method"]] = row
        return self.known[name]

    def end(self):
        self.process.kill()  # its forks end with their pipe, or at their limit
        self.process.wait()


@pytest.fixture(scope="module")
def rows(request, tmp_path_factory):
    """The rows of those methods that are asked for in this run."""
    tests = [test for test in request.session.items if test.path == Path(__file__)]
    asking = [test for test in tests if "rows" in getattr(test, "fixturenames", ())]
    names = [test.callspec.params["name"] for test in asking]
    result = Rows(*names, log=tmp_path_factory.mktemp("gate") / "log")
    yield result
    result.end()


def assert_red(row):
    random = row["random"]
    assert not random["broken"], random
    assert random["uses"], f"it never calls the method: {random}"
    assert random["failed"], "it is green although the answers are random"


def named(kind):
    name = kind.full_name()
    return pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])


@pytest.mark.parametrize("name", [named(kind) for kind in METHODS])
def test_the_proof_is_red_when_the_answers_are_random(name, rows):
    row = rows.of(name)
    assert row["tests"], f"there is no test {row['proof']}"
    assert not row["slow"], "its proof is marked slow: make test-all would not run it at all"
    assert_red(row)


def test_every_slow_one_is_a_method():
    assert {kind.full_name() for kind in METHODS} >= SLOW


@pytest.mark.slow
def test_all_proofs_are_green_as_they_are_and_slow_ones_are_red_too(tmp_path, measure):
    result = Rows("--all", *[f"--fake={name}" for name in FAKES], log=tmp_path / "log")
    try:
        all_rows = [result.of(kind.full_name()) for kind in METHODS]
    finally:
        result.end()
    for row in all_rows:
        plain = row["as it is"]
        assert plain["passed"], row
        assert not plain["failed"] + plain["broken"], row
        assert_red(row)
    for name in FAKES:
        red = sum(bool(row[name]["failed"]) for row in all_rows)
        measure(f"Named proofs that are red when answers are {name}", f"{red} of {len(all_rows)}")
