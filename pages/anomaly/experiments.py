"""Experiments on anomalies: claims of papers on rare, unseen and unlike images, tried here."""

import streamlit as st

from components.experiments import view
from engine.anomaly import EXPERIMENTS

st.title("Experiments")

view.show(EXPERIMENTS, "anomaly")
