"""The boundary around foreign bytes: whatever they make our code raise becomes one sentence.

Header checks and decoders fail in a dozen ways that no list of exceptions completes. The type and
the place of what was raised are logged, since it may be a mistake of ours; its text is not, for it
may repeat the file.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from types import TracebackType

from engine.core.errors import BadImage, BlindspotError

log = logging.getLogger(__name__)

ENGINE = Path(__file__).resolve().parents[1]


DAMAGED = "is damaged or inconsistent: save or download it again"
TOO_LARGE = "needs more memory than there is: save it smaller"


@contextmanager
def decoding_guard(
    called: str, refusal: type[BlindspotError] = BadImage, why: str = DAMAGED
) -> Iterator[None]:
    """Parse foreign bytes inside; sentences for the person pass as they are.

    Args:
        called: the file in words, as the sentence begins.
        refusal: what is raised in place of any other error.
        why: the rest of the sentence, without its period.

    Raises:
        BlindspotError: a `refusal`, without the error that it stands for.
    """
    try:
        yield
    except BlindspotError:
        raise
    except Exception as error:  # noqa: BLE001 - the kind of fault, see above
        log.warning(
            "refused a file: %s at %s", type(error).__name__, last_engine_line(error.__traceback__)
        )
        why = TOO_LARGE if isinstance(error, MemoryError) else why
        raise refusal(f"{called} {why}.") from None


def last_engine_line(trace: TracebackType | None) -> str:
    """The last line of the engine that a trace goes through, such as images/limits.py:70."""
    lines = [(Path(frame.f_code.co_filename), number) for frame, number in walk_tb(trace)]
    ours = [(path, number) for path, number in lines if path.is_relative_to(ENGINE)]
    path, number = (ours or [(ENGINE, 0)])[-1]
    return f"{path.relative_to(ENGINE)}:{number}"
