"""The reader: a process of its own that decodes foreign files, with a limit on time and memory.

Decoders are C code and tables from strangers steer them. A file that makes one crash, spin or ask
for gigabytes ends the reader and not the app: the person gets a sentence, and the next file a new
reader. It was chosen over checks alone since no list of checks is complete, and because it is
cheap once it runs; docs/data-and-models.md has the figures. Cheap checks stay before it, for they
can say what is wrong.

The process is started like any program (never forked: the app has threads), imports the decoders
alone, and waits. It gets a file's bytes and gives words and arrays back, see `wire`.
"""

import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import BoundedSemaphore, Lock, Timer
from typing import Any, BinaryIO, cast

from numpy.typing import NDArray

from engine.core.errors import BadImage
from engine.core.keeping.budget import BUDGET, OverBudget, book
from engine.vision.images.wire import Arrays, Sink, Words, receive, send

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = "engine.vision.images.reader_process"
CPU_SECONDS = 10  # of computing for one file; set by the reader itself
WALL_SECONDS = 90.0  # until it is ended whatever it does, on a machine that is busy
TOO_LONG = getattr(signal, "SIGXCPU", None)  # what the system ends it with after CPU_SECONDS
ENDED = getattr(signal, "SIGKILL", None)  # what it ends a program with when memory runs out
SMALL = 64_000_000  # bytes that a reader may take without asking for them
SMALLER = "save it smaller, or as an 8-bit PNG or JPEG"  # what helps when it takes too much
AT_ONCE = 3  # files that are read at the same time; one reader stays when all are done


class Reader:
    """A reader process that is not at work for anybody else."""

    def __init__(self) -> None:
        self.late = False  # ended after WALL_SECONDS
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", PROGRAM],
            cwd=ROOT,
            env={**os.environ, **threads},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def ask(
        self, words: Mapping[str, Any], arrays: Sequence[NDArray[Any]], sink: Sink | None = None
    ) -> tuple[Words, Arrays]:
        """Its answer. Raises OSError, EOFError or ValueError when it ends instead."""
        late = Timer(WALL_SECONDS, self.end_late)
        late.daemon = True
        late.start()
        try:
            send(cast("BinaryIO", self.process.stdin), words, arrays)
            return receive(cast("BinaryIO", self.process.stdout), sink)
        finally:
            late.cancel()

    def end_late(self) -> None:
        """End it for taking too long."""
        self.late = True
        self.process.kill()

    def end(self) -> int:
        """End it. Its exit code, or minus a signal's number, when it had ended by itself before."""
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                cast("BinaryIO", pipe).close()
            except OSError:  # it still had something to be written
                continue
        try:
            return self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return 0


ONCE = {"nova"}  # loads a library that takes so many addresses that pictures would lack them

_idle: list[Reader] = []
_lock = Lock()
_places = BoundedSemaphore(AT_ONCE)


def send_request(
    called: str,
    words: Mapping[str, Any],
    arrays: Sequence[NDArray[Any]] = (),
    advice: str = SMALLER,
    sink: Sink | None = None,
) -> tuple[Words, Arrays]:
    """What a reader says to a request about a file; its arrays are booked until they are gone.

    A file that takes much memory is named by the reader before it is decoded: then what it will
    become is booked, and what decoding it takes is waited for.

    Args:
        called: the file, in messages.
        words: the request; "ask" names what reads it.
        arrays: the bytes of the file.
        advice: what the person can do when it takes too much time or memory.
        sink: takes each array as it comes, and books it; they are returned if not given.

    Raises:
        BadImage: it cannot be read, or there is no memory for it; why in one sentence.
    """
    room, booking = SMALL + sum(array.nbytes for array in arrays), book(0)
    try:
        while True:
            with BUDGET.decoding(room, called):
                answer, received = ask_any_reader(
                    called, {**words, "room": room}, arrays, advice, sink
                )
            booking.free()
            if "needs" not in answer:
                booking = book(sum(array.nbytes for array in received), called)
                booking.hand_over(received)
                return answer, received
            booking, room = book(answer["keeps"], called), answer["needs"]
    except OverBudget as error:
        raise BadImage(str(error)) from error
    finally:
        booking.free()


def ask_any_reader(
    called: str,
    words: Mapping[str, Any],
    arrays: Sequence[NDArray[Any]],
    advice: str,
    sink: Sink | None,
) -> tuple[Words, Arrays]:
    """As `send_request`, of a reader that is free or begins now."""
    why = ""
    with _places:
        try:
            reader = waiting() or Reader()
        except OSError as error:
            raise BadImage(f"{called} cannot be read: no reader starts here ({error}).") from error
        try:
            request = {**words, "called": called, "advice": advice}
            reply, received = reader.ask(request, arrays, sink)
        except (OSError, EOFError, ValueError):  # it has ended
            why = ended(reader.end(), advice, late=reader.late)
        except BaseException:  # nobody waits for its answer, which must not be the next one's
            reader.process.kill()
            reader.end()
            raise
        else:
            if words["ask"] in ONCE:
                reader.end()
            else:
                return_reader(reader)
    if why:
        raise BadImage(f"{called} {why}.")
    if "bad" in reply:
        raise BadImage(str(reply["bad"]))
    return reply, received


def waiting() -> Reader | None:
    """The reader that waits, if it is still there."""
    with _lock:
        reader = _idle.pop() if _idle else None
    return reader if reader and reader.process.poll() is None else None


def ended(code: int, advice: str, *, late: bool) -> str:
    """What it means for the person that a reader has ended.

    Args:
        code: of the process; minus a signal's number.
        advice: what the person can do.
        late: whether it was ended after WALL_SECONDS.
    """
    if late:
        return (
            f"was not decoded within {WALL_SECONDS:g} seconds: try again when the computer is less "
            f"busy, or {advice}"
        )
    if -code == TOO_LONG:
        return f"takes more than {CPU_SECONDS} seconds to decode: {advice}"
    if -code == ENDED:
        return (
            "could not be decoded: the system ended the decoder, most often because memory ran "
            f"out. Close other programs, or {advice}"
        )
    return f"makes its decoder fail: save it anew, or {advice}"


def return_reader(reader: Reader) -> None:
    """One reader stays for the next file."""
    with _lock:
        if not _idle:
            _idle.append(reader)
            return
    reader.end()


def end_all() -> None:
    """End the reader that waits."""
    with _lock:
        readers, _idle[:] = _idle[:], []
    for reader in readers:
        reader.end()


def drop_reader() -> None:
    """After a fork: the reader belongs to the other process."""
    global _lock, _places
    _lock, _places = Lock(), BoundedSemaphore(AT_ONCE)
    for reader in _idle:
        reader.process.returncode = 0  # so that nobody here waits for it
    _idle.clear()


atexit.register(end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=drop_reader)
