"""The part "Models": where each came from, its figures, and taking it along."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from components import sharing
from components.notices import escape_markdown, show_problems
from components.picks import pick
from components.sidebar.models import model_line
from components.sidebar.own_weights import safe_name
from components.taking import transfer_button
from components.views import HEATMAPS
from components.widgets.downloads import download
from engine.vision.models import catalog, checkpoints, class_names, embedded
from engine.vision.models.catalog import DEFAULT, ModelEntry
from engine.vision.models.checkpoints import PREFIX, Stored
from engine.vision.models.small import TITLES

MOST_MB = 500  # as for the other uploads; the engine refuses little more
FIGURES = {
    "train accuracy": "Train (%)",
    "validation accuracy": "Validation (%)",
    "test accuracy": "Test (%)",
    "balanced test accuracy": "Test by class (%)",
}
HELP = {
    "Train (%)": "Right answers on images that it learned from.",
    "Test by class (%)": "Every class counts alike.",
    "Attacked (%)": "Each test image is changed by an attack, whose reach the model tells.",
}


@dataclass(frozen=True)
class ModelRow:
    """A model of the tree."""

    entry: ModelEntry
    stored: Stored | None  # None for one whose file is not ours


def draw() -> None:
    lines = model_tree()
    draw_tree(lines)
    left, right = st.columns([3, 2], gap="large")
    with left:
        show_model(lines)
    with right:
        bring_in()


def model_tree() -> dict[str, ModelRow]:
    files = {
        network_file.name: network_file
        for network_file in (*embedded.stored(), *checkpoints.visible_models())
    }
    return {
        entry.line: ModelRow(entry, files.get(entry.name))
        for entry in catalog.entries()
        if entry.available
    }


def draw_tree(lines: Mapping[str, ModelRow]) -> None:
    trained_count = sum(line.entry.name.startswith(PREFIX) for line in lines.values())
    shipped_count = sum(line.stored is not None for line in lines.values()) - trained_count
    st.header(
        f"{len(lines)} models can be chosen: {shipped_count} ship with Blindspot, "
        f"{trained_count or 'none'} made "
        f"here, {len(lines) - shipped_count - trained_count} from elsewhere."
    )
    rows = [
        {
            "Model": line.entry.indented,
            "Size (kB)": round(line.entry.nbytes / 1000) or None,
            **{short: percent_figure(line.entry.figures, name) for name, short in FIGURES.items()},
            "Attacked (%)": robust_accuracy(line.entry.figures),
            "Data": line.stored.card.data if line.stored else "ImageNet",
            "Comes from": line.entry.reason,
        }
        for line in lines.values()
    ]
    st.dataframe(
        rows,
        hide_index=True,
        key="lab.tree",
        placeholder="",
        column_config={name: st.column_config.Column(help=words) for name, words in HELP.items()},
        alt=f"Table of {len(rows)} models with size, figures and data",
    )
    st.caption(
        "What was made from a model stands below it, moved in. Figures are images answered right."
    )


def percent_figure(figures: Mapping[str, float], name: str) -> float | None:
    return round(100 * figures[name], 1) if name in figures else None


def robust_accuracy(figures: Mapping[str, float]) -> float | None:
    return next((round(100 * v, 1) for name, v in figures.items() if "under attack" in name), None)


def show_model(lines: Mapping[str, ModelRow]) -> None:
    picked = pick(
        "Look at", list(lines), "lab.model", name="Model", rule="one of the table", kept=True
    )
    entry, stored = lines[picked].entry, lines[picked].stored
    st.header(escape_markdown(entry.title))
    if st.session_state.get("model", DEFAULT) == entry.name:
        st.caption("This is the model that views ask about an image.")
    if stored:
        show_card(entry, stored)
    else:
        st.markdown(f"{escape_markdown(entry.reason)}.")
    file = f"{safe_name(entry.title)}.safetensors"
    with st.container(horizontal=True, vertical_alignment="center"):
        transfer_button(entry.name, HEATMAPS, "lab.model", kind="primary")
        if stored and sharing.may_export(entry.name):
            names = class_names.is_private(stored.card) and st.checkbox(
                "with class names",
                key="lab.model.names",
                help="Your names of its classes are not kept with the model. Only with this they "
                "are in the file, for whoever gets it.",
            )
            download(
                "Export",
                sharing.exporter(entry.name, names=names),
                file,
                "lab.model.export",
                icon=":material/download:",
                help="One file: the weights, with the card inside.",
            )
        if sharing.owner_of(entry.name):
            with st.popover("Delete", icon=":material/delete:"):
                st.markdown(
                    "It cannot be had back, except by training it again. Where somebody else has "
                    "kept an equal model, theirs stays."
                )
                st.button(
                    "Delete it for good",
                    key="lab.model.delete",
                    on_click=delete_model,
                    args=(entry.name,),
                )


def show_card(entry: ModelEntry, stored: Stored) -> None:
    card = stored.card
    st.caption(f"{model_line(entry)} · fingerprint {card.fingerprint[:12]}")
    network = TITLES.get(card.architecture, card.architecture)
    labels = ", ".join(card.labels[:10]) + (" …" if len(card.labels) > 10 else "")
    st.markdown(
        f"Network: **{escape_markdown(network)}**, {card.side} × {card.side} px  \n"
        f"Classes: **{escape_markdown(labels)}**  \n"
        f"Learned from: **{escape_markdown(card.data or 'not told')}**, seed {card.seed}"
    )
    if class_names.has_stand_ins(card):
        st.caption("Its class names are yours and not kept: open the data again to see them.")
    with st.expander("Figures and recipe"):
        rows = [(name, f"{100 * value:.1f} %") for name, value in card.figures.items()]
        rows += [(str(name), str(value)) for name, value in card.recipe.items()]
        st.dataframe(
            [{"What": name, "Value": value} for name, value in rows],
            hide_index=True,
            alt=f"Table of {len(rows)} figures and settings",
        )


def delete_model(name: str) -> None:
    with show_problems():
        sharing.delete(name)
        if st.session_state.get("model") == name:
            st.session_state["model"] = DEFAULT


def bring_in() -> None:
    """A model that was exported here or elsewhere; a bad file changes nothing."""
    with st.container(border=True):
        uploaded = st.file_uploader(
            "Import an exported model (.safetensors)",
            key="lab.weights",
            max_upload_size=MOST_MB,
            help="A file that Blindspot exported: weights with their card. Code is never run.",
        )
        if uploaded is not None and st.session_state.get("lab.imported") != uploaded.file_id:
            with show_problems():
                content, filename = uploaded.getvalue(), safe_name(uploaded.name)
                stored = checkpoints.bring_in(content, filename, sharing.owners()[0])
                st.session_state["lab.imported"] = uploaded.file_id
                st.session_state["lab.imported.words"] = f"Imported: {stored.card.trail}."
                st.rerun()  # so that the table has it
        elif uploaded is not None:
            st.success(escape_markdown(st.session_state["lab.imported.words"]))
