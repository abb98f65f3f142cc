"""Experiments on what a network looks at and what fools it: claims of papers, tried here."""

import streamlit as st

from components.experiments import view
from engine.attribution import EXPERIMENTS

st.title("Experiments")

view.show(EXPERIMENTS, "attribution")
