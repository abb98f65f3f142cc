"""What computes: cases in, results out. Knows torch; knows nothing of Streamlit or Plotly."""

import os

# Before torch is loaded: its waiting threads spin a little, then sleep. Measured on two cores with
# EfficientNet-Lite0, one image: two processes at once 23 ms each against 393 ms with the usual long
# spin (and 15 to 19 ms without any); alone 9 to 10 ms like the usual (12 to 13 ms without any).
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
