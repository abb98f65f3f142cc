"""Experiments on what moves a vision-language model: claims of papers, tried here."""

import streamlit as st

from components.experiments import view
from engine.hallucination import EXPERIMENTS

st.title("Experiments")

view.show(EXPERIMENTS, "hallucination")
