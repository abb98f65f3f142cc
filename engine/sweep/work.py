"""Some questions of a sweep, looked up or computed: what each process or worker does."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite
from pathlib import Path
from typing import Any

from engine.commands.as_code import as_shell
from engine.core import run
from engine.core.errors import BadModel, BlindspotError, Cancelled
from engine.core.given_names import given_names
from engine.core.keeping.claims import claimed
from engine.core.keeping.store import home
from engine.core.method import Case, Method, Progress, case_kind, quiet
from engine.core.run import Answer
from engine.core.texts import settings_text
from engine.sweep.images import printable
from engine.sweep.links import address_of
from engine.sweep.plan import SweepQuestion
from engine.sweep.rows import SweepRow, figures_of, row_thumbnail
from engine.vision.case import ImageCase
from engine.vision.case.prediction import at_once
from engine.vision.models.classifier import Classifier

log = logging.getLogger(__name__)

CLAIMS = "claims"  # the folder, at home
_traced: set[type[Exception]] = set()  # what was logged by this process with its trace


@dataclass(frozen=True)
class Numbered:
    """A question and its place in the plan.

    Args:
        place: from 0.
        question: as the plan has it.
        alone: whether it is given to a process by itself, since it takes long.
    """

    place: int
    question: SweepQuestion
    alone: bool = False


@dataclass(frozen=True)
class Found:
    """What became of a question.

    Args:
        place: in the plan.
        row: the answer, where it is there.
        computed: whether it was computed just now.
        digest: its name; "" where there is no such question.
        expected: about the seconds that it will take; None where that is not known.
        problem: why there is no answer, in a sentence.
        fault: whether that is a fault of ours.
    """

    place: int
    row: SweepRow | None = None
    computed: bool = False
    digest: str = ""
    expected: float | None = None
    problem: str = ""
    fault: bool = False


@dataclass
class LastCase:
    """The last case, since many questions in a row are about one."""

    key: Any = None
    case: Case | BlindspotError | None = None

    def of(self, kind: type[Case], arguments: Mapping[str, Any]) -> Case:
        """The case of some arguments. Raises what making it raised."""
        if self.key != (kind, arguments):
            self.key = None  # until the case is made: after a fault it is not the last one's
            try:
                self.case = kind.read(arguments)
            except BadModel:
                raise
            except BlindspotError as error:
                self.case = error
            self.key = kind, arguments
        if isinstance(self.case, BlindspotError):
            raise self.case
        assert self.case is not None  # noqa: S101  # for mypy: made above
        return self.case


def visit(
    questions: Sequence[Numbered], *, compute: bool, progress: Progress = quiet
) -> Iterator[Found]:
    """What became of each; what another process is computing comes last, when it is done.

    Args:
        questions: those alike side by side.
        compute: whether to compute what is not kept.
        progress: of the one that is computed; it may raise to cancel.

    Raises:
        BadModel: a model is not to be had, so that no other question about it need be tried.
        Cancelled: `progress` said so.
    """
    last_case, late = LastCase(), []
    for question in questions:
        if (result := attempt(question, last_case, progress, compute=compute, wait=False)) is None:
            late.append(question)
        else:
            yield result
    for question in late:
        if (
            result := attempt(question, last_case, progress, compute=compute, wait=True)
        ) is not None:
            yield result


def attempt(
    numbered: Numbered, last_case: LastCase, progress: Progress, *, compute: bool, wait: bool
) -> Found | None:
    """What became of a question; None where another process is computing it and we do not wait."""
    try:
        method, arguments = numbered.question.ask()
        case = last_case.of(case_kind(type(method)), arguments)
        method.check(case)
        digest = run.digest(method, case)
        if stored := run.kept_answer(method, case):
            return Found(
                numbered.place, sweep_row(numbered.question, method, case, stored), digest=digest
            )
        if not compute:
            return Found(numbered.place, digest=digest, expected=run.expected_seconds(method, case))
        with claimed(home() / CLAIMS, digest, wait=wait, beat=lambda: progress(0.0)) as ours:
            if not ours:
                return None
            answer = run.answer(method, case, progress)
        row = sweep_row(numbered.question, method, case, answer)
        return Found(numbered.place, row, computed=not answer.kept, digest=digest)
    except (BadModel, Cancelled):
        raise
    except BlindspotError as error:
        return Found(numbered.place, problem=printable(str(error)))
    except Exception as error:  # one answer that fails must not end a night of others
        problem = printable(f"{type(error).__name__}: {error}")
        first = type(error) not in _traced  # a night of others of the kind would fill a log
        _traced.add(type(error))
        about = f"{numbered.question.method}, answer {numbered.place + 1}"  # no name of a file
        log.exception("internal error at %s: %s", about, type(error).__name__, exc_info=first)
        return Found(numbered.place, problem=problem, fault=True)


def sweep_row(question: SweepQuestion, method: Method[Any], case: Case, answer: Answer) -> SweepRow:
    image, record = question.image, answer.record
    inner: Any = getattr(case, "inner", case)
    _, arguments = question.ask()
    top, share, correct = "", None, None
    if isinstance(inner, ImageCase) and inner.target.is_class:
        chances = at_once(inner)
        index = int(chances.argmax())
        if isfinite(chances[index]):  # a model of one's own may give NaN
            top, share = inner.model.labels[index], float(chances[index])
            if image and image.label:
                expected = label_number(image.label, inner.model)
                correct = None if expected is None else expected == index
    path = Path(image.source) if image and Path(image.source).is_file() else None
    opens = blake2b(path.read_bytes(), digest_size=4).hexdigest() if path else ""
    named = {name: value for name, value in question.given if name != "model"}
    return SweepRow(
        image=image.title if image else "",
        label=image.label if image else "",
        model=str(record["case"].get("model") or ""),
        method=method.full_name(),
        settings=settings_text(method),
        arguments=",".join(f"{key}={format_value(value)}" for key, value in named.items()),
        top_class=top,
        confidence=share,
        correct=correct,
        figures=figures_of(answer),
        digest=record["digest"],
        seconds=float(record["seconds"]),
        address=address_of(method, arguments, question, opens),
        opens=opens,
        command=printable(as_shell(method, arguments)),
        picture=row_thumbnail(getattr(inner, "image", None), answer),
        names=given_names(case),
    )


def format_value(value: str | tuple[str, ...]) -> str:
    """A value of the plan, several words in one."""
    return value if isinstance(value, str) else "+".join(value)


def label_number(label: str, model: Classifier) -> int | None:
    """The class of a model that a label names; None where none or more than one has that name.

    A name is the whole of what the model calls the class, or one of its parts between commas: the
    label "horse" is not the class "horse cart".
    """
    query = label.strip().casefold()
    results = [index for index, name in enumerate(model.labels) if query in synonyms(name)]
    return results[0] if len(results) == 1 else None


def synonyms(name: str) -> set[str]:
    """What a class is called: all of it, and each part between commas."""
    lower = name.casefold()
    return {lower.strip(), *(part.strip() for part in lower.split(","))}


def chunks(questions: Sequence[Numbered], most: int) -> Iterator[list[Numbered]]:
    """The questions in pieces of at most so many, in their order; a long one is a piece alone."""
    piece: list[Numbered] = []
    for question in questions:
        if piece and (len(piece) == most or question.alone or piece[-1].alone):
            yield piece
            piece = []
        piece.append(question)
    if piece:
        yield piece
