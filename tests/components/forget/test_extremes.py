"""Hard, random and easy sets: strips, words and curves are the engine's numbers."""

from dataclasses import replace

import numpy as np
import pytest

from components.forget import extremes
from components.forget.ranks import SETS
from engine.core.result import Table
from engine.core.run import answer
from engine.unlearning import WorstCase
from engine.unlearning.worst_forget.worst import EASIEST, HARDEST, RANDOM
from engine.vision.weights.case import PruneCase
from tests import tiny


@pytest.fixture(scope="module")
def data_and_sets():
    model = tiny.learned()
    data = tiny.columns(model.side, model.labels)
    case = PruneCase(model, data)
    return data, {name: answer(WorstCase(name, 0.25, rounds=3), case) for name in SETS}


def ordered(data, *, hard_first):
    """Sets of images by how far they lie from the mean of their label."""
    train = data.rows("train")
    far = extremes.distances(data, data.fingerprint)[train]
    order = data.ids[train[np.argsort(far if hard_first else -far, kind="stable")]]
    count = len(order) // 3
    parts = zip((HARDEST, RANDOM, EASIEST), np.split(order, [count, 2 * count]), strict=True)
    return {name: {"images": Table.of({"id": (ids, "")})} for name, ids in parts}


def test_distances_are_the_share_of_the_label_that_is_nearer(data_and_sets):
    data = data_and_sets[0]
    result = extremes.distances(data, data.fingerprint)
    train = data.rows("train")
    assert np.isnan(np.delete(result, train)).all()
    rows = train[data.labels[train] == 0]
    pixels = data.images[rows].reshape(len(rows), -1).astype(float)
    away = np.linalg.norm(pixels - pixels.mean(0), axis=1)
    for row, distance in zip(rows, away, strict=True):
        assert (away < distance - 1e-3).mean() <= result[row] * len(rows) / (len(rows) - 1) + 1e-9
    assert result[rows].min() == 0
    assert result[rows].max() == 1


def test_the_sentence_follows_the_measurement_and_tells_of_wrong_labels(data_and_sets):
    data, _ = data_and_sets
    typical = extremes.sentence(data, ordered(data, hard_first=True))
    assert "hard ones are more typical of their label, and easy ones less typical" in typical
    assert "Wrong labels" not in typical
    other = extremes.sentence(data, ordered(data, hard_first=False))
    assert "hard ones are less typical of their label, and easy ones more typical" in other
    clean = data.labels.copy()
    sets = ordered(data, hard_first=True)
    rows = data.places(sets[EASIEST]["images"]["id"])
    clean[rows] = (clean[rows] + 1) % len(data.classes)
    wrong = replace(data, truth={"clean_label": clean})
    words = extremes.sentence(wrong, sets)
    assert "Wrong labels: 0 % of the hard, 0 % of the random, 100 % of the easy." in words


@pytest.mark.parametrize(
    ("shift", "count", "says"),
    [(0, 90, "about as"), (-0.3, 90, "more"), (0.3, 90, "less"), (-0.1, 8, "about as")],
)
def test_a_set_is_only_called_typical_beyond_chance(shift, count, says):
    even = np.linspace(0.3, 0.7, count)
    assert extremes.rank_test_words(even + shift, even) == f"{says} typical"


def test_which_set_is_more_typical_is_what_the_ranks_say_where_the_medians_do_not():
    even, skewed = np.linspace(0, 1, 101), np.repeat([0.0, 0.51], [40, 61])
    assert np.median(skewed) > np.median(even)
    assert extremes.rank_test_words(skewed, even) == "more typical"


def test_rounds_have_their_objective_and_histograms_and_random_images_stay_as_they_are(
    data_and_sets,
):
    sets = data_and_sets[1]
    table = extremes.by_round(sets)
    assert table["round"].tolist() == [1, 2, 3]
    for name in (HARDEST, EASIEST):
        expected = np.maximum(sets[name]["rounds"]["objective"], extremes.LEAST)
        np.testing.assert_allclose(table[SETS[name]], expected)
    assert len(set(table["random"])) == 1
    assert len(extremes.BY_ROUND.figure(table).data) == 3
    for name, number in ((HARDEST, 1), (HARDEST, 3), (RANDOM, 3)):
        losses = sets[name]["losses"]
        histogram = extremes.of_round(losses, number)
        at = 1 if name == RANDOM else number
        np.testing.assert_allclose(histogram["chosen"], losses["chosen"][losses["round"] == at])
        assert histogram["from"][0] == pytest.approx(-7)
        assert histogram["all"].sum() == pytest.approx(1)


def test_classes_are_counted_in_each_set(data_and_sets):
    data, sets = data_and_sets
    table = extremes.balance(data, sets)
    for kind, name in SETS.items():
        labels = data.labels[data.places(sets[kind]["images"]["id"].astype(int))]
        assert table[name].tolist() == [(labels == at).mean() for at in range(len(data.classes))]
    words = extremes.balance_finding(table)
    first = table.rows[int(table["hard"].argmax())]
    share = f"{100 * table['hard'].max():.0f} % of the hard"
    assert words.startswith(f"Most frequent: {first} ({share})")
