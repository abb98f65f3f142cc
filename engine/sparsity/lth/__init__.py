"""LTH: The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks."""
