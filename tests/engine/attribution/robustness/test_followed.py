"""Maps before and after an attack: the numbers are those of maps that are made one by one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from engine.attribution import HEATMAPS
from engine.attribution.robustness.followed import EIGHT, KINDS, MAPS, NEW, SAME, TIMES, MapsFollow
from engine.core.errors import DoesNotFit
from engine.core.result import HeatMap, Table
from engine.vision.case import ImageCase, PairCase
from engine.vision.case.target import Target
from tests import tiny


def pair():
    """An image and a changed one, of which another class is said than was asked about."""
    case = tiny.cnn_case()
    image = tiny.image(case.model.side, seed=7)
    other = (predicted_class(case, image) + 1) % len(case.model.labels)
    return PairCase(replace(case, target=Target(other)), (image,))


def predicted_class(case, image):
    return int(case.model.logits(image[None])[0].argmax())


def correlation(kind, *cases):
    """Spearman's, of the sizes of two maps."""
    return spearmanr(*(np.abs(kind()(case)["map"].values).ravel() for case in cases)).statistic


def test_the_correlations_are_those_of_maps_made_one_by_one():
    case = pair()
    result = MapsFollow()(case)
    rows = [kind for kind in MAPS if not kind.unmet(case.source)]
    assert result["followed"].rows == tuple(kind.title for kind in rows)
    assert len(rows) >= 6
    after = replace(case.source, image=case.others[0])
    now = replace(after, target=Target(predicted_class(case.source, case.others[0])))
    for kind in rows:
        for name, changed in ((SAME, after), (NEW, now)):
            expected = correlation(kind, case.source, changed)
            assert result["followed"].cell(kind.title, name) == pytest.approx(expected, abs=1e-4)


def test_where_nothing_was_changed_every_map_is_the_same():
    case = tiny.pair_case(tiny.cnn())
    label = predicted_class(case.source, case.source.image)
    pair_case = PairCase(replace(case.source, target=Target(label)), (case.source.image,))
    result = MapsFollow()(pair_case)
    np.testing.assert_allclose(result["followed"].values, 1.0, atol=1e-6)
    sentence = MapsFollow().finding(pair_case, result)
    assert "The attack did not change the answer" in sentence
    assert "moved with the answer" not in sentence


def test_the_sentence_names_the_map_that_moved_most_and_no_flat_one():
    values = np.array([[np.nan, np.nan], [0.9, 0.2], [0.8, 0.6]], np.float32)
    table = Table.grid(values, ("flat", "one", "two"), (SAME, NEW), ("Spearman",) * 2)
    maps = {
        f"{row} {word}": HeatMap(np.eye(2, dtype=np.float32) * at, "u", signed=False)
        for row in table.rows
        for at, word in enumerate(("after", "now"))
    }
    said = Table.grid(np.array([[0], [1]], np.float32), TIMES, ("class",), ("number",))
    case, result = pair(), {"followed": table, "said": said, **maps}
    assert "one most (0.20), two least (0.60)" in MapsFollow().finding(case, result)
    none = Table.grid(values[:1], ("flat",), (SAME, NEW), ("Spearman",) * 2)
    assert "none can be compared" in MapsFollow().finding(case, {**result, "followed": none})


def changed_pair(model, last):
    """Two images between which the model's answer lies, so that it says another class of each."""
    image, other = (tiny.image(model.side, seed=seed) for seed in (0, 1))
    with torch.no_grad():
        last.bias -= model.logits(torch.stack([image, other])).mean(0)
    case = ImageCase(model, image, Target(0))
    assert predicted_class(case, image) != predicted_class(case, other)
    return PairCase(replace(case, target=Target(predicted_class(case, image))), (other,))


def test_a_changed_answer_is_not_denied_and_the_map_that_moved_most_is_named():
    model = tiny.vit()
    case = changed_pair(model, model.network.head)
    method = MapsFollow(map="Attention rollout")
    result = method(case)
    same, new = (result["followed"].cell("Attention rollout", name) for name in (SAME, NEW))
    assert same == new
    images = (case.source.image, *case.others)
    said = [predicted_class(case.source, image) for image in images]
    assert result["said"]["class"].tolist() == said
    sentence = method.finding(case, result)
    assert "did not change the answer" not in sentence
    assert sentence.endswith("Attention rollout does not depend on the class, only on the image.")
    method = MapsFollow(map="Gradient")
    assert "depend on the class" not in method.finding(case, method(case))
    model = tiny.cnn()
    case, method = changed_pair(model, model.network.fc), MapsFollow()
    result = method(case)
    low = result["followed"].rows[int(np.nanargmin(result["followed"][NEW]))]
    assert f"{low} most" in method.finding(case, result)


@pytest.mark.parametrize("title", ["Gradient", "SmoothGrad"])
def test_a_map_that_is_chosen_is_compared_alone_and_as_by_hand(title):
    model = tiny.cnn()
    case = changed_pair(model, model.network.fc)
    result = MapsFollow(map=title)(case)
    assert result["followed"].rows == (title,)
    after = replace(case.source, image=case.others[0])
    expected = correlation(KINDS[title], case.source, after)
    assert result["followed"].cell(title, SAME) == pytest.approx(expected, abs=1e-4)
    sentence = MapsFollow(map=title).finding(case, result)
    assert sentence.startswith(f"{title} ")
    assert f"{result['followed'].cell(title, NEW):.2f}" in sentence


def test_every_heat_map_can_be_compared_but_with_the_reason_refused_where_it_does_not_fit():
    assert set(KINDS.values()) == set(HEATMAPS)
    assert MapsFollow.map == EIGHT
    with pytest.raises(DoesNotFit, match=r"Attention rollout cannot be compared: .*needs"):
        MapsFollow(map="Attention rollout")(pair())
