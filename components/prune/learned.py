"""The criterion "Learned": scores that a search has found elsewhere, opened as a file."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from components.notices import plain, spoken
from components.prune.asked import KEY
from engine.result import WeightScores
from engine.sparsity import PruneCase, parts, read_scores

MOST_MB = 200


def with_scores(case: PruneCase) -> PruneCase:
    """The case with the scores of a file; the page ends here until there is one that fits."""
    given = st.file_uploader(
        "A file of scores (.npz)", key=f"{KEY}.scores", max_upload_size=MOST_MB,
        help="Scores that a search has learned for this model: under each weight's name an array "
        "of its shape, the highest are kept. They stay in this session's memory.",
    )  # fmt: skip
    scores: WeightScores | None = None
    if given is not None:
        with spoken():
            scores = read_scores(given.getvalue(), case.model)
    if scores is None:
        first = parts(case.model)[0]
        shape = " × ".join(map(str, first.shape))
        st.info(
            "Nothing is learned on this page: open the scores that a search has found for this "
            f"model, as numpy's savez writes them. Its first weight is {plain(first.name)!r}, "
            f"{shape}.",
            icon=":material/upload_file:",
        )
        st.stop()
    return replace(case, learned=scores)
