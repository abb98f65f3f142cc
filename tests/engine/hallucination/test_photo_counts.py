"""What a pair of photographs shows is counted and told as BEAF does."""

import numpy as np
import pytest

from engine.hallucination.measures.before_after import beaf_figures
from engine.hallucination.measures.photo_counts import (
    collected_words,
    outcome,
    pair_words,
    records_of,
    said_word,
)
from engine.result import Table


@pytest.fixture
def found():
    """A car that is no longer seen; one of two other answers changes."""
    columns = {
        "says before": [1, 1, 0],
        "says after": [0, 1, 1],
        "p before": [0.9, 0.8, 0.3],
        "p after": [0.2, 0.7, 0.6],
        "decided before": [0.9] * 3,
        "decided after": [0.8] * 3,
    }
    table_columns = {name: (np.array(column, np.float32), "") for name, column in columns.items()}
    return {"answers": Table.of(table_columns, ("thing", "other 1", "other 2"))}


def test_an_answer_is_yes_no_or_neither():
    assert [said_word(answer) for answer in (1, 0, np.nan)] == ["yes", "no", "neither"]


def test_several_pairs_are_counted_as_beaf_counts_them(found):
    """Four made-up pairs, one of each outcome; one of four other answers changes."""
    says = [(1, 0), (0, 1), (1, 1), (0, 0)]
    pairs = [
        Table.of(
            {
                "says before": ([was, 1], ""),
                "says after": ([now, at != 2], ""),
                "p before": ([0.5, 0.5], ""),
                "p after": ([0.5, 0.5], ""),
            },
            ("dog", "cat"),
        )
        for at, (was, now) in enumerate(says)
    ]
    figure = beaf_figures(records_of(pairs))
    assert [figure[name][0] for name in ("TU", "IG", "SB+", "SB−", "ID")] == [0.25] * 5
    assert [outcome(say) for say in says] == ["TU", "IG", "SB+", "SB−"]
    assert collected_words(pairs) == "TU 25 %, IG 25 %, SB+ 25 %, SB− 25 %, ID 25 %"
    assert outcome((1, np.nan)) == ""
    assert collected_words([found["answers"]]).count("100 %") == 1


def test_the_finding_has_the_outcome_and_the_others_that_changed(found):
    table = found["answers"]
    before, after = (100 * table[f"p {when}"][0] for when in ("before", "after"))
    words = pair_words("M", "car", table)
    assert words.startswith(
        f"M, asked for the car: yes → no, true understanding (TU); p(yes) "
        f"{before:.0f} → {after:.0f} %."
    )
    changed = int((table["says before"] != table["says after"])[1:].sum())
    assert f"Of 2 other answers {changed} changed" in words
    columns = {name: (table[name].copy(), "") for name in table.order}
    columns["says after"][0][0] = np.nan
    columns["decided after"][0][0] = 0.1
    unclear = pair_words("M", "car", Table.of(columns, table.rows))
    assert "answers neither yes nor no about the car" in unclear
    assert "in 10 % only" in unclear
