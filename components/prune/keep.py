"""The section "Keep it": masks as a file, the pruned model as a model, and training it again."""

import re
from dataclasses import replace
from typing import Any

import streamlit as st

from components import forms, measurement, runs, sharing
from components.draw.checkpoint import KEEP, NOT_YOURS, TAKEN, draw_checkpoint
from components.measurement import MeasurementOnDemand
from components.prune.asked import KEY, PruneQuestion, model_identity, pruned_model, with_rule
from components.section import Section
from components.views import PRUNE
from components.widgets.downloads import download
from engine.core.charts.drawing import Drawing, Views
from engine.core.result import Scores
from engine.sparsity import Masks, Prune, RetrainPruned, masks_file, rounds_of, shrunk
from engine.sparsity.masks.pruning import Pruning
from engine.vision.models.extras import ONNX
from engine.vision.models.onnx_file import OnnxFile, onnx_file

CHECKED = 64  # test images that an ONNX file is compared on


def show(question: PruneQuestion, masks: Masks) -> None:
    if not sharing.may_copy(question.case.model.fingerprint):
        st.info(NOT_YOURS)
        return
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**The pruned model**")
        st.caption(
            "A copy below its parent; the original stays. It can be chosen on every page, and "
            "carries its masks."
        )
        smaller = forms.settings(Prune, KEY, {"smaller"})
        keep_section(question, replace(question.method, **smaller), KEEP).show()
        st.markdown("**Rounds**")
        st.caption(
            f"This is round {rounds_of(question.case.model) + 1}. For the next one keep the pruned "
            "model, trained again or not, and take it to Prune: what was cut stays cut, and the "
            "share counts against all weights. Between rounds weights keep the values they have; "
            "they are not rewound to an earlier step of their training."
        )
        st.markdown("**The masks**")
        masks_button(question, masks)
        st.markdown("**For other programs**")
        as_onnx(question, masks)
    with right:
        unmet = bool(RetrainPruned.unmet(question.case))
        if not unmet:
            forms.refuse_links(RetrainPruned, f"{KEY}.Retrain")
        settings = (
            {} if unmet else forms.settings(RetrainPruned, f"{KEY}.Retrain", {"epochs", "rate"})
        )
        retrain = with_rule(question.method, RetrainPruned, **settings)
        keep_section(question, retrain, "Train it again").show()


def keep_section(question: PruneQuestion, method: Pruning, button: str) -> Section:
    training = isinstance(method, RetrainPruned)
    return Section(
        KEY,
        method,
        question.case,
        columns=1,
        button=button,
        explained=training,
        keeps=training,
        title="Trained again, with its zeros held" if training else "",
        before="It goes on when you leave the page, and can be stopped at any time. The zeros "
        "stay zeros in every step."
        if training
        else "",
        picture=show_accuracy,
        evidence=(
            Drawing("model", by=lambda result: keep_model(result, f"{KEY}.{method.name}")),
            Drawing("log"),
        ),
    )


def show_accuracy(result: Views) -> None:
    scores: Scores = result["figures"]
    rows = zip(scores.labels, scores.values, strict=True)
    st.markdown("  \n".join(f"{label}: **{100 * float(value):.1f} %**" for label, value in rows))
    if "model" not in result:
        st.caption("This model cannot be kept: its network cannot be built again.")


def keep_model(answer: Any, slot: str) -> None:
    views, is_pressed = (*TAKEN, PRUNE), runs.pressed_for(answer)
    draw_checkpoint(answer["model"], slot, views, at_once=is_pressed)


def masks_button(question: PruneQuestion, masks: Masks) -> None:
    model = question.case.model
    about = {"model": model.name, "fingerprint": model.fingerprint, **question.method.settings()}
    download(
        "Download the masks",
        lambda: masks_file(masks, about),
        f"blindspot-masks-{stem(question)}.npz",
        f"{KEY}.download",
        icon=":material/download:",
        help="An .npz file: for each weight its mask, one bit a weight (np.unpackbits), and what "
        "was cut by which rule. It can be held beside others under “Two criteria”.",
    )


def as_onnx(question: PruneQuestion, masks: Masks) -> None:
    smaller = shrunk(pruned_model(question, masks))
    st.caption(f"The pruned network as an ONNX file. {smaller.words}")
    if not ONNX.installed:
        st.caption(f"It needs further libraries: `{ONNX.install}`, then start again.")
        return
    model, data = smaller.model, question.case.data
    rows = data.some("test", CHECKED)
    pixels = data.pixels(rows)
    name = f"onnx {model_identity(model)} {data.fingerprint}"
    export: MeasurementOnDemand[OnnxFile] = MeasurementOnDemand(
        f"{KEY}.onnx",
        "The ONNX file",
        name,
        question.case.lane,
        lambda progress: onnx_file(model, pixels, progress),
        "Make the ONNX file",
        last=True,
    )
    measurement.show(export, lambda result: onnx_made(question, result, len(rows)))


def onnx_made(question: PruneQuestion, export: OnnxFile, images: int) -> None:
    onnx, torch = export.milliseconds
    st.markdown(
        f"**{len(export.data) / 1e6:.2g} MB.** On {images} test images onnxruntime’s logits differ "
        f"from PyTorch’s by at most {1e6 * export.difference:.2g} millionths of the largest. One "
        f"image takes {onnx:.2g} ms there and {torch:.2g} ms in PyTorch (medians, taken in turns)."
    )
    download(
        "Download the ONNX file",
        lambda: export.data,
        f"blindspot-{stem(question)}.onnx",
        f"{KEY}.onnx.download",
        icon=":material/download:",
        help="It takes RGB pixels from 0 to 1, any number of images, and gives logits. The names "
        "of the classes stand in its metadata.",
    )


def stem(question: PruneQuestion) -> str:
    return re.sub(r"\W+", "-", question.case.model.name).strip("-")
