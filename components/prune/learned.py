"""The criterion "Learned": scores that a search has found elsewhere, opened as a file."""

from dataclasses import replace

import streamlit as st

from components.ending import end
from components.notices import escape_markdown
from components.open_file import open_file
from components.prune.asked import KEY
from engine.sparsity import PruneCase, prunable_parts, read_scores


def with_scores(case: PruneCase) -> PruneCase:
    """The case with the scores of a file; the page ends here until there is one that fits."""
    scores = open_file(
        "A file of scores (.npz)",
        f"{KEY}.scores",
        lambda content: read_scores(content, case.model),
        most=200,
        help="Scores that a search has learned for this model: under each weight's name an array "
        "of its shape, the highest are kept. They stay in this session's memory.",
    )
    if scores is None:
        first = prunable_parts(case.model)[0]
        shape = " × ".join(map(str, first.shape))
        st.info(
            "Nothing is learned on this page: open the scores that a search has found for this "
            "model, as numpy's savez writes them. Its first weight is "
            f"{escape_markdown(first.name)!r}, {shape}.",
            icon=":material/upload_file:",
        )
        end()
    return replace(case, learned=scores)
