"""What computes: cases in, results out. Knows torch; knows nothing of Streamlit or Plotly."""

import os

# Before torch is loaded: threads that wait for work sleep instead of spinning. With two processes
# on two cores, spinning made a forward pass 25 to 70 times slower (measured: 400 to 1050 ms an
# image against 15), and it gains nothing that shows when the machine is idle.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
