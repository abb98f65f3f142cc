"""A page with a widget of each kind that the house binds to a link, drawn as views draw them."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from components import forms, picks
from engine.core.method import Choice, Slider, Switch, setting

WORDS = ("first", "second", "third")


@dataclass(frozen=True)
class EveryControl:
    """A setting of each kind."""

    title = "Every control"
    whole: int = setting(3, Slider(1, 9, 1), "Whole", "A number.")
    share: float = setting(0.5, Slider(0.0, 1.0, 0.1), "Share", "A share.")
    typed: int = setting(0, Slider(0, 4_294_967_295, 1), "Typed", "A wide range.")
    decades: float = setting(0.1, Slider(1e-4, 10.0, 1.0, log=True), "Decades", "Over decades.")
    limit: float | None = setting(None, Slider(0.0, 1.0, 0.1, off="none"), "Limit", "May be off.")
    word: str = setting("a", Choice(("a", "b")), "Word", "One of two.")
    off: str | None = setting(None, Choice(("a", "b"), off="no"), "Off", "May be off.")
    on: bool = setting(True, Switch(), "On", "A switch.")


def draw() -> dict[str, Any]:
    forms.refuse_links(EveryControl, "form")
    results: dict[str, Any] = forms.settings(EveryControl, "form")
    kinds: tuple[Any, ...] = ("list", "radio", "pills", "segments", "slider")
    for kind in kinds:
        results[kind] = picks.pick(kind, WORDS, f"pick.{kind}", kind, kept=kind == "pills")
    results["some"] = picks.pick_some("Some", WORDS, "some", WORDS[:1])
    results["search"] = picks.search_box("Search", WORDS, "search")
    results["none"] = picks.pick_or_none("None", WORDS, "none")
    results["number"] = picks.pick_number("Number", 5, "number")
    results["switch"] = picks.switch("Switch", "switch")
    results["text"] = picks.type_text("Text", "usual", "text", most=100)
    results["lines"] = picks.type_text("Lines", "", "lines", lines=True)
    return results


def problems(values: dict[str, Any]) -> list[str]:
    """Which widgets gave what is none of their values."""
    of_words = dict.fromkeys(("list", "radio", "pills", "segments", "slider"), WORDS)
    of_words |= dict.fromkeys(("search", "none"), (None, *WORDS))
    of_words |= dict.fromkeys(("switch", "on"), (True, False))
    of_words |= {"number": range(5), "whole": range(1, 10)}
    of_words |= {"word": ("a", "b"), "off": (None, "a", "b")}
    wrong = [name for name, allowed in of_words.items() if values[name] not in allowed]
    wrong += [name for name in ("text", "lines") if not isinstance(values[name], str)]
    wrong += ["some"] if not set(values["some"]) <= set(WORDS) else []
    inside = {"share": (0, 1), "typed": (0, 4_294_967_295), "decades": (1e-4, 10)}
    wrong += [name for name, (low, high) in inside.items() if not low <= values[name] <= high]
    return wrong


values = draw()
st.markdown(f"wrong: {problems(values)}")
