"""Noise made for a whole set: the person's own zip, which a small network learns meanwhile."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import streamlit as st

from components import forms
from components.notices import escape_markdown
from components.protect.form import KEY
from components.section import Section
from components.uploads import describe, without_name
from components.widgets.downloads import download
from engine.core.charts.cluster_map import ClusterMap
from engine.core.charts.drawing import Drawing, Views
from engine.core.errors import BadData
from engine.core.result import ImageNoise
from engine.evaluation.experiment import ChangedImage
from engine.unlearning import EasyImage, ErrorMinimizing, LocallyMaskedImage, Protection, Salm
from engine.unlearning.protection.own_set import (
    MOST_IMAGES,
    SIDES,
    own_set,
    set_file,
    surrogate_case,
)
from engine.vision.data.folders import Imported

SLOT = f"{KEY}.set"
FOR_SETS: dict[type[Any], type[Protection]] = {EasyImage: ErrorMinimizing, LocallyMaskedImage: Salm}


def show(kind: type[Protection], image_method: ChangedImage, uploaded: Any) -> None:
    side = int(
        st.number_input(
            "Side of the images (px)",
            *SIDES,
            32,
            8,
            key=f"{SLOT}.side",
            help="Noise of this kind is made for all images together: the middle square of each is "
            f"brought to this size. At most {MOST_IMAGES:,} images.",
        )
    )
    try:
        with st.spinner("Reading the images"):
            imported = import_data(uploaded, side)
    except BadData as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
        return
    describe(imported.summary, imported.skipped)
    shared = shared_settings(kind, image_method)
    settings = forms.folded_settings(
        kind, f"{KEY}.{kind.name}", setting_labels(kind).keys() - shared, "Settings of the noise"
    )
    method = kind(**shared, **settings)
    Section(
        SLOT,
        method,
        surrogate_case(imported.data),
        button=f"Make noise for {len(imported.data):,} images",
        before="A small network learns the images, and their noise is made with it. It can be "
        "stopped. The noise and a picture of some images are kept on this computer, as answers "
        "are; the zip is not.",
        evidence=[Drawing("picture", wide=True), *MAPS],
        detail=lambda answer: offer(uploaded, imported, answer["noise"]),
    ).show()


def import_data(uploaded: Any, side: int) -> Imported:
    stored: dict[Any, Imported | str] = st.session_state.setdefault(SLOT, {})
    key = (uploaded.file_id, side)
    if key not in stored:
        stored.clear()
        try:
            read = own_set(uploaded.getvalue(), uploaded.name, side)
            stored[key] = replace(read, data=without_name(read.data))
        except BadData as error:
            stored[key] = str(error)
    if isinstance(result := stored[key], str):
        raise BadData(result)
    return result


def shared_settings(kind: type[Protection], image_method: ChangedImage) -> dict[str, Any]:
    """The settings of a way for sets that the way for one image has too, under the same label."""
    settings, words = image_method.settings(), setting_labels(image_method)
    return {
        name: settings[name]
        for name, label in setting_labels(kind).items()
        if words.get(name) == label
    }


def setting_labels(kind: Any) -> dict[str, str]:
    return {spec.name: spec.metadata["label"] for spec in fields(kind)}


def cluster_map(state: str, ends: tuple[str, str] | None = None) -> Callable[[Views], ClusterMap]:
    return lambda result: ClusterMap(
        centers=result["clusters"], state=state, ends=ends, states=("clean", "protected")
    )


MAPS = (
    Drawing("map", "Clean images, and where each cluster is to be drawn", cluster_map("clean")),
    Drawing(
        "map",
        "Protected images, and where the clusters have gone",
        cluster_map("protected", ("protected x", "protected y")),
    ),
)


def offer(uploaded: Any, imported: Imported, noise: ImageNoise) -> None:
    st.caption(
        escape_markdown(
            f"{len(imported.data):,} images, each of {imported.data.images.shape[2]} px."
        )
    )
    download(
        "Download the zip",
        lambda: set_file(uploaded.getvalue(), uploaded.name, imported.data, noise),
        "blindspot-protected.zip",
        f"{SLOT}.download",
        icon=":material/download:",
        kind="primary",
    )
