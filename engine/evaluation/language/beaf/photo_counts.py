"""What one pair of photographs shows, and what several do together, counted as BEAF counts."""

from collections.abc import Sequence

import numpy as np

from engine.core.result import Table
from engine.evaluation.language.beaf.figures import OUTCOMES, beaf_figures

DECIDES = 0.5  # share of yes and no at the first word, below which p(yes) says little
MEANING = {
    "TU": "true understanding",
    "IG": "ignorance",
    "SB+": "a stubborn yes",
    "SB−": "a stubborn no",
}


def outcome(says: Sequence[float]) -> str:
    """One of BEAF's OUTCOMES by what is said before and after; "" where either is neither."""
    names = {(1.0, 0.0): "TU", (0.0, 1.0): "IG", (1.0, 1.0): "SB+", (0.0, 0.0): "SB−"}
    before, after = map(float, says)
    return names.get((before, after), "")


def said_word(says: float) -> str:
    """An answer as it was read: yes, no or neither."""
    return {1.0: "yes", 0.0: "no"}.get(float(says), "neither")


def records_of(pairs: Sequence[Table]) -> Table:
    """The answers of several pairs as records of BEAF, each pair a scene of its own.

    Whether the others are there is not known, and no figure of TU, IG, SB and ID depends on it.
    """
    rows = [
        (
            pair,
            0,
            index,
            index == 0,
            *(table[name][index] for name in ("says before", "says after", "p before", "p after")),
        )
        for pair, table in enumerate(pairs)
        for index in range(len(table))
    ]
    names = (
        "scene",
        "removed",
        "asked",
        "there",
        "says before",
        "says after",
        "p before",
        "p after",
    )
    matrix = np.array(rows, np.float64).reshape(-1, len(names))
    return Table.of({name: (matrix[:, at], "") for at, name in enumerate(names)})


def pair_words(model: str, noun: str, answers: Table) -> str:
    """The finding of one pair, by the name of the thing that goes."""
    says = [answers[f"says {when}"][0] for when in ("before", "after")]
    before, after = (100 * float(answers[f"p {when}"][0]) for when in ("before", "after"))
    probability_text = f"p(yes) {before:.0f} → {after:.0f} %"
    name = outcome(says)
    if not name:
        first = (
            f"{model} answers neither yes nor no about the {noun} ({probability_text}): nothing "
            "counts"
        )
    else:
        reply_text = " → ".join(map(said_word, says))
        first = (
            f"{model}, asked for the {noun}: {reply_text}, {MEANING[name]} ({name}); "
            f"{probability_text}"
        )
    weak = min(float(answers[f"decided {when}"][0]) for when in ("before", "after"))
    if weak < DECIDES:
        first += f", though its first word is yes or no in {100 * weak:.0f} % only"
    later = answers.take(range(1, len(answers)))
    change = later["says before"] - later["says after"]
    clear = np.isfinite(change)
    if not clear.any():
        return f"{first}."
    return (
        f"{first}. Of {clear.sum()} other answers {int((change[clear] != 0).sum())} changed (ID)."
    )


def collected_words(pairs: Sequence[Table]) -> str:
    """TU, SB+ and ID of several pairs; "" for none that is clear."""
    result = beaf_figures(records_of(pairs))
    counted = {name: result[name][0] for name in (*OUTCOMES, "ID") if np.isfinite(result[name][0])}
    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in counted.items())
