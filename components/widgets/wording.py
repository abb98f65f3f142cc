"""How numbers are written beside pictures."""

import numpy as np


def with_unit(number: str, unit: str) -> str:
    return f"{number} {unit}" if unit else number


def short_number(number: float) -> str:
    """Two significant digits with a true minus sign; powers of ten only at the far ends."""
    size = abs(number)
    if size and not 1e-3 <= size < 1e5:
        text = f"{number:.1e}".replace("e-0", "e-").replace("e+0", "e")
    else:
        rounded = float(f"{number:.2g}") if size < 100 else round(number)
        rounded += 0.0  # no sign before zero
        text = np.format_float_positional(rounded, trim="-")
    return text.replace("-", "−")


def how_alike(correlation: float) -> str:
    for least, words in ((0.7, "agree"), (0.3, "agree in part"), (-0.3, "do not agree")):
        if correlation >= least:
            return words
    return "contradict each other"
