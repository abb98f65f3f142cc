"""What Confusion or ignorance is asked about: the sidebar's image, or an example that fits."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from components.notices import escape_markdown
from components.picks import pick
from components.sidebar.subject import Subject
from engine.anomaly import FVR, FamiliarCase
from engine.commands.openings import anomaly as opening
from engine.core.errors import BlindspotError
from engine.core.question import Question
from engine.evaluation.detection import sources
from engine.vision.case import model_input
from engine.vision.images import Crop
from engine.vision.models.catalog import load
from engine.vision.models.classifier import Classifier
from engine.vision.pictures import EXAMPLE

KEY = "doubt"
NEXT = "the next most plausible"


@dataclass(frozen=True, kw_only=True)
class DoubtedImage(Question[FVR, FamiliarCase]):
    """The question about an image among normal ones of the model's own classes.

    Args:
        toward: the class that it is blended with first; None for the next most plausible.
        own: whether it is the sidebar's image, and not an example in its place.
    """

    toward: str | None = None
    own: bool = False


def choose(subject: Subject) -> DoubtedImage:
    """The sidebar's image where its model can be asked, else an example, with the reason said."""
    model, seed = subject.case.model, subject.case.seed
    reason, name = "", sources.training_data_name(model)
    if not name:
        reason = "what it learned from is not here with its labels."
    else:
        with st.spinner("Making the images; the first time this may take some seconds"):
            case = familiar_case(
                model, subject.case.image, name, subject.arguments.get("image", ""), seed
            )
        reason = FVR.unmet(case)
        if not reason:
            return DoubtedImage(FVR(), case, known_of(case, subject.arguments), own=True)
    st.caption(
        escape_markdown(
            f"An example, as {model.title} cannot be asked. Try Digits CNN or Phantom CNN."
        ),
        help=escape_markdown(
            f"{model.title} cannot be asked: {reason} Choose a model in the sidebar that "
            "was trained here."
        ),
    )
    return instead(seed)


def familiar_case(model: Classifier, image: Any, name: str, source: str, seed: int) -> FamiliarCase:
    normal = sources.normal(name)
    unknown, group = unknown_of(normal, model, seed), sources.group_of(source, normal)
    return FamiliarCase(model, image, normal, unknown, group, seed)


def unknown_of(normal: Any, model: Classifier, seed: int) -> Any:
    offered = (source.name for source in sources.unknown_sources(normal) if not source.reason)
    try:
        return sources.unknown(next(offered), normal, model, seed)
    except (StopIteration, BlindspotError):
        return None


def known_of(case: FamiliarCase, arguments: Mapping[str, Any]) -> dict[str, Any]:
    if not arguments:
        return {}
    first = next(
        (source.name for source in sources.unknown_sources(case.normal) if not source.reason), None
    )
    return {**arguments, "unknown": first if case.unknown is not None else None}


def instead(seed: int) -> DoubtedImage:
    name, _, toward = opening.DOUBTED
    model, example = load(name), opening.doubted()
    source = f"{EXAMPLE}{example.name}"
    image = model_input(example.picture(), Crop(), model)
    case = familiar_case(model, image, sources.training_data_name(model), source, seed)
    return DoubtedImage(FVR(), case, known_of(case, {"image": source}), toward=toward)


def choose_toward(question: DoubtedImage) -> str | None:
    labels = question.case.model.labels
    present = np.unique(question.case.parts[1].data.labels)
    offered = [NEXT, *(labels[int(index)] for index in present)]
    chosen = pick(
        "Toward",
        offered,
        f"{KEY}.toward",
        first=question.toward or NEXT,
        name="Toward",
        rule="one of the model's classes",
        help="The class that the image is blended with.",
    )
    return None if chosen == NEXT else chosen
