"""Ballots and both rounds; equal counts and equal scores go to the smaller number."""

from __future__ import annotations

import numpy as np

from engine.unlearning.certificates.election import ballots_of, hold


def election_of(*orders):
    """Of one image, from each network's classes, the first one first."""
    return hold(np.argsort(np.array(orders), axis=1).astype(np.uint8)[:, None])


def test_equal_scores_go_to_the_smaller_class():
    ballots = ballots_of(np.array([[[1.0, 2.0, 2.0]], [[0.0, 0.0, 0.0]]]))
    assert ballots[:, 0].tolist() == [[2, 0, 1], [0, 1, 2]]


def test_the_run_off_can_turn_the_first_round():
    election = election_of(*[(0, 1, 2)] * 3, *[(1, 2, 0)] * 2, *[(2, 1, 0)] * 2)
    assert election.votes[0].tolist() == [3, 2, 2]
    assert (election.first[0], election.second[0]) == (0, 1)  # 1 and 2 are equal
    assert (election.winner[0], election.loser[0]) == (1, 0)  # four of seven put 1 above 0
    assert election.ahead[0][[0, 2]].tolist() == [1, 3]


def test_an_equal_run_off_goes_to_the_smaller_class():
    election = election_of((1, 0, 2), (1, 0, 2), (2, 0, 1), (0, 2, 1))
    assert (election.first[0], election.second[0]) == (1, 0)
    assert election.winner[0] == 0
