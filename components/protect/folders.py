"""A zip of the person's own class folders, protected and handed back."""

import json

import streamlit as st

from components import measurement, runs
from components.measurement import MeasurementOnDemand
from components.notices import escape_markdown
from components.picks import pick
from components.protect import trained
from components.protect.form import KEY, strength
from components.uploads import skipped
from components.widgets.downloads import download
from engine.evaluation.experiment import ChangedImage, ImageChange
from engine.unlearning import UnlearnableClusters
from engine.unlearning.protection.own_folders import (
    MOST_IMAGES,
    MOST_MB,
    MOST_PIXELS,
    ProtectedFolders,
    protected_folders,
)

SLOT = f"{KEY}.zip"
AS_ABOVE, CLUSTERS = "as the image above", UnlearnableClusters.title
ABOUT = (
    f"A zip with a folder for each class (cat/1.jpg, dog/2.png), up to {MOST_MB} MB, {MOST_IMAGES} "
    f"images and {MOST_PIXELS / 1e6:.0f} million pixels. It comes back with the same folders and "
    "names, as PNG, so that nothing of the noise is lost: upright, 8 bits a color, on white where "
    "it was transparent, and without what else the files say. The zip stays in this session's "
    "memory."
)


def show(method: ChangedImage) -> None:
    st.markdown("**Protect images of your own**")
    uploaded = st.file_uploader(
        "Zip of class folders", "zip", key=f"{SLOT}.file", max_upload_size=MOST_MB, help=ABOUT
    )
    let_go_of_others(uploaded.file_id if uploaded else "")
    if uploaded is None:
        return
    way = pick(
        "Protect them",
        (AS_ABOVE, CLUSTERS),
        f"{SLOT}.way",
        "pills",
        help="As the image above, class by class; or without looking at labels, by clusters of "
        "images that look alike to a network.",
    )
    if way == CLUSTERS or not isinstance(method, ImageChange):
        kind = UnlearnableClusters if way == CLUSTERS else trained.FOR_SETS[type(method)]
        trained.show(kind, method, uploaded)
        return
    settings = json.dumps(method.settings(), sort_keys=True)
    folders_request: MeasurementOnDemand[ProtectedFolders] = MeasurementOnDemand(
        SLOT,
        "The protected images",
        f"{uploaded.file_id}|{method.full_name()}|{settings}",
        "cpu",
        lambda progress: protected_folders(uploaded.getvalue(), uploaded.name, method, progress),
        f"Protect them: {method.short}, {strength(method)}",
        "Protect them again",
        last=True,
    )
    measurement.show(folders_request, lambda result: offer(method, result))


def let_go_of_others(file: str) -> None:
    """Nothing is held or computed any more of a zip that was taken away or replaced."""
    if st.session_state.get(f"{SLOT}.of", "") == file:
        return
    st.session_state[f"{SLOT}.of"] = file
    for slot in (SLOT, trained.SLOT):
        st.session_state.pop(slot, None)
        runs.stop_all(slot)


def offer(method: ChangedImage, protected: ProtectedFolders) -> None:
    st.caption(
        escape_markdown(
            f"{protected.count} images of {len(protected.classes)} classes, protected by "
            f"{method.short}, {strength(method)}: no pixel changes by more than {protected.most} "
            "of 255 gray levels."
        )
    )
    download(
        f"Download the zip ({len(protected.content) / 1e6:.1f} MB)",
        lambda: protected.content,
        "blindspot-protected.zip",
        f"{SLOT}.download",
        icon=":material/download:",
        kind="primary",
    )
    skipped(protected.skipped)
