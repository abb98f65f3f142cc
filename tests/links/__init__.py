"""Links of every view with values that nobody means, over Streamlit's own protocol."""
