"""Late rewinding: Stabilizing the Lottery Ticket Hypothesis."""
