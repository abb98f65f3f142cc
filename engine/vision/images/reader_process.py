"""The program of a reader process: one file after the other, each within limits.

`python -m engine.vision.images.reader_process` reads requests from its standard input and answers
on its standard output until that ends. What a decoder prints goes nowhere.
"""

import os
import sys
import warnings
from collections.abc import Callable
from math import inf
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BlindspotError
from engine.core.process import hold_blocks
from engine.vision.images.kinds import FileKind
from engine.vision.images.picture import decode_picture
from engine.vision.images.reader import CPU_SECONDS
from engine.vision.images.room import NeedsMemory, require_room, room
from engine.vision.images.wire import Arrays, LazyArrays, Words, receive, send

MEMORY = 700_000_000  # bytes of addresses beyond those of the program itself
TABLES = 300_000_000  # bytes for the library that reads tables, and for a table
KEPT_BLOCK = 2**20  # bytes; larger blocks go back to the system at once

Reply = tuple[Words, Arrays | LazyArrays]


def picture(words: Words, arrays: Arrays) -> Reply:
    """One of Pillow's formats."""
    result = decode_picture(
        arrays.pop().tobytes(), FileKind(words["kind"]), words["called"], fine=words["fine"]
    )
    facts = {"size": result.size, "notes": result.notes, "digest": result.digest}
    return facts, [result.pixels]


def dicom(words: Words, arrays: Arrays) -> Reply:
    """What is kept of a DICOM file."""
    from engine.vision.images.dicom_file import read_dicom

    return read_dicom(arrays.pop().tobytes(), words["called"])


def frame(words: Words, arrays: Arrays) -> Reply:
    """One frame of what was kept of a DICOM file."""
    from engine.vision.images.dicom_file import frame as decoded_frame

    return decoded_frame(words, arrays)


def nifti(words: Words, arrays: Arrays) -> Reply:
    """What is kept of a NIfTI file."""
    from engine.vision.images.nifti_file import read_nifti

    return read_nifti(arrays.pop().tobytes(), words["called"])


def nova(words: Words, arrays: Arrays) -> Reply:
    """NOVA's table of boxes."""
    from engine.vision.images.nova_file import read_annotations

    require_room(TABLES, 0)
    return read_annotations(arrays.pop().tobytes(), words["called"])


def weights(words: Words, arrays: Arrays) -> Reply:
    """Where a file of weights has its tensors; the two ends of the file are given."""
    from engine.vision.models.weights_table import table

    head, tail = (array.tobytes() for array in arrays)
    return table(words["form"], head, tail, words["size"], words["called"]), []


def toml(words: Words, arrays: Arrays) -> Reply:
    from engine.vision.foreign_text import toml_in_reader

    return {"toml": toml_in_reader(arrays.pop().tobytes(), words["called"], words["deepest"])}, []


def member(words: Words, arrays: Arrays) -> Reply:
    from engine.vision.images import unpacking

    return unpacking.member(words, arrays)


def array_header(words: Words, arrays: Arrays) -> Reply:
    from engine.vision.images import unpacking

    return unpacking.header(words, arrays)


def array(words: Words, arrays: Arrays) -> Reply:
    from engine.vision.images import unpacking

    return unpacking.array(words, arrays)


def tiles(words: Words, arrays: Arrays) -> Reply:
    """A rectangle of a TIFF, of the packed strips or tiles that it touches."""
    from engine.vision.images.tiles import tile_reply as unpacked

    return unpacked(words, arrays)


READERS: dict[str, Callable[[Words, Arrays], Reply]] = {
    "picture": picture,
    "dicom": dicom,
    "frame": frame,
    "nifti": nifti,
    "nova": nova,
    "weights": weights,
    "toml": toml,
    "member": member,
    "array header": array_header,
    "array": array,
    "tiles": tiles,
}


def answer(words: Words, arrays: list[NDArray[Any]]) -> Reply:
    """A reply to a request; what cannot be read is one sentence, and nothing else is said."""
    called = words["called"]
    room.set(words.pop("room", inf))
    try:
        return READERS[words["ask"]](words, arrays)
    except BlindspotError as error:
        return {"bad": str(error)}, []
    except NeedsMemory as error:
        return {"needs": error.needs, "keeps": error.keeps}, []
    except MemoryError:
        return {"bad": f"{called} needs more memory than one file may: {words['advice']}."}, []
    except Exception:  # noqa: BLE001 - its text may repeat a header, so it goes no further
        return {"bad": f"{called} is damaged or inconsistent: save or download it again."}, []


def limit_memory() -> None:
    """So much more than now, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123
            now = int(file.read().split()[0]) * resource.getpagesize()
    except OSError:  # macOS, which would not hold to it either
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, most))


def limit_time() -> None:
    """Seconds of computing from now on, where the system can; then it is ended."""
    try:
        import resource
    except ImportError:
        return
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used) + CPU_SECONDS + 1, most))


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer until there are no more requests."""
    while True:
        try:
            words, arrays = receive(requests)
        except EOFError:
            return
        limit_time()
        reply = answer(words, arrays)
        arrays.clear()
        send(replies, *reply)
        del reply


def main() -> None:
    """Serve on the pipes that the program was started with."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a decoder prints is no reply
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    hold_blocks(KEPT_BLOCK, KEPT_BLOCK)
    limit_memory()
    serve(sys.stdin.buffer, replies)


if __name__ == "__main__":
    main()
