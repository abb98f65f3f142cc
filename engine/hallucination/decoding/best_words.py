"""The best words where one was chosen: by the model, by what is held against it, and in the end."""

from typing import Any

import numpy as np

from engine.core.method import Method
from engine.core.result import Floats, Ranking, Result, Table
from engine.hallucination.vasparse.strategy import CUT

MOST_WORDS = 8  # words at most
FEWEST = 2  # beside the chosen one
FAINT = 0.01  # probability below which everywhere a word is not worth a row
CUTS = {"VCD": "beta", "DoLa": "cut", "SCMoE": "alpha"}  # the setting that has it


def best_words(answer: Result, place: int) -> Table:
    """The words that could have stood at a place, the chosen one first, in percent.

    Returns:
        Columns "strong" (the model itself), "weak" (what is held against it, if there is such) and
        "final" (what was chosen from); NaN where a word is not among the best eight.
    """
    best: dict[str, dict[str, float]] = {}
    for kind in ("strong", "weak", "final"):
        if isinstance(view := answer.get(kind), Ranking):
            best[kind] = dict(zip(view.labels[place], view.values[place].tolist(), strict=True))
    word: str = answer["answer"].words[place]  # type: ignore[attr-defined]  # Tokens
    ordered = dict.fromkeys([*best["final"], *best["strong"], *best.get("weak", {})])
    worth = {name: max(shares.get(name, 0.0) for shares in best.values()) for name in ordered}
    others = sorted((name for name in worth if name != word), key=lambda name: -worth[name])
    shown_names = [name for at, name in enumerate(others) if worth[name] >= FAINT or at < FEWEST]
    names = (word, *shown_names[: MOST_WORDS - 1])
    values = [[100 * shares.get(name, np.nan) for shares in best.values()] for name in names]
    return Table.grid(np.array(values, np.float32), names, tuple(best), ("%",) * len(best))


def cut_of(method: Method[Any], answer: Result, place: int) -> float:
    """The percentage that a word needs with the model itself; 0 for a strategy without a cut."""
    settings = method.settings()
    top = 100 * float(answer["strong"].arrays()["values"][place].max())
    if method.name in CUTS:
        return top * float(settings[CUTS[method.name]])
    return top * CUT if method.name == "VASparse" and settings["eta"] > 0 else 0.0


def below(strong: Floats, cut: float) -> list[bool]:
    """Which words are below the cut with the model itself."""
    # shares have 32 bits: rounding must not push a word at the cut below it
    return [bool(cut > 0 and share < cut * (1 - 1e-5)) for share in np.nan_to_num(strong)]
