"""What the Decoding view asks, by which strategies, and what each answers."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import streamlit as st

from components import runs
from components.dialog import scene
from components.dialog.scene import DialogImage
from components.ending import end
from components.forms import pick_methods, refuse_links, widget
from engine.core.method import Method
from engine.core.result import Tokens
from engine.core.run import Answer
from engine.evaluation.language.claims import Claims, claims
from engine.hallucination import STRATEGIES, VCD, Greedy
from engine.vision.language.case import CaptionCase
from engine.vision.language.tiny_vlm.model import TinyVLM

KEY = "decoding"
STORY = 253  # of the first kind of scene: greedy sees a lamp beside the car, with VCD it is gone
STUBBORN = 424  # another one: the lamp stays with VCD too
MOST = 4  # side by side
ONLY_TINY = (
    "The truth of many scenes is known, and TinyVLM learned to describe them: choose one of its "
    "models to count over scenes."
)
STRENGTH = {  # the setting of each that is worth a slider in sight
    "Sampling": "temperature",
    "Beam": "beams",
    "VCD": "alpha",
    "DoLa": "cut",
    "VASparse": "eta",
    "OPERA": "weight",
    "MVP": "paths",
    "SCMoE": "beta",
}

Kind = type[Method[Any]]


@dataclass(frozen=True)
class DecodedAnswer:
    """A strategy with its settings, its answer, and that against the truth where it is known."""

    method: Method[Any]
    answer: Answer
    claims: Claims | None

    @property
    def name(self) -> str:
        return self.method.name

    @property
    def title(self) -> str:
        return self.method.title

    @property
    def tokens(self) -> Tokens:
        tokens: Tokens = self.answer["answer"]
        return tokens

    @property
    def numbered(self) -> list[str]:
        """The answer's words with their places."""
        return [f"{at + 1}. {word}" for at, word in enumerate(self.tokens.words)]


@dataclass(frozen=True)
class Compared:
    """What is shown, what was asked, and every answer, in the order of their columns."""

    shown: DialogImage
    case: CaptionCase
    spoken: tuple[DecodedAnswer, ...]
    greedy: Answer  # what costs are held against

    @property
    def tiny(self) -> TinyVLM | None:
        """The model where it is one that learned scenes, so that it can be asked about many."""
        vlm = self.case.vlm
        return vlm if isinstance(vlm, TinyVLM) else None

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(decoded.title for decoded in self.spoken)

    def of(self, name: str) -> DecodedAnswer | None:
        """The answer of a strategy; None where it is not among those chosen."""
        return next((decoded for decoded in self.spoken if decoded.name == name), None)


def example_button(label: str, number: int) -> None:
    def take() -> None:
        st.session_state.pop(f"{scene.KEY}.kept", None)
        for name in ("kind", "ask", "image", "model"):
            st.session_state.pop(f"{KEY}.{name}", None)
            st.query_params.pop(f"{KEY}.{name}", None)
        st.session_state[f"{KEY}.scene"] = number
        scene.keep_edits(())

    st.button(
        label,
        on_click=take,
        type="tertiary",
        icon=":material/restart_alt:",
        key=f"{KEY}.example.{number}",
    )


# ---------------------------------------------------------------- strategies


def pick(case: CaptionCase) -> list[Kind]:
    """Up to four strategies; those that do not fit the question are gray, with the reason."""
    chosen = pick_methods(
        "Decoding strategies (up to four)",
        STRATEGIES,
        case,
        f"{KEY}.strategies",
        first=(Greedy, VCD),
        most=MOST,
        name="Strategies",
        unfit="Not here",
        rule="among those that fit the question",
        wrap=True,
    )
    if not chosen:
        st.info("Choose at least one strategy to hear what the model says.")
        end()
    return chosen


def strategy_form(kind: Kind, case: CaptionCase) -> Method[Any]:
    key = f"{KEY}.{kind.name}"
    refuse_links(kind, key, case)
    specs = {spec.name: spec for spec in fields(kind)}
    settings: dict[str, Any] = {}
    if first := STRENGTH.get(kind.name):
        settings[first] = widget(specs.pop(first), f"{key}.{first}", case)
    else:
        st.caption("Always the likeliest next word: nothing to set but the length.")
    with st.popover(f"{kind.title}: settings", width="stretch"):
        for name, spec in specs.items():
            settings[name] = widget(spec, f"{key}.{name}", case)
    return kind(**settings)


def speak(dialog_image: DialogImage, case: CaptionCase, methods: Sequence[Method[Any]]) -> Compared:
    """Every strategy's answer; the page ends here where one cannot be had."""
    slots = [f"{KEY}.said.{method.name}" for method in methods]
    runs.leave_others(f"{KEY}.said", slots)
    greedy = runs.answer(Greedy(), case, f"{KEY}.baseline")
    spoken = []
    for method, slot in zip(methods, slots, strict=True):
        answer = runs.answer(method, case, slot)
        words = answer["answer"].words
        checked_claims = (
            claims(case.prompt, words, dialog_image.scene) if dialog_image.scene else None
        )
        spoken.append(DecodedAnswer(method, answer, checked_claims))
    return Compared(dialog_image, case, tuple(spoken), greedy)
