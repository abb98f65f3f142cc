"""A question as a script asks it: one line of shell, or three lines of Python."""

import shlex
from collections.abc import Mapping
from typing import Any

from engine.core.method import Method, case_kind
from engine.core.texts import text_of

Values = Mapping[str, Any]  # arguments of a case, by name; the others are at their default


def changed(method: Method[Any], arguments: Values) -> dict[str, Any]:
    """The arguments at another value than the method's own default, or the declared one."""
    every = case_kind(type(method)).every_argument
    usual = every(method.argument_defaults)
    return {name: value for name, value in every(arguments).items() if value != usual[name]}


def as_shell(method: Method[Any], arguments: Values, out: str = "out/") -> str:
    """The command that asks it."""
    words = ["python", "-m", "engine", "run", method.full_name()]
    for name, value in changed(method, arguments).items():
        words.append(f"--{name}")
        words += [*value] if isinstance(value, tuple) else [text_of(value)]
    if pairs := [f"{spec.name}={text_of(value)}" for spec, value in method.changed()]:
        words += ["--set", *pairs]
    return shlex.join([*words, "--out", out])


def as_python(method: Method[Any], arguments: Values) -> str:
    """The lines that ask it; the last one is the answer's views by name."""
    specs = case_kind(type(method)).specs()
    settings = {spec.name: value for spec, value in method.changed()}
    clash = {name: value for name, value in settings.items() if name in specs}
    given = changed(method, arguments)
    given |= {name: value for name, value in settings.items() if name not in clash}
    words = [repr(method.full_name()), *(f"{name}={value!r}" for name, value in given.items())]
    if clash:
        words.append(f"settings={clash!r}")
    return f"import engine\n\nanswer = engine.answer({', '.join(words)})\nprint(list(answer))\n"
