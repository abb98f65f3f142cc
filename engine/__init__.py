"""What computes: cases in, results out. Knows torch; knows nothing of Streamlit or Plotly."""
