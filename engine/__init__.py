"""What computes: cases in, results out. Knows torch; knows nothing of Streamlit or Plotly."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.core.process import prepare

if TYPE_CHECKING:
    from engine.core.case_base import Case
    from engine.core.method import Method, Progress
    from engine.core.run import Answer

prepare()


def answer(
    method: str,
    /,
    *,
    settings: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    **given: Any,
) -> Answer:
    """Ask a method by name: `engine.answer("anomaly.KNN", model="digits-cnn", k=5)`.

    The answer is kept, so that asking again is quick.

    Args:
        method: family and name, as `python -m engine methods` lists them.
        settings: settings whose name an argument of the case has too.
        progress: called with the share done and a few words.
        **given: arguments of the case and settings of the method; each has a default.

    Raises:
        BlindspotError: something asked was wrong; its text says what.
    """
    from engine.core import run  # here, so that `import engine` stays quick
    from engine.core.method import quiet

    return run.answer(*_question(method, given, settings), progress or quiet)


def question(
    method: str, /, *, settings: Mapping[str, Any] | None = None, **given: Any
) -> tuple[Method[Any], Case]:
    """What `answer` would ask: the method, and the case with its image, model and labels.

    Raises:
        BlindspotError: something asked was wrong; its text says what.
    """
    return _question(method, given, settings)


def _question(
    method: str, inputs: Mapping[str, Any], settings: Mapping[str, Any] | None
) -> tuple[Method[Any], Case]:
    """As `question`; warns where a default does not fit the picture that is given."""
    from engine.commands import asking
    from engine.commands.fitting import default_note
    from engine.core.method import case_kind

    chosen_method, arguments = asking.question(asking.method_named(method), inputs, settings)
    case = case_kind(type(chosen_method)).read(arguments)
    if words := default_note(arguments, case, inputs):
        warnings.warn(words, stacklevel=3)  # the line that called `answer` or `question`
    return chosen_method, case
