"""Experiments on sparsity: claims of papers on networks that train with few weights, tried here."""

import streamlit as st

from components.experiments import view
from engine.sparsity import EXPERIMENTS

st.title("Experiments")

view.show(EXPERIMENTS, "sparsity")
