"""What a person sees and moves: knows Streamlit and Plotly, not torch."""
