"""What computes: cases in, results out. Knows torch; knows nothing of Streamlit or Plotly."""

from engine.process import prepare

prepare()
