"""Poisons against certificates: the votes are those of networks that learned from them."""

from dataclasses import replace

import numpy as np
import pytest

from engine.core.result import Table
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.unlearning import PoisonVotes
from engine.unlearning.roe.attacks import Poison, against, landing, with_poisons
from engine.unlearning.roe.bounds import DPA, FA_ROE, ROE
from engine.unlearning.roe.certificates import STORED_BALLOTS, ballots_about, election_table
from engine.unlearning.roe.partitions import Partitions, digests_of
from engine.unlearning.roe.poisoning import ADD, FLIP
from engine.vision import data as data_sets
from tests import tiny
from tests.refusals import assert_refused

SMALL = PoisonVotes(partitions=5, spread=2, shown=16, epochs=12, images=50, count=5, image=3)


def case():
    return ExperimentCase(tiny.columns(8, ("a", "b", "c")))


def poisoned(found, way):
    """The data with the poisons of an answer: the pictures, under the rival's label."""
    data, rival = case().data, int(found["outcome"]["rival"][0])
    images = found["poisons"].images[0].transpose(0, 3, 1, 2)
    if way == ADD:
        return with_poisons(data, [Poison(0, image, None) for image in images], rival)
    is_poisoned = (data.images[:, None] == images[None]).all((2, 3, 4)).any(1)
    assert is_poisoned.sum() == len(images)
    return replace(data, labels=np.where(is_poisoned, rival, data.labels))


@pytest.mark.parametrize("way", [ADD, FLIP])
@pytest.mark.parametrize("scheme", [ROE, FA_ROE])
def test_votes_are_those_of_networks_trained_on_the_poisoned_images(way, scheme):
    """All networks are trained anew here, those too that no poison reaches."""
    method = replace(SMALL, way=way, scheme=scheme)
    result, names = method(case()), case().data.classes
    for when, data in (("before", case().data), ("after", poisoned(result, way))):
        whole = method.certificates(ExperimentCase(data))
        table = election_table(ballots_about(whole, scheme, method.image), names)
        for name in table.order:
            got = result["ballots"][f"{name}, {when}"]
            np.testing.assert_array_equal(got, table[name])
    steps, outcome = result["steps"], result["outcome"]
    assert steps["answer"][-1] == result["ballots"]["first votes, after"][int(outcome["answer"][0])]
    assert steps["answer"][-1] < steps["answer"][0]
    assert len(steps) == len(result["poisons"].columns) + 1


@pytest.mark.parametrize("way", [ADD, FLIP])
@pytest.mark.parametrize("scheme", [DPA, ROE, FA_ROE])
def test_no_poison_within_the_certificate_changes_the_answer(way, scheme):
    digits = ExperimentCase(data_sets.load("digits"))
    method = replace(SMALL, partitions=15, shown=64, epochs=8, count=8, way=way, scheme=scheme)
    whole = answer(method.certificates, digits)["images"][f"{scheme}, radius"][:STORED_BALLOTS]
    for image in np.argsort(-whole, kind="stable")[:2].tolist():
        result = replace(method, image=image)(digits)
        steps, outcome = result["steps"], result["outcome"]
        says, radius = (int(outcome[name][0]) for name in ("answer", "certificate"))
        assert 0 < radius < method.count
        for name in ("says", "worst says"):
            assert (steps[name][: radius + 1] == says).all()
        assert (steps["worst says"] != says).any()  # beyond, the worst case does change it


def test_a_copy_lands_in_the_wanted_bucket_and_the_worst_ballot_has_the_rival_first():
    partitions, image = Partitions(20), case().data.images[0]
    copies = landing(image, partitions, [3, 17], 0, np.random.default_rng(0))
    for bucket, copy in copies.items():
        assert partitions.buckets(digests_of(copy[None], 0)).tolist() == [bucket]
        assert (copy != image).sum() == 1
    assert sorted(copies) == [3, 17]
    ballot = np.array([[0, 1, 3, 2]], np.uint8)  # 0 before 1 before 3 before 2
    assert against(ballot, 0, 2).tolist() == [[3, 1, 0, 2]]


@pytest.mark.parametrize(
    ("count", "says", "words"),
    [
        (2, [0, 0], "still a (votes for a 5 → 3): no 2 poisons can"),
        (3, [0, 1], "now b (votes for a 5 → 3): the certificate ends"),
    ],
)
def test_the_finding_holds_the_certificate_against_what_came(count, says, words):
    outcome = {"answer": 0, "rival": 1, "certificate": 2, "poisons": count}
    results = {
        "outcome": Table.of({name: ([figure], "") for name, figure in outcome.items()}),
        "steps": Table.of({"says": (says, ""), "answer": ([5, 3], "networks")}),
    }
    sentence = SMALL.finding(case(), results)
    assert sentence.startswith(f"After {count} poisons the answer is {words}")


def test_few_images_that_can_be_relabeled_are_few_poisons_and_one_that_is_not_there_is_refused():
    result = replace(SMALL, way=FLIP, count=60)(case())
    assert 0 < int(result["outcome"]["poisons"][0]) <= 5
    assert len(result["poisons"].columns) == int(result["outcome"]["poisons"][0])
    assert_refused("from 0 to 23", replace(SMALL, image=30), case())
