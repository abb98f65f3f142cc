"""The generator that forgot, to take along as a file."""

import json

import streamlit as st

from components import measurement
from components.generator.form import KEY, GeneratorQuestion
from components.measurement import MeasurementOnDemand
from components.notices import escape_markdown
from components.widgets.downloads import download
from engine.unlearning.salun.generator_file import card_of_forgotten, forgotten_file


def keep(question: GeneratorQuestion) -> None:
    method, case = question.method, question.case
    st.markdown(f"**The generator that forgot the {escape_markdown(method.label)}**")
    st.caption(
        "Its weights after SalUn as a .safetensors file, with a card that says how they were made. "
        "Making it runs SalUn once more. The app keeps no copy."
    )
    file_request: MeasurementOnDemand[bytes] = MeasurementOnDemand(
        f"{KEY}.file",
        "The file of the generator",
        json.dumps(card_of_forgotten(method, case), sort_keys=True),
        case.lane,
        lambda progress: forgotten_file(method, case, progress),
        "Make the file",
        "Make it again",
        last=True,
    )
    measurement.show(file_request, lambda content: offer(question, content))


def offer(question: GeneratorQuestion, content: bytes) -> None:
    download(
        f"Download the weights ({len(content) / 1e6:.1f} MB)",
        lambda: content,
        f"blindspot-{question.case.generator.name}-forgot-{question.method.label}.safetensors",
        f"{KEY}.file.download",
        icon=":material/download:",
        help="docs/generator.md has the lines of Python that read it.",
    )
