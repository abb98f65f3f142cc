"""Inside: whether a model's own states tell that it makes something up."""

from dataclasses import replace

import streamlit as st

from components.inside import form, probe, view

st.title("Inside")
st.markdown("Does the model **know** when it makes something up?")

answer, controls = st.container(), st.container()
with controls:
    dialog_image, case, settings = form.choose()
with answer:
    method = replace(view.METHOD, **settings)
    view.show(dialog_image, case, method)
if probe_pair := view.probe_question(case, method):
    st.divider()
    probe.show(probe_pair)
