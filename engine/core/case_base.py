"""What all cases share: fingerprint, lane, facts and lacks are derived from a case's fields."""

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, fields, is_dataclass, replace
from hashlib import blake2b
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch

from engine.core.controls import Option, OtherArguments, check_values, options_of
from engine.core.errors import BadSetting, BlindspotError
from engine.core.keeping.lazy import lazy
from engine.core.naming import NAMING, Naming, Unknown

Precision = Literal["exact", "fast"]
Parts = Iterator[bytes | str]


@dataclass(frozen=True, eq=False)
class Case:
    """What is asked about: a frozen dataclass whose fields decide the answer.

    A subclass says what it is (`case_name`, `what`) and overrides only what is special about it.
    Fields that are declared with `named_by` can be named in a link, a command, Python and JSON.
    """

    case_name: ClassVar[str]  # in records, as "kind"
    what: ClassVar[str]  # completes "it needs …"
    asks: ClassVar[str] = "model"  # the field that is asked; "" where there is no model yet
    gives: ClassVar[frozenset[str]] = frozenset()  # needs that every such case meets

    @lazy
    def fingerprint(self) -> str:
        """A digest of everything the answer depends on except method and settings."""
        return digest_of(self.digest_parts())

    def digest_parts(self) -> Parts:
        """What the fingerprint is made of: every field, by its own fingerprint where it has one.

        Cases whose answers ship override it, so that those answers stay valid.
        """
        yield self.case_name
        for spec in fields(self):
            yield f"|{spec.name}="
            yield from value_parts(getattr(self, spec.name))

    @property
    def lane(self) -> str:
        """The device whose lane computes it, such as "cpu" or "cuda:0"."""
        return str(getattr(self, self.asks).device)

    @property
    def precision(self) -> Precision:
        """Computed exactly, or fast in fewer bits."""
        return "exact"

    @property
    def typed(self) -> bool:
        """Whether words are in it that somebody typed; its answers are kept in memory only."""
        return bool(getattr(getattr(self, "model", None), "typed", False))

    def facts(self) -> dict[str, Any]:
        """What it is, in JSON, for the record beside the answer; no pixels, no file names."""
        results: dict[str, Any] = {"kind": self.case_name}
        for fact, name in (("model", self.asks), ("data", "data")):
            value: Any = getattr(self, name, None)
            if hasattr(value, "fingerprint"):
                results |= {fact: value.name, f"{fact}_fingerprint": value.fingerprint}
        if side := getattr(getattr(self, "model", None), "side", None):
            results["side"] = side
        return results | {name: getattr(self, name) for name in SHARED if hasattr(self, name)}

    @classmethod
    def namings(cls) -> dict[str, Naming]:
        """How the fields are named, those that can be, by field."""
        return {spec.name: spec.metadata[NAMING] for spec in fields(cls) if NAMING in spec.metadata}

    @classmethod
    def specs(cls) -> dict[str, Field[Any]]:
        """The arguments of the case as they are declared, by name."""
        return {
            name: spec
            for naming in cls.namings().values()
            for name, spec in naming.arguments.items()
        }

    @classmethod
    def offered(cls, name: str, arguments: OtherArguments) -> tuple[Option, ...]:
        """What an argument may be beside others: by name, with what a person reads.

        Args:
            name: of the argument.
            arguments: the others, as far as they are known: each as text, or as what it names.
        """
        return options_of(cls.specs()[name].metadata["control"], arguments)

    @classmethod
    def from_arguments(cls, **arguments: Any) -> Self:
        """The case that some arguments name; the others are at their default.

        Raises:
            BadSetting: an unknown name, or a value that an argument cannot have.
            BlindspotError: what is named is not there, or does not fit.
        """
        return cls.read(cls.every_argument(arguments))

    @classmethod
    def every_argument(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that are given, and the others at their default.

        Raises:
            BadSetting: an unknown name, or a value that an argument cannot have.
        """
        specs = cls.specs()
        if odd := [name for name in given if name not in specs]:
            raise BadSetting(f"There is no argument {odd[0]!r}: there is {', '.join(specs)}.")
        every = {name: spec.default for name, spec in specs.items()} | dict(given)
        check_values(specs.values(), every, "This question")
        return every

    @classmethod
    def read(cls, arguments: Mapping[str, Any]) -> Self:
        """The case that arguments name, each of which is given and allowed."""
        values: dict[str, Any] = {}
        for name, naming in cls.namings().items():
            values[name] = naming.value(values, arguments)
        return cls(**values)

    def written(self) -> dict[str, Any]:
        """The arguments that name this case again; `Unknown` for what it does not know."""
        case = {spec.name: getattr(self, spec.name) for spec in fields(self)}
        return {
            name: value
            for field_name, naming in self.namings().items()
            for name, value in naming.written(case[field_name], case).items()
        }

    def to_arguments(self, **known: Any) -> dict[str, Any]:
        """The arguments that name this case again.

        Args:
            known: what the case does not know about itself, such as where its image comes from.

        Raises:
            BlindspotError: something is missing in `known`.
        """
        written = self.written()
        names = written | {
            name: value
            for name, value in known.items()
            if value is not None or not isinstance(written.get(name), Unknown)
        }
        for name, value in names.items():
            if isinstance(value, Unknown) and not {*value.unless} & known.keys():
                raise BlindspotError(
                    value.words or f"A case does not know its {name}: say {name}=…."
                )
        return {name: value for name, value in names.items() if not isinstance(value, Unknown)}

    def lacks(self, need: str) -> str:
        """Why the case cannot give what a method needs, or "" when it can."""
        if need in self.gives:
            return ""
        model = getattr(self, "model", None)
        if model is None:
            return f"it needs {need}, which {self.what} cannot give."
        return str(model.lacks(need))

    def at(self, precision: Precision) -> Self:
        """The same question in another precision."""
        changed: Any = {"precision": precision}
        return self if precision == self.precision else replace(self, **changed)


SHARED = ("precision", "seed")  # facts of every case that has them


def digest_of(parts: Parts) -> str:
    """One name for all of them."""
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(part if isinstance(part, bytes) else part.encode())
    return digest.hexdigest()


def digest_text(text: str) -> str:
    """A short digest of words."""
    return blake2b(text.encode(), digest_size=6).hexdigest()


def value_parts(value: Any) -> Parts:
    """The bytes that stand for a field's value in a digest.

    Raises:
        TypeError: nothing is known that would tell two such values apart.
    """
    match value:
        case None | bool() | int() | float() | str():
            yield repr(value)
        case torch.Tensor():
            yield from value_parts(value.detach().cpu().numpy())
        case np.ndarray():
            yield f"{value.dtype}{value.shape}"
            yield np.ascontiguousarray(value).tobytes()
        case tuple() | list():
            yield f"{len(value)}["
            for element in value:
                yield from (*value_parts(element), ",")
        case Mapping():
            yield from value_parts(sorted(value.items()))
        case _ if hasattr(value, "fingerprint"):
            yield str(value.fingerprint)
        case _ if is_dataclass(value):
            yield f"{type(value).__name__} {getattr(value, 'revision', '')}"
            for spec in fields(value):
                yield from (f"|{spec.name}=", *value_parts(getattr(value, spec.name)))
        case _:
            raise TypeError(f"a {type(value).__name__} has no fingerprint: give its case its own")
