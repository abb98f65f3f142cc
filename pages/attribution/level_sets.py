"""Level sets: what can change in the image without the model noticing."""

import streamlit as st

from components import in_distribution
from components.level_sets import asked, partners, view
from components.sidebar import subject

st.title("Level sets")
st.markdown(
    "What can change in the image without the model noticing? Walk from your image towards "
    "another one while the model goes on saying the same."
)

about = subject.current()
st.markdown(view.question(about))
in_distribution.line(about)
way = view.pick_view()
chosen = view.targets(way, about)
walk = asked.walk_settings(about)
way.show(about, chosen, walk)

with st.expander("Targets of yours"):
    partners.open_own()
