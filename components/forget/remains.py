"""What a model that forgot still has: the probe, the nearest images, and how soon it is back."""

from __future__ import annotations

import numpy as np
import streamlit as st

from components import section
from components.draw.bars import Dots
from components.draw.drawing import Drawing, Views
from components.draw.lines import Lines
from components.forget.asked import KEY, MODELS, WORDS, Closer
from components.forget.each_image import CHOSEN
from components.forget.words import percent
from components.links import let_go
from components.notices import plain
from components.section import Section
from components.widgets.data_images import LARGE, image_thumb
from components.widgets.thumbs import thumbs
from engine.result import Columns
from engine.unlearning import Relearn, StillThere

HIDDEN = 0.05  # of the images more than in the retrained model: something stayed
NAMES = {**{name: WORDS[name] for name in MODELS}, "untrained": "never learned anything"}
PROBE = Drawing(
    "figures", "What a new last layer could still tell",
    lambda found: Dots(
        series={"probe": "found by the probe", "alike": "nearest images with its label"},
        names=[NAMES[name] for name in found["figures"].rows],
        title="of the forgotten images (%)", span=(-4, 104), height=320,
    ),
    lambda found: left(found["figures"]),
)  # fmt: skip


def left(figures: Columns) -> str:
    """What a new last layer would read from the features."""
    own, goal = (figures.cell(name, "probe") for name in MODELS[1:])
    return (
        f"What is still there: from what it sees inside, a new last layer that is taught half of "
        f"those images finds {percent(own)} of the others ({percent(goal)} in the model that never "
        f"saw them). {stayed(figures)}"
    ).strip()


def stayed(figures: Columns) -> str:
    """That more of it can be read inside than in the retrained model; "" where it cannot."""
    own, goal = (figures.cell(name, "probe") for name in MODELS[1:])
    if own - goal <= HIDDEN:
        return ""
    return f"Something stayed behind inside: {percent(own)} can be read there ({percent(goal)})."


def show(closer: Closer) -> None:
    """The probe and the neighbors."""
    section.show(
        Section(
            KEY, StillThere(), closer.case, evidence=[PROBE], columns=1,
            button="Look what is still there",
            before="A linear probe is taught on what each model sees before its last layer, with "
            "half of the forgotten images, and is asked about the other half.",
            detail=lambda found: neighbors(closer, found["neighbors"]),
        )
    )  # fmt: skip


def neighbors(closer: Closer, view: Columns) -> None:
    """The training images that lie nearest to the chosen one in the unlearned model."""
    st.caption(
        "Every model that learned to see well lets some of it be read: compare with the one that "
        "never saw them, not with 0."
    )
    st.markdown("**What it takes them to be like now**")
    data, ids = closer.data, [int(number) for number in view["id"]]
    chosen = st.session_state.get(CHOSEN)
    first = ids.index(chosen) if chosen in ids else 0
    key = f"{KEY}.neighbors.of"
    let_go(key, ids, ids[first])
    number = st.selectbox("Forgotten image", ids, first, key=key, format_func=lambda n: f"id {n}")
    near = [int(view[name][ids.index(number)]) for name in view.order[1:]]
    rows = data.places(np.array([number, *near]))
    words = [data.classes[data.labels[row]] for row in rows]
    shown = [
        image_thumb(
            data, int(row), f"{f'no. {at}' if at else 'this one'}: {word}", LARGE, chosen=not at
        )
        for at, (row, word) in enumerate(zip(rows, words, strict=True))
    ]
    thumbs(shown, "The image and its nearest", f"{KEY}.neighbors", lambda _: None)
    st.caption(plain(
        f"To the unlearned model, {words[1:].count(words[0])} of the {len(near)} nearest training "
        f"images are {words[0]} as well."
    ))  # fmt: skip


def relearn(closer: Closer) -> None:
    """How soon it is all back."""
    losses = Drawing(
        "losses", "How soon it is all back",
        Lines(x="step", series=WORDS, x_title="batches learned again",
              title="loss on the forgotten images (nats)"),
        relearn_finding,
    )  # fmt: skip
    section.show(Section(KEY, Relearn(), closer.case, evidence=[losses], columns=1))


def relearn_finding(found: Views) -> str:
    """The steps of the unlearned and of the retrained model."""
    own, goal = (steps(found["needed"].cell(name, "steps")) for name in MODELS[1:])
    return (
        f"What was unlearned has them back {own}; the model that never saw them {goal}. A model "
        "that has only hidden them has them back sooner than one that never saw them."
    )


def steps(count: float) -> str:
    """In words."""
    if not np.isfinite(count):
        return "not within these steps"
    return "at once" if count == 0 else f"after {count:.0f} step{'' if count == 1 else 's'}"
