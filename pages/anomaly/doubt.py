"""Confusion or ignorance: does the model hesitate between classes, or know none of them?"""

import streamlit as st

from components import in_distribution, notices
from components.doubt import form, view
from components.sidebar import subject
from components.views import ANOMALY_EXPERIMENTS

st.title("Confusion or ignorance")
st.markdown("Does the model hesitate between classes that it knows, or does it know none of them?")

about = subject.current({"seed"})
answer, controls, blends, below = (st.container() for _ in range(4))
with notices.show_problems():
    with answer:
        asked = form.choose(about)
        if asked.own:
            in_distribution.show_usualness(about)
    with controls:
        method = view.settings()
    with answer:
        view.show(asked, method, below)
    with blends:
        view.show_blends(asked, method.loss)

st.page_link(ANOMALY_EXPERIMENTS.path, label="Which claims of the papers hold here: Experiments")
