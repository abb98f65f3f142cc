"""A question as a script asks it: one line of shell, or three lines of Python."""

from __future__ import annotations

import shlex
from typing import Any

from engine.commands.arguments import Arguments
from engine.commands.arguments.text import text_of
from engine.core.method import Method


def as_shell(method: Method[Any], arguments: Arguments[Any], out: str = "out/") -> str:
    """The command that asks it."""
    words = ["python", "-m", "engine", "run", method.full_name()]
    for name, value in arguments.changed(method.argument_defaults).items():
        words.append(f"--{name}")
        words += [*value] if isinstance(value, tuple) else [text_of(value)]
    if pairs := [f"{spec.name}={text_of(value)}" for spec, value in method.changed()]:
        words += ["--set", *pairs]
    return shlex.join([*words, "--out", out])


def as_python(method: Method[Any], arguments: Arguments[Any]) -> str:
    """The lines that ask it; the last one is the answer's views by name."""
    settings = arguments.changed(method.argument_defaults)
    changed = {spec.name: value for spec, value in method.changed()}
    clash = {name: value for name, value in changed.items() if name in arguments.specs()}
    settings |= {name: value for name, value in changed.items() if name not in clash}
    words = [repr(method.full_name()), *(f"{name}={value!r}" for name, value in settings.items())]
    if clash:
        words.append(f"settings={clash!r}")
    return f"import engine\n\nanswer = engine.answer({', '.join(words)})\nprint(list(answer))\n"
