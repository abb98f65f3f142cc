"""A part of `make hostile`, and that it notices what is wrong: mutants of other projects' files."""

import gzip
import hashlib
import os
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.soak import report
from benchmarks.soak.report import Row
from engine.core.errors import BadImage
from tests import scans
from tests.hostile import __main__ as entry
from tests.hostile import corpus, doors, files, mutations, trials
from tests.hostile.corpus import INSTALLED
from tests.hostile.doors import sentence_fault
from tests.hostile.files import FileTrials
from tests.hostile.pictures import saved
from tests.hostile.trials import TrialKind, TrialOutcome, summary, wrong_in

FEWEST = 100  # files of the list that are installed; versions other than the listed ones have fewer
PART = 200
SPREAD = 47  # between the numbers of the mutants that are tried here


@pytest.fixture(scope="module")
def installed():
    return FileTrials([INSTALLED])


def test_mutants_of_other_projects_files_are_read_or_refused_in_a_sentence(installed):
    mutants = installed.names(PART * SPREAD)[len(installed.files) :: SPREAD]
    assert len(installed.files) >= FEWEST
    assert len(mutants) == PART
    assert wrong_in(installed, mutants) == {}


def test_the_list_names_hashes_versions_and_licenses_and_holds_the_file_that_was_missed():
    packages = corpus.packages()
    assert {package.source for package in packages} == {"installed", "sdist", "wheel"}
    for package in packages:
        assert package.license
        assert (package.digest == "-") == (package.source == INSTALLED)
        assert all(len(digest) == 64 for digest in package.files.values())
    pillow = next(package for package in packages if package.name == "pillow")
    assert "Tests/images/seek_too_large.tif" in pillow.files


def test_a_file_with_another_hash_and_a_package_that_is_not_there_are_left_out(monkeypatch):
    good, other = b"good", b"other"
    hashes = {"a": hashlib.sha256(good).hexdigest(), "b": hashlib.sha256(good).hexdigest()}
    package = corpus.PackageOfFiles("p", "1", INSTALLED, "-", "MIT", hashes)
    gone = corpus.PackageOfFiles("no-such-package-here", "1", INSTALLED, "-", "MIT", {"a": "0"})
    monkeypatch.setattr(corpus, "packages", lambda: [package, gone])
    real = corpus.installed
    files = {"p": [("a", good), ("b", other), ("c", good)]}
    monkeypatch.setattr(corpus, "installed", lambda name: files.get(name) or real(name))
    assert corpus.corpus([INSTALLED]) == {"p/a": good}


def test_without_a_network_it_says_what_is_missing(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(corpus, "CACHE", tmp_path)
    monkeypatch.setattr(
        corpus.subprocess, "run", lambda *a, **k: SimpleNamespace(returncode=1, stdout="")
    )
    assert entry.main(["files", "--child", "--folder", str(tmp_path)]) == entry.NO_FILES
    assert "pillow 13.0.0 cannot be downloaded here" in capsys.readouterr().out
    ended = SimpleNamespace(poll=lambda: entry.NO_FILES, returncode=entry.NO_FILES)
    monkeypatch.setattr(entry.subprocess, "Popen", lambda *a, **k: ended)
    assert entry.main(["files", "--folder", str(tmp_path)]) == entry.NO_FILES


DEFLATED = saved("TIFF", compression="tiff_adobe_deflate")
VOLUME = scans.nifti(np.arange(336, dtype=np.int16).reshape(6, 7, 8))
OF_FORMAT = {
    mutations.parts: [saved("PNG"), saved("JPEG")],
    mutations.sizes: [saved("PNG"), saved("JPEG")],
    mutations.tiff_tags: [saved("TIFF"), DEFLATED],
    mutations.dicom_elements: [scans.dicom(scans.ramp())],
    mutations.nifti_fields: [VOLUME, gzip.compress(VOLUME)],
    mutations.inflated: [saved("PNG"), gzip.compress(VOLUME), DEFLATED],
}
EVERY = [data for files in OF_FORMAT.values() for data in files]


@pytest.mark.parametrize(
    "change", [*mutations.ANY, *mutations.FORMAT], ids=lambda mutation: mutation.__name__
)
def test_each_mutation_changes_the_files_of_its_format_the_same_way_each_time(change, monkeypatch):
    monkeypatch.setattr(mutations, "INFLATED", (1000, 2000))
    for data in EVERY:
        mutants = [change(data, EVERY[0], np.random.default_rng(seed)) for seed in (3, 3, 4, 5, 6)]
        assert mutants[0] == mutants[1]
        if data in OF_FORMAT.get(change, EVERY):
            assert any(mutant != data for mutant in mutants)
        else:
            assert mutants == [None] * 5


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("“a.png” is bad", "no sentence"),
        ("“a.png” is\nbad.", "no sentence"),
        ("“a.png” made a KeyError here.", "not for a person"),
        ("“a.png” has b'\\x00'.", "not for a person"),
        ("“a.png” has 12 " + "very " * 99, "no sent"),
        ("“a.png” is of Doe^Jane^1950.", "repeats the file"),
        ("“a.png” is damaged.", ""),
    ],
)
def test_a_refusal_that_is_no_sentence_for_a_person_is_noticed(said, what):
    fault = sentence_fault(said, b"\0\0of Doe^Jane^1950 \0", "a.png")
    assert fault.startswith(what)
    assert bool(fault) == bool(what)


def test_what_a_door_lets_through_is_noticed(installed, monkeypatch):
    name = next(iter(installed.files))
    real = doors.load

    def broken(data, name):
        if "good" in name or "base" in name:
            return real(data, name)
        raise OverflowError("too large")

    monkeypatch.setattr(doors, "load", broken)
    assert "OverflowError" in wrong_in(installed, [name])[name].wrong


def test_a_good_file_that_is_another_one_afterwards_is_noticed(installed, monkeypatch):
    digests = iter("abcdefgh")
    monkeypatch.setattr(doors.GoodFiles, "digest", lambda self, name: next(digests))
    name = next(iter(installed.files))
    assert "is another one" in wrong_in(installed, [name])[name].wrong


def test_a_refusal_of_the_next_good_file_is_noticed(installed, monkeypatch):
    name, digests = next(iter(installed.files)), iter("abcd")

    def refuses(self, file):
        if digest := next(digests, ""):
            return digest
        raise BadImage("It is too late.")

    monkeypatch.setattr(doors.GoodFiles, "digest", refuses)
    assert "too late" in wrong_in(installed, [name])[name].wrong


class OddTrials(TrialKind):
    """Trials that end well, raise, end their process, or never end."""

    title, count, longest = "Odd", 5, 1.0

    def names(self, count):
        return ["good", "raises", "ends", "endless", "last"][:count]

    @contextmanager
    def running(self):
        yield self.attempt

    def attempt(self, name):
        if name == "raises":
            raise KeyError(name)
        if name == "ends":
            os._exit(9)
        if name == "endless":
            time.sleep(100)
        return TrialOutcome("read", seconds=1.0, mb=5.0)


class Forked:
    """A child of the runner, without the seconds in which a new process imports everything."""

    def __init__(self, command, cwd, start_new_session):
        folder, count = Path(command[-1]), int(command[command.index("--count") + 1])
        self.returncode = None
        self.pid = os.fork()
        if not self.pid:
            os.setsid()
            entry.child(command[3], count, entry.TrialLog(folder / f"{command[3]}.jsonl"))
            os._exit(0)

    def poll(self):
        pid, status = os.waitpid(self.pid, os.WNOHANG) if self.returncode is None else (0, 0)
        if pid:
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self):
        while self.poll() is None:
            time.sleep(0.01)


def test_a_trial_that_ends_its_process_or_never_ends_is_wrong_and_the_rest_goes_on(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(entry, "kind_of_trial", lambda name: OddTrials())
    monkeypatch.setattr(entry.subprocess, "Popen", Forked)
    monkeypatch.setattr(entry, "POLL", 0.05)
    outcomes = entry.supervise("odd", 5, tmp_path)
    came = {"good": "read", "raises": "crash", "ends": "end", "endless": "late", "last": "read"}
    assert {name: outcome.came for name, outcome in outcomes.items()} == came
    assert outcomes["raises"].wrong.startswith("KeyError at test_hostile_trials.py:")
    row = OddTrials().rows(outcomes)[0]
    assert row.holds is False
    counts = "5: 2 read, 1 crash, 1 end, 1 late"
    assert row.found.startswith(f"{counts}; worst 1.00 s of computing (good)")

    lines = (tmp_path / "odd.jsonl").read_text()
    assert entry.supervise("odd", 5, tmp_path) == outcomes  # goes on where the first one ended
    assert (tmp_path / "odd.jsonl").read_text() == lines


def test_figures_have_a_section_of_their_own_that_the_next_run_replaces(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    monkeypatch.setattr(report, "RELIABILITY", page)
    page.write_text("# Words\n\nWhy.\n\n## Figures, old\n\n| old |\n\n## Later\n\nkept\n")
    for what in ("first", "second"):
        report.write([Row(what, "1")], f"{entry.MARK}files")
        report.write([Row(f"own {what}", "2")], f"{entry.MARK}own-files")
    report.write([Row("soak", "3")])
    text = page.read_text()
    words = ["Why.", "| soak |", "kept", "| second |", "| own second |"]
    assert sorted(words, key=text.index) == words
    assert text.count(entry.MARK) == 2
    assert "old" not in text
    assert "first" not in text


def test_a_summary_is_short_and_keeps_to_its_row():
    wrong = {f"{at}": TrialOutcome("crash", "x | y" * 99) for at in range(50)}
    row = summary("Title", wrong | {"good": TrialOutcome("read")})
    assert len(row.found) < 4000
    assert "|" not in row.found
    assert summary("Title", {"good": TrialOutcome("read")}).holds is True
    assert trials.attempted(TrialOutcome, "x").came == "x"
    assert files.is_image("a.png", saved("PNG"))
