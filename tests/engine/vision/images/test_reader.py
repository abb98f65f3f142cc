"""The reader process: what it does to a file it does not do to the app."""

import io
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import BadImage
from engine.core.keeping.budget import BUDGET, VISITOR_BYTES, visited_by
from engine.vision.images import read, reader, reader_process, wire
from tests.scans import nifti

STATUS = Path("/proc/self/status")
START = b"\x89PNG\r\n\x1a\n"  # by which it is taken for a picture


@pytest.fixture
def bad_reader(monkeypatch):
    monkeypatch.setattr(reader, "PROGRAM", "tests.bad_reader")
    reader.end_all()
    yield
    reader.end_all()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (b"c", "makes its decoder fail"),
        (b"s", "takes more than 10 seconds to decode"),
        (b"k", "could not be decoded: the system ended the decoder, most often because memory"),
        (b"e", "makes its decoder fail"),
        (b"m", "needs more memory than one file may"),
        (b"p", "is damaged"),
    ],
    ids=["crash", "spin", "killed", "exit", "memory", "print"],
)
def test_a_decoder_that_goes_wrong_is_one_sentence_and_the_next_file_is_read(
    bad_reader, fault, says
):
    with pytest.raises(BadImage) as caught:
        read(START + fault, "a.png")
    assert str(caught.value).startswith(f"“a.png” {says}")
    assert read(START + b"w", "b.png").notes == ("well",)


def test_a_reader_that_only_waits_is_ended_and_nothing_else_is_said(bad_reader, monkeypatch):
    read(START + b"w")
    monkeypatch.setattr(reader, "WALL_SECONDS", 0.5)
    with pytest.raises(BadImage, match=r"not decoded within 0\.5 seconds: try again"):
        read(START + b"l", "a.png")


def test_a_reader_that_is_ended_here_was_not_ended_by_the_system(bad_reader):
    read(START + b"w")
    stuck = reader.Reader()
    words = {"ask": "picture", "kind": "png", "called": "a.png"}
    wire.send(stuck.process.stdin, words, [np.frombuffer(b"l", np.uint8)])
    assert "makes its decoder fail" in reader.ended(stuck.end(), reader.SMALLER, late=stuck.late)


def test_a_reader_that_was_ended_while_it_waited_is_replaced(bad_reader):
    read(START + b"w")
    (waiting,) = reader._idle
    waiting.process.kill()
    waiting.process.wait()
    assert read(START + b"w").size == (2, 1)
    assert reader._idle[0] is not waiting


def test_many_files_at_once_are_each_answered_and_one_reader_stays(bad_reader):
    with ThreadPoolExecutor(12) as pool:
        sizes = list(pool.map(lambda _: read(START + b"w").size, range(12)))
    assert sizes == [(2, 1)] * 12
    assert len(reader._idle) == 1


def test_a_fork_does_not_use_its_parents_reader(bad_reader):
    read(START + b"w")
    pid = os.fork()
    if not pid:
        os._exit(len(reader._idle))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert len(reader._idle) == 1


@pytest.mark.skipif(not STATUS.exists(), reason="this system does not say how much is used")
def test_a_reader_has_so_much_memory_and_time_beyond_what_it_uses(monkeypatch):
    import resource

    limits = {}
    monkeypatch.setattr(resource, "setrlimit", limits.__setitem__)
    reader_process.limit_memory()
    monkeypatch.setattr(resource, "getrusage", lambda _: (1.4, 2.5, 90))
    reader_process.limit_time()
    used = int(re.search(r"VmSize:\s+(\d+) kB", STATUS.read_text())[1]) * 1024
    room = pytest.approx(used + reader_process.MEMORY, abs=5e7)
    seconds = 3 + reader_process.CPU_SECONDS + 1
    for kind, soft in ((resource.RLIMIT_AS, room), (resource.RLIMIT_CPU, seconds)):
        assert limits[kind] == (soft, resource.getrlimit(kind)[1])


def test_a_reader_that_cannot_start_is_said(monkeypatch):
    reader.end_all()
    monkeypatch.setattr(reader.sys, "executable", "/nowhere/python")
    with pytest.raises(BadImage, match="no reader starts here"):
        read(START)


@pytest.mark.parametrize("fails", [False, True])
def test_what_a_file_will_become_is_booked_while_it_is_decoded_and_given_back(monkeypatch, fails):
    """Its arrays are booked in place of it; nothing is, where it cannot be read after all."""

    def ask(called, words, arrays, advice, sink):
        taken.append((words["room"], BUDGET.passing, BUDGET.booked["ann"]))
        if len(taken) == 1:
            return {"needs": 70_000_000, "keeps": 5000}, []
        if fails:
            raise BadImage("It is damaged.")
        return {"size": 1}, [np.zeros(3000, np.uint8), np.zeros(40, np.uint16)]

    taken = []
    monkeypatch.setattr(reader, "ask_any_reader", ask)
    request = ("a.png", {"ask": "picture"}, [np.zeros(8, np.uint8), np.zeros(9, np.uint8)])
    with visited_by("ann"):
        if fails:
            with pytest.raises(BadImage, match="It is damaged"):
                reader.send_request(*request)
        else:
            answer, received = reader.send_request(*request)
            assert (answer, len(received)) == ({"size": 1}, 2)
            assert BUDGET.booked["ann"] == 3080
            del received
    assert taken == [(reader.SMALL + 17,) * 2 + (0,), (70_000_000, 70_000_000, 5000)]
    assert BUDGET.booked["ann"] == BUDGET.passing == 0


def test_a_file_for_which_there_is_no_memory_is_no_image(monkeypatch):
    needy = {"needs": 1, "keeps": VISITOR_BYTES + 1}, []
    monkeypatch.setattr(reader, "ask_any_reader", lambda *_: needy)
    with visited_by("ann"), pytest.raises(BadImage, match=r"a\.png takes 560 MB of memory"):
        reader.send_request("a.png", {"ask": "picture"})
    assert BUDGET.booked["ann"] == 0


PROGRAM = """
import sys
from engine.vision.images import load
load(open(sys.argv[1], "rb").read(), "a.nii").picture()
assert not {"nibabel", "pydicom"} & sys.modules.keys()
"""


def test_reading_a_scan_imports_no_decoder_into_the_app(tmp_path):
    path = tmp_path / "a.nii"
    path.write_bytes(nifti(np.zeros((6, 7, 8), np.int16)))
    subprocess.run([sys.executable, "-c", PROGRAM, str(path)], cwd=reader.ROOT, check=True)


@pytest.mark.parametrize("kind", ["u1", "<i2", ">f8", "<c16", "?", [("R", "u1"), ("G", "u1")]])
def test_arrays_of_every_kind_come_out_as_they_went_in(kind):
    sent = np.zeros((2, 3), kind)
    sent.reshape(-1).view(np.uint8)[::3] = 1
    pipe = io.BytesIO()
    wire.send(pipe, {"word": "ö"}, [sent, sent[:, ::2], np.zeros((0, 3), np.uint8)])
    pipe.seek(0)
    words, (whole, part, none) = wire.receive(pipe)
    assert words == {"word": "ö"}
    assert whole.dtype == sent.dtype
    assert whole.tobytes() == sent.tobytes()
    assert part.tobytes() == sent[:, ::2].tobytes()
    assert none.shape == (0, 3)


def test_a_message_that_comes_in_pieces_is_put_together():
    class Slow(io.BytesIO):
        def readinto(self, room):
            return super().readinto(room[:3])

    pipe = io.BytesIO()
    wire.send(pipe, {"word": "ö"}, [np.arange(7, dtype=np.int16)])
    words, (array,) = wire.receive(Slow(pipe.getvalue()))
    assert words == {"word": "ö"}
    assert array.tolist() == list(range(7))


@pytest.mark.parametrize(
    "kinds", [[["|O", [1]]], [["<f8", [-1, -8]]], [["<f8", [2**40]]], [["|u1", [9]]], [["x", [1]]]]
)
def test_an_announced_array_that_cannot_be_is_no_message(kinds):
    header = json.dumps([{}, kinds]).encode()
    pipe = io.BytesIO(len(header).to_bytes(4, "little") + header + b"12345678")
    with pytest.raises((ValueError, EOFError)):
        wire.receive(pipe)
