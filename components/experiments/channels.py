"""Which channels an image uses in FTWT's network, and what it costs beside other images."""

import numpy as np
import streamlit as st

from components.asked_image import SIDEBAR_IMAGE, TEST, choose_image
from components.draw.drawing import draw
from components.notices import escape_markdown
from components.picks import pick
from components.rebuilt import NETWORKS
from components.sidebar.subject import image_alone
from components.widgets.pictures import show_picture
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.matrix import Matrix
from engine.core.charts.words import percent
from engine.core.result import Checkpoint, Table
from engine.evaluation.experiment import ExperimentCase
from engine.sparsity.ftwt.channels import ImageChannels, restored, used
from engine.vision.models.classifier import Classifier

RARE = 0.1  # of the test images


def network_of(view: Checkpoint, digest: str, card: str) -> Classifier:
    """The network that chooses channels by image; weights and card, with its labels, name it."""
    return NETWORKS.made(repr(("channels", digest, card)), lambda: restored(view))


def show(result: Views, case: ExperimentCase, key: str) -> None:
    view: Checkpoint = result["network"]
    st.header("Which channels this image uses")
    about = pick("Asked about", (TEST, SIDEBAR_IMAGE), f"{key}.about", "segments")
    sidebar_image = image_alone() if about == SIDEBAR_IMAGE else None
    model = network_of(view, view.digest, view.card)
    image = choose_image(case.data, case.seed, model, sidebar_image, key)
    use = used(image.case)
    st.markdown(f"**{escape_markdown(sentence(use, result['costs'], image.about))}**")
    left, right = st.columns([1, 3], gap="large")
    with left:
        words = f"It says {use.label}, {percent(use.probability)} sure."
        show_picture(image.pixels, words, width="stretch")
        st.caption(escape_markdown(words))
    with right:
        usage: Table = result["usage"]
        drawn = {"own": Table.grid(use.on, usage.rows, usage.order, usage.units), "usage": usage}
        words = f"Bright: on; dark: off. {rare(use, usage)}"
        draw_channel_matrix(drawn, "own", "Channels that are on for this image", words, key)
        words = "With the first seed's network."
        draw_channel_matrix(drawn, "usage", "In how many test images each is on (%)", words, key)


def draw_channel_matrix(drawn: Views, name: str, title: str, words: str, key: str) -> None:
    chart = Matrix(span=(0, 100), numbers=False, height=240, x_title="channel")
    draw(Drawing(name, title, chart=chart, finding=lambda _: words), drawn, f"{key}.{name}")


def sentence(use: ImageChannels, costs: Table, about: str) -> str:
    on, total = int(np.nansum(use.on)), int(np.isfinite(use.on).sum())
    others = costs["multiply-adds"]
    cheaper = float((others < use.cost).mean())
    return (
        f"{about[:1].upper()}{about[1:]} uses {on} of {total} channels and "
        f"{percent(use.cost)} of the multiply-adds with all channels; the mean of the test images "
        f"is {costs['channels'].mean():.0f} and {percent(float(others.mean()))}, and "
        f"{100 * cheaper:.0f} % of them cost less."
    )


def rare(use: ImageChannels, usage: Table) -> str:
    rows, columns = np.nonzero((use.on == 1) & (usage.values < RARE))
    if not len(rows):
        return f"None of its channels is on in fewer than {percent(RARE)} of the test images."
    named = "; ".join(
        f"{usage.rows[row]}: {', '.join(str(channel + 1) for channel in columns[rows == row])}"
        for row in dict.fromkeys(rows.tolist())
    )
    return f"On in fewer than {percent(RARE)} of the test images: {named}."
