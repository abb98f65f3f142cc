"""Certificates against poisoned training data: many networks, each of a part of it, hold a vote.

`election` counts ballots, `bounds` says how many poisons cannot change the outcome, `partitions`
decides which network learns from which image, `ballots` trains them.
"""
