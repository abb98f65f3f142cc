"""Decoding in the process that has the mutant: a reader's own process would not have it."""

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.vision.images import reader, reader_process
from engine.vision.images.wire import Arrays, Sink, Words, receive, send

PROGRAM = reader.PROGRAM


def read_here() -> None:
    """From now on, in this process, readers answer without their process.

    A test's own reader program, which stands for a decoder that goes wrong, is run as it is.
    """
    plain = reader.Reader.ask

    def ask(
        self: reader.Reader,
        words: Mapping[str, Any],
        arrays: Sequence[NDArray[Any]],
        sink: Sink | None = None,
    ) -> tuple[Words, Arrays]:
        if reader.PROGRAM != PROGRAM:
            return plain(self, words, arrays, sink)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return carried(*reader_process.answer(*carried(words, arrays)), sink)

    reader.Reader.ask = ask  # type: ignore[method-assign]


def carried(
    words: Mapping[str, Any], arrays: Sequence[NDArray[Any]], sink: Sink | None = None
) -> tuple[Words, Arrays]:
    """What comes out of a pipe of what goes in."""
    pipe = io.BytesIO()
    send(pipe, words, arrays)
    pipe.seek(0)
    return receive(pipe, sink)
