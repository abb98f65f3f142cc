"""Before and after: does the answer follow the image when a thing is taken out of it?"""

import streamlit as st

from components.before_after import view

st.title("Before and after")
st.markdown("A thing is taken out of the scene. Does the answer **follow the image**, or stay?")

view.show()
