"""Speed, as ratios measured side by side in one process: `python -m benchmarks`."""

import engine  # noqa: F401 - before torch: threads wait as they do in the app
