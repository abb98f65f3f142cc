"""Draw a method's settings as widgets and give the method back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import Field, fields
from typing import Any, TypeVar

import streamlit as st

from engine.case import ImageCase
from engine.method import Choice, Control, Method, Slider, Switch

MethodT = TypeVar("MethodT", bound=Method[Any])


def method_form(kind: type[MethodT], key: str, case: ImageCase) -> MethodT:
    """One widget per setting, each in the address bar, so that a link reopens the view."""
    return kind(**{spec.name: widget(spec, f"{key}.{spec.name}", case) for spec in fields(kind)})


def widget(spec: Field[Any], key: str, case: ImageCase) -> Any:
    """The widget that a setting's control asks for; gives the setting's value."""
    label, help = spec.metadata["label"], spec.metadata["help"]
    match spec.metadata["control"]:
        case Slider(off=off) as control if off:
            return optional_slider(control, spec.default, label, help, key)
        case Slider() as control:
            return slider(control, spec.default, label, help, key)
        case Choice(off=off) as control:
            words = control.options or case.options(control.source)
            return choice(words, off, spec.default, label, help, key)
        case Switch():
            return st.toggle(label, spec.default, help=help, key=key, bind="query-params")


def slider(control: Slider, start: float, label: str, help: str, key: str) -> float:
    """A slider with its unit; over decades it stops at 1, 2, 5."""
    named = f"{label} ({control.unit})" if control.unit else label
    if control.log:
        marks = sorted({*control.marks(), start})
        value = st.select_slider(
            named, marks, start, help=help, key=key, format_func=short, bind="query-params"
        )
        return value
    return st.slider(
        named,
        control.low,
        control.high,
        start,
        control.step,
        help=help,
        key=key,
        bind="query-params",
    )


def optional_slider(
    control: Slider, start: float | None, label: str, help: str, key: str
) -> float | None:
    """A slider behind a switch; off gives None."""
    on = st.toggle(
        f"{label}: {control.off} or a number",
        start is not None,
        key=f"{key}.on",
        bind="query-params",
    )
    return slider(control, start or control.low, label, help, key) if on else None


def choice(
    words: Sequence[str], off: str, start: str | None, label: str, help: str, key: str
) -> str | None:
    """One of a few words; with an off word, that one gives None."""
    shown = [off, *words] if off else list(words)
    first = shown.index(start if start is not None else off)
    picked = st.selectbox(label, shown, first, help=help, key=key, bind="query-params")
    return None if off and picked == off else picked


def short(number: float) -> str:
    """A number without needless zeros."""
    return f"{number:g}"


def ignored(kind: type[Method[Any]], key: str) -> list[str]:
    """What the link asked for outside a setting's range, in words; read before the form is drawn."""
    found = []
    for spec in fields(kind):
        asked = st.query_params.get(f"{key}.{spec.name}")
        control: Control = spec.metadata["control"]
        if asked is not None and not readable(control, asked):
            found.append(
                f"The link asks for “{asked[:40]}” as {kind.title} ▸ {spec.metadata['label']}; "
                f"it must be {control.words()}, so the usual value is used."
            )
    return found


def readable(control: Control, asked: str) -> bool:
    """Whether a word from a link names a value that the control allows."""
    match control:
        case Slider(off=off):
            try:
                number = float(asked)
            except ValueError:
                return bool(off) and asked == off
            return control.allows(int(number) if control.whole and number.is_integer() else number)
        case Choice(source=source, off=off):
            return bool(source) or asked == off or control.allows(asked)
        case Switch():
            return asked.lower() in {"true", "false", "1", "0"}
