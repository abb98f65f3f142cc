"""What contrastive decoding can and cannot mend: yes against no by noise step."""

from dataclasses import replace

import numpy as np
import streamlit as st

from components.decoding.form import KEY, STUBBORN, Compared, example_button
from components.section import Section
from engine.core.charts.drawing import Drawing
from engine.core.charts.lines import Lines
from engine.core.result import Table
from engine.hallucination import VCD, asking
from engine.hallucination.measures.noise_steps import NoiseSteps

SEEING_MODEL = "tiny-vlm-seen"  # a model whose habit hangs on what it sees; not every copy has it
LINES = {
    "clear": "the clear image",
    "hidden": "the noised copy",
    "contrasted": "contrasted: what VCD goes by",
}


def show(comparison: Compared) -> None:
    st.markdown(
        "VCD subtracts what the model would say of a noised copy, so it takes away habits of "
        "speech. What the model believes because of something it **sees** goes away with the "
        "image: in the copy nothing of it is left to subtract. The lines show which it is here."
    )
    example_button("Show a lamp that VCD does not mend", STUBBORN)
    model_name = comparison.case.vlm.name
    shows_second = (
        SEEING_MODEL in asking.models()
        and model_name != SEEING_MODEL
        and not NoiseSteps.unmet(comparison.case)
    )
    for name in (model_name, SEEING_MODEL) if shows_second else (model_name,):
        draw_margins(comparison, name)


def draw_margins(comparison: Compared, name: str) -> None:
    decoded = comparison.of(VCD.name)
    settings = decoded.method.settings() if decoded else VCD().settings()
    step = int(settings["step"])
    case = (
        comparison.case
        if name == comparison.case.vlm.name
        else replace(comparison.case, vlm=asking.model(name))
    )
    Section(
        f"{KEY}.margins.{name}",
        NoiseSteps(alpha=float(settings["alpha"])),
        case,
        f"{case.vlm.title} on “{case.prompt}”",
        known=comparison.shown.known,
        evidence=(
            Drawing(
                "margins",
                chart=Lines(
                    x="step",
                    series=LINES,
                    bands={"hidden": ("lowest", "highest")},
                    line=0,
                    now=step,
                    now_name="VCD",
                    height=400,
                    x_title="noise step t: the copy is hidden ever deeper",
                    title="← no     yes →   (logits apart)",
                ),
                finding=lambda views: margin_words(views["margins"], step),
            ),
        ),
    ).show()


def margin_words(margins_table: Table, step: int) -> str:
    at = int(np.abs(margins_table["step"] - step).argmin())
    clear, hidden, contrasted = (
        float(margins_table[name][at]) for name in ("clear", "hidden", "contrasted")
    )
    where = f"At t = {margins_table['step'][at]:.0f}"
    lean = (
        f"the clear image says {margin_text(clear)} ({clear:+.2f}), "
        f"the copy {margin_text(hidden)} ({hidden:+.2f})"
    )
    if hidden > clear:
        why = (
            "The copy leans more to yes than the image does: that much is habit, and subtracting "
            "it moves toward no"
        )
    else:
        why = (
            "The copy leans less to yes than the image does: the belief comes from something seen, "
            "and subtracting moves even further to yes. Contrasting cannot mend that"
        )
    return (
        f"{where} {lean}. {why}: VCD says {margin_text(contrasted)} ({contrasted:+.2f}).".replace(
            "-", "−"
        )
    )


def margin_text(margin: float) -> str:
    return "yes" if margin > 0 else "no"
