"""Judge a model: did a model that somebody made forget really forget?"""

import streamlit as st

from components.forget import judge

st.title("Judge a model")
st.markdown("Did a model that was made to forget, here or elsewhere, really forget?")

judge.show()
