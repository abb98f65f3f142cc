"""Experiments on unlearning: claims of papers, tried here."""

import streamlit as st

from components.experiments import view
from engine.unlearning import EXPERIMENTS

st.title("Experiments")

view.show(EXPERIMENTS)
