"""Whether the picked words hang on what they looked at: things taken out, one after another."""

from functools import partial
from typing import Any

import streamlit as st

from components.dialog.scene import KEY, DialogImage
from components.links import let_go
from components.notices import escape_markdown
from components.section import Section
from engine.core.charts.bars import Bars
from engine.core.charts.drawing import Drawing
from engine.core.charts.lines import Lines
from engine.core.result import HeatMap
from engine.hallucination import asking
from engine.hallucination.grounding import findings
from engine.hallucination.grounding.cause import Cause
from engine.hallucination.grounding.word_case import WordCase
from engine.vision.data.layout import Scene

ATTENTION = Bars(value="attention", title="% of attention", whole=True)
LOST = Bars(value="lost", title="points lost", whole=True, color=1)


def show(dialog_image: DialogImage, picked: WordCase, attention_map: HeatMap | None) -> None:
    scene = picked.scene
    if attention_map is None:
        return
    if scene is None:
        st.caption(
            "Nobody knows what a photograph would look like without a thing. Hide a region below "
            "instead: that is another image, not one without what was there."
        )
    elif not scene.things:
        st.info("The scene is empty: whatever the model says, it hangs on nothing in it.")
    else:
        show_causes(dialog_image, picked, scene, attention_map)
        fading(dialog_image, picked, scene)


def show_causes(
    dialog_image: DialogImage, picked: WordCase, scene: Scene, attention_map: HeatMap
) -> None:
    case, phrase = asking.without_each(picked, scene), picked.phrase
    table = partial(findings.thing_table, picked, attention_map)
    Section(
        f"{KEY}.cause",
        Cause(),
        case,
        f"What does {phrase} hang on?",
        known=image_arguments(dialog_image, "each"),
        sentence=lambda result: findings.hangs_on(
            phrase, table(result["images"]), result["images"]["probability"][0]
        ),
        evidence=(
            Drawing(
                "images",
                "Looked at",
                ATTENTION,
                part=table,
                finding=lambda result: findings.on_no_thing(table(result["images"])),
            ),
            Drawing(
                "images",
                f"{phrase} hangs on",
                LOST,
                part=table,
                finding=lambda result: (
                    f"How many points {phrase} loses of its "
                    f"{100 * result['images']['probability'][0]:.0f} % when the thing is taken out."
                ),
            ),
        ),
        detail=lambda result: st.markdown(
            escape_markdown(findings.answers_without(case, result["images"]))
        ),
    ).show()


def image_arguments(dialog_image: DialogImage, *against: str) -> dict[str, Any]:
    """By which a question about other images is asked again; nothing where it cannot be."""
    settings = dialog_image.known
    return {**settings, "against": against} if settings else {}


def fading(dialog_image: DialogImage, picked: WordCase, scene: Scene) -> None:
    picture, key = st.container(), f"{KEY}.faded"
    opacity = {scene_object.category: scene_object.opacity for scene_object in scene.things}
    let_go(key, opacity)
    name = st.selectbox("Fade away", list(opacity), key=key)
    chart = Lines(
        x="opacity",
        series={"probability": "probability"},
        x_title=f"opacity of the {name}",
        title="probability of the word",
        span=(0, 1.12),
        line=0.5,
        now=opacity[name],
        now_name=f"this image, {100 * opacity[name]:.0f} %",
    )
    drawing = Drawing(
        "images",
        f"While the {name} fades",
        chart,
        part=findings.by_opacity,
        finding=lambda result: findings.fades(picked.phrase, name, result["images"]),
    )
    with picture:
        Section(
            f"{KEY}.fading",
            Cause(),
            asking.faded(picked, scene, name),
            explained=False,
            known=image_arguments(dialog_image, f"faded:{name}"),
            evidence=[drawing],
            sentence=lambda _: "",  # the caption has it
        ).show()
