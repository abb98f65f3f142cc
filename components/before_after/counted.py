"""What an answer's records come to at a threshold: counted once, however often it is drawn."""

import streamlit as st

from engine.core.result import Table, digest_arrays
from engine.evaluation.language.beaf.figures import beaf_figures, by_kind, thing_outcomes

COUNTS = {"figures": beaf_figures, "kinds": by_kind, "things": thing_outcomes}


def count_table(what: str, records: Table, threshold: float | None) -> Table:
    """Figures, kinds or things (see COUNTS) of records at a threshold; kept for all visitors."""
    return counted_once(what, digest_arrays(records.arrays()), threshold, records)


@st.cache_resource(max_entries=200, show_spinner=False)
def counted_once(what: str, digest: str, threshold: float | None, _records: Table) -> Table:
    del digest
    return COUNTS[what](_records, threshold)
