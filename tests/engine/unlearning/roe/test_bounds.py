"""Certificates against every election and the published loops; partitions and both rounds."""

import numpy as np
import pytest

from engine.unlearning.roe import bounds
from engine.unlearning.roe.bounds import DPA, FA, FA_ROE, ROE, SCHEMES, certify
from engine.unlearning.roe.election import ballots_of, hold
from engine.unlearning.roe.partitions import Partitions, digests_of, repeated_rows
from tests.engine.unlearning.roe import by_hand

ALONE, SPREAD = (0,), (0, 2)
REACH = {DPA: ALONE, ROE: ALONE, FA: SPREAD, FA_ROE: SPREAD}
each_scheme = pytest.mark.parametrize("scheme", SCHEMES)


@each_scheme
@pytest.mark.parametrize("networks", [4, 5])
def test_no_certificate_is_above_the_truth_in_any_election(scheme, networks):
    """All 9072 elections of four and of five networks, with every rewriting of every bucket."""
    shifts, run_off = REACH[scheme], "ROE" in scheme
    reach = [[(bucket + shift) % networks for shift in shifts] for bucket in range(networks)]
    true = by_hand.truth(networks, reach, run_off=run_off)
    result = certify(scheme, by_hand.every(networks), shifts)
    assert (result.says == by_hand.outcomes(networks, run_off=run_off).ravel()).all()
    assert (result.radius <= true).all()
    assert (result.radius == true).mean() > 0.99
    assert len(np.unique(result.radius)) > 1


@each_scheme
def test_certificates_are_those_of_the_published_loops(scheme):
    rng = np.random.default_rng(0)
    few, many = (0, 3, 4), (0, 1, 2, 3, 4, 5)  # with many, also what a bucket cannot add counts
    for classes, networks, spread, images, lead in (
        (2, 9, few, 60, 3.0),
        (3, 7, few, 60, 3.0),
        (5, 24, few, 60, 3.0),
        (3, 30, many, 400, 1.0),
    ):
        scores = rng.integers(0, 6, (networks, images, classes)) + lead * np.eye(classes)[0]
        shifts = spread if "FA" in scheme else ALONE
        result = certify(scheme, ballots_of(scores), shifts)
        expected = by_hand.all_radii(scores, scheme, shifts)
        assert result.says.tolist() == expected[:, 0].tolist()
        assert np.minimum(result.radius, networks).tolist() == expected[:, 1].tolist()


def test_a_run_off_is_never_worse_where_its_margins_are_no_narrower():
    """Where the leader wins and leads each rival by as much in the run-off, as docs say."""
    rng, worse = np.random.default_rng(1), 0
    for ballots in (
        by_hand.every(5),
        ballots_of(rng.normal(size=(20, 4000, 10)) + 1.2 * np.eye(10)[4]),
    ):
        plain, roe = certify(DPA, ballots), certify(ROE, ballots)
        election = hold(ballots)
        gaps = bounds.gaps(election.votes, election.first)
        wider = (election.winner == election.first) & (bounds.ahead_of(election) >= gaps).all(1)
        assert (roe.radius >= plain.radius)[wider].all()
        assert (roe.radius > plain.radius)[wider].any()
        worse += (roe.radius < plain.radius).sum()
    assert worse  # it is not always better


def test_the_rival_and_the_round_are_those_of_the_narrowest_way_and_parts_of_images_those_of_all():
    ballots = ballots_of(np.eye(3)[[0] * 6 + [1] * 3 + [2]][:, None] + [0.0, 0.1, 0.2])
    result = certify(DPA, ballots)
    assert (result.says[0], result.radius[0], result.rival[0], result.lost[0]) == (0, 1, 1, 1)
    result = certify(ROE, ballots)  # 6 of 10 put 0 above 1: two of them make it 4
    assert (result.says[0], result.radius[0], result.rival[0], result.lost[0]) == (0, 1, 1, 2)
    ballots = ballots_of(np.random.default_rng(2).normal(size=(12, bounds.IMAGES + 9, 4)))
    whole = certify(FA_ROE, ballots, (0, 5))
    last = certify(FA_ROE, ballots[:, -9:], (0, 5))
    assert whole.radius[-9:].tolist() == last.radius.tolist()
    assert len(whole.says) == bounds.IMAGES + 9


IMAGES = np.random.default_rng(0).integers(0, 256, (200, 1, 8, 8), dtype=np.uint8)
LABELS = np.arange(200) % 3


def lists(own, images, labels):
    return list(own.learned(digests_of(images, 0), labels))


@pytest.mark.parametrize("own", [Partitions(10), Partitions(5, 4)], ids=["DPA", "FA"])
def test_one_more_image_reaches_its_networks_alone(own):
    before = lists(own, IMAGES[:-1], LABELS[:-1])
    after = lists(own, IMAGES, LABELS)
    bucket = own.buckets(digests_of(IMAGES[-1:], 0))[0]
    changed = [n for n, rows in enumerate(after) if rows.tolist() != before[n].tolist()]
    assert changed == sorted(own.reached(bucket))
    assert len(changed) == own.spread
    assert sum(map(len, after)) == 200 * own.spread


def test_the_seed_moves_an_image_and_no_order_or_label_does_and_so_many_rows_are_shown():
    partitions, order = Partitions(10), np.random.default_rng(1).permutation(200)
    for rows, moved in zip(
        lists(partitions, IMAGES, LABELS),
        lists(partitions, IMAGES[order], 2 - LABELS[order]),
        strict=True,
    ):
        assert rows.tolist() == order[moved].tolist()
    assert (digests_of(IMAGES, 0) != digests_of(IMAGES, 1)).all()
    assert repeated_rows(np.array([3, 5]), 5).tolist() == [3, 5, 3, 5, 3]
    assert repeated_rows(np.arange(9), 4).tolist() == [0, 1, 2, 3]


def election_of(*orders):
    """Of one image, from each network's classes, the first one first."""
    return hold(np.argsort(np.array(orders), axis=1).astype(np.uint8)[:, None])


def test_equal_scores_and_an_equal_run_off_go_to_the_smaller_class():
    ballots = ballots_of(np.array([[[1.0, 2.0, 2.0]], [[0.0, 0.0, 0.0]]]))
    assert ballots[:, 0].tolist() == [[2, 0, 1], [0, 1, 2]]
    election = election_of((1, 0, 2), (1, 0, 2), (2, 0, 1), (0, 2, 1))
    assert (election.first[0], election.second[0]) == (1, 0)
    assert election.winner[0] == 0


def test_the_run_off_can_turn_the_first_round():
    election = election_of(*[(0, 1, 2)] * 3, *[(1, 2, 0)] * 2, *[(2, 1, 0)] * 2)
    assert election.votes[0].tolist() == [3, 2, 2]
    assert (election.first[0], election.second[0]) == (0, 1)  # 1 and 2 are equal
    assert (election.winner[0], election.loser[0]) == (1, 0)  # four of seven put 1 above 0
    assert election.ahead[0][[0, 2]].tolist() == [1, 3]
