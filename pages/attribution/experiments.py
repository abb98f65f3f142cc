"""Experiments on attribution: models that were built to explain themselves, tried here."""

import streamlit as st

from components.experiments import view
from engine.attribution import EXPERIMENTS

st.title("Experiments")

view.show(EXPERIMENTS, "attribution")
