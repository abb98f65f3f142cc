"""Inside: whether a model's own states tell that it makes something up."""

from dataclasses import replace

import streamlit as st

from components.inside import form, probe, view

st.title("Inside")
st.markdown("Does the model **know** when it makes something up?")

answer, controls = st.container(), st.container()
with controls:
    shown, case, given = form.choose()
with answer:
    method = replace(view.METHOD, **given)
    view.show(shown, case, method)
if learned := view.probe_question(case, method):
    st.divider()
    probe.show(learned)
