"""Who may look at private things by their names: models and data of a person's file.

On the command line everybody may. The app says what the session that asks may look at; a job may
look at what the session that began it was allowed.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class ViewRights:
    """What somebody may look at.

    Args:
        model: says it of a private model, by the record of its owners.
        data: says it of the data set of a person's file, by its name.
    """

    model: Callable[[Any], bool]
    data: Callable[[str], bool]


def everything() -> ViewRights | None:
    """Who works on the machine itself is asked nothing."""
    return None


_session: Callable[[], ViewRights | None] = everything
_job: ContextVar[ViewRights | None] = ContextVar("rights of the job", default=None)


def ask_session(rights: Callable[[], ViewRights | None]) -> None:
    """From now on `rights` says what the session that asks may look at; None for everything."""
    global _session  # noqa: PLW0603 - there is one app in a process
    _session = rights


def current() -> ViewRights | None:
    """The rights of whoever asks; None where everything may be looked at."""
    return _job.get() or _session()


def carried(work: Callable[P, T]) -> Callable[P, T]:
    """The work of a job, done elsewhere with the rights of whoever asks for it now."""
    rights = current()

    def with_rights(*args: P.args, **more: P.kwargs) -> T:
        token = _job.set(rights)
        try:
            return work(*args, **more)
        finally:
            _job.reset(token)

    return with_rights
