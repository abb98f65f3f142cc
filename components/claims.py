"""Claims of a paper as they came out here: a line for each, with how far it is from being so."""

import numpy as np
import streamlit as st

from components.notices import escape_markdown
from engine.core.result import Table
from engine.evaluation.experiment import HOLDS, NOT_HERE, OUTCOMES, UNDECIDED

MARKS = {HOLDS: "✓", NOT_HERE: "✗", UNDECIDED: "?"}


def list_claims(claims: Table) -> None:
    """A line for each claim: outcome, what it was taken to mean, and by how much it is so."""
    lines = [claim_line(claims, row) for row in range(len(claims))]
    st.markdown("\n".join(lines))
    margins = claims["margin"]
    if UNDECIDED in claims["outcome"][np.isfinite(margins)].tolist():
        st.caption("Undecided: the seeds differ too much, or there is only one. More may decide.")


def claim_line(claims: Table, row: int) -> str:
    outcome = int(claims["outcome"][row])
    unit = dict(zip(claims.order, claims.units, strict=True))["margin"]
    factor, called = (100, "points") if unit == "share" else (1, unit)
    margin, tolerance = factor * claims["margin"][row], factor * claims["tolerance"][row]
    within = f" ± {tolerance:.1f}" if np.isfinite(tolerance) else ""
    by_how_much = (
        f"margin {margin:+.1f}{within} {called}".replace("-", "−")
        if np.isfinite(margin)
        else "no margin, since what it needs is missing here"
    )
    return (
        f"- {MARKS[outcome]} **{escape_markdown(claims.rows[row])}**: {OUTCOMES[outcome]} here. "
        f"Taken to mean {escape_markdown(claims.notes[row])}; {by_how_much}."
    )
