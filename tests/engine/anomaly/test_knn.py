"""KNN: a plain search, and members of the bank."""

import numpy as np
import pytest

from engine.anomaly import KNN
from tests.engine.anomaly.banks import random_bank, scores


@pytest.mark.parametrize("k", [1, 5, 20])
def test_distances_are_those_of_a_plain_search(k):
    train, test_bank = random_bank(50, seed=1), random_bank(9, seed=2)
    slow = []
    for z in test_bank.features:
        unit_feature = z / np.linalg.norm(z)
        others = [
            np.linalg.norm(unit_feature - feature / np.linalg.norm(feature))
            for feature in train.features
        ]
        slow.append(sorted(others)[k - 1])
    result = KNN(k=k).fit(train).rule(test_bank)
    assert result.score == pytest.approx(slow, abs=1e-7)
    assert sum(result.parts.values()) == pytest.approx(slow, abs=1e-7)
    assert scores(KNN(k=k), train, test_bank) == pytest.approx(slow, abs=1e-6)


def test_a_member_of_the_bank_is_its_own_nearest_neighbour():
    train = random_bank()
    assert KNN(k=1).fit(train).rule(train).score == pytest.approx(0, abs=1e-6)


def test_a_bank_smaller_than_k_takes_its_last_image_and_says_so():
    fitted = KNN(k=50).fit(random_bank(3))
    assert "3 normal images" in fitted.notes[0]
    assert np.isfinite(fitted.rule(random_bank(4)).score).all()
    assert fitted.rule(random_bank(4)).score == pytest.approx(
        KNN(k=3).fit(random_bank(3)).rule(random_bank(4)).score
    )


def test_many_images_are_asked_in_parts_with_the_same_answer(monkeypatch):
    from engine.anomaly.detectors import knn

    train, test_bank = random_bank(), random_bank(20, seed=3)
    whole = KNN().fit(train).rule(test_bank).score
    monkeypatch.setattr(knn, "CHUNK", 7)
    assert KNN().fit(train).rule(test_bank).score == pytest.approx(whole, abs=1e-12)
