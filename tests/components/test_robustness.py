"""Robustness: the levels that were scored, key points, and what is counted below the maps."""

import json
from types import SimpleNamespace

import numpy as np

from components.robustness import maps
from components.robustness.key_points import KEY_POINTS, LARGEST, SMALLEST
from components.robustness.steps import walked
from components.widgets.player import walk_payload
from engine.attribution.quadattack.methods import QuadAttacK
from engine.attribution.quadattack.ordered_case import OrderedCase
from engine.attribution.robustness.followed import NEW, SAME, TIMES
from engine.attribution.robustness.gradient_steps import PGD
from engine.attribution.robustness.scored import attacked_pixels
from engine.core.charts.drawing import exhibit
from engine.core.keeping.shipping import rounded
from engine.core.pictures import as_bytes
from engine.core.result import Pictures, Table
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from tests import tiny


def pgd_attack(epsilon, model=None):
    model = model or tiny.cnn()
    image = tiny.image(model.side)
    case = ImageCase(model, image, Target(int(model.logits(image[None])[0].argmax())))
    return SimpleNamespace(case=case), PGD(epsilon=epsilon)(case)


def test_what_ships_is_shown_in_the_levels_that_were_scored():
    about, result = pgd_attack(24, tiny.mlp(scale=1.0))
    walk = walked(rounded(result), about)
    last = np.rint(walk.views["path"].frames[-1] * 255).transpose(1, 2, 0)
    assert np.array_equal(last, as_bytes(attacked_pixels(result)))
    assert np.array_equal(walk.target, as_bytes(attacked_pixels(result)))
    sent = walk_payload(walk)
    assert sent["reference"] is None  # nothing holds it: no line is drawn
    assert sent["curves"]["toTarget"] == []
    assert (sent["target"]["name"], sent["tags"]["target"]) == ("End: what was found", "after")


def test_two_players_of_noise_stay_below_a_megabyte():
    about, result = pgd_attack(8, tiny.classifier(tiny.cnn().network, 224))
    assert len(json.dumps(walk_payload(walked(result, about)))) < 400_000


def test_an_attack_that_failed_ends_with_its_best_try_and_what_the_model_still_says():
    about, result = pgd_attack(0)
    sent = walk_payload(walked(result, about))
    label = about.case.model.labels[about.case.target.index]
    assert sent["target"]["seen"] == sent["source"]["label"] == label
    assert sent["target"]["label"] != label  # the next best, whose confidence is drawn
    assert (sent["target"]["name"], sent["tags"]["target"]) == ("End: the best try", "next best")
    order = tuple(index for index in range(4) if index != about.case.target.index)
    result = QuadAttacK(steps=1)(OrderedCase(about.case, order))
    assert not result["success"]["success"][0]
    sent = walk_payload(walked(result, about))
    assert sent["target"]["name"] == "End: the best try"
    assert sent["tags"]["target"] == "first of yours"


def key_points_result(weights):
    image = np.zeros((1, 3, 20, 40, 3), np.uint8)
    count = len(weights)
    points = Table.of(
        {
            "row": (np.arange(count, dtype=np.float32), "px"),
            "column": (np.full(count, 9.5, np.float32), "px"),
            "width": (np.ones(count, np.float32), "px"),
            "weight before": (np.array(weights, np.float32), "share"),
            "weight after": (np.array(weights[::-1], np.float32), "share"),
            "visits": (np.zeros(count, np.float32), "visits"),
        },
        rows=[f"point {at}" for at in range(count)],
    )
    return {"pictures": Pictures(image, ("",), ("before", "change", "after"), ""), "points": points}


def test_circles_lie_on_their_pixels_and_grow_with_the_response_and_a_grid_is_called_one():
    circles = exhibit(KEY_POINTS, key_points_result([0.64, 0.36, 0.0]))
    marks = circles.shape.figure(circles.view).data[0]
    np.testing.assert_allclose(marks.x, [10, 10, 10], rtol=1e-6)  # the middle of a pixel
    np.testing.assert_allclose(marks.y, [0.5, 1.5, 2.5], rtol=1e-6)
    grown = (np.array(marks.marker.size) - SMALLEST) / (LARGEST - SMALLEST)
    np.testing.assert_allclose(grown, [1, 0.75, 0], atol=1e-6)  # areas are as the responses
    np.testing.assert_allclose(marks.marker.color, [0, 36, 64], atol=1e-4)
    assert circles.finding.startswith("3 SIFT key points")
    assert "64 % (0 % before)" in circles.finding
    finding = exhibit(KEY_POINTS, key_points_result([0.25] * 4)).finding
    places = "so 4 places of a grid were taken."
    assert finding.startswith(f"Nothing stands out in this image, {places}")


def test_no_map_moved_with_an_answer_that_did_not_change(monkeypatch):
    monkeypatch.setattr(maps.verdict, "verdict_value", {"a": maps.GOOD, "b": "no"}.get)
    names, views = ("one", "two"), {"one": "a", "two": "b"}

    def found(same, new, after=1):
        values = np.array([same, new], np.float32).T
        predictions = np.array([[0], [after]], np.float32)
        return {
            "followed": Table.grid(values, names, (SAME, NEW), ("Spearman",) * 2),
            "said": Table.grid(predictions, TIMES, ("class",), ("number",)),
        }

    still = maps.pass_counts(found((0.2, np.nan), (0.2, np.nan), after=0), views)
    assert still == "The answer did not change: of 2 maps 1 carry the score."
    moved = maps.pass_counts(found((0.9, 0.9), (0.2, 0.8)), views)
    assert moved.startswith("Moved with the answer: 1 ")
    any_class = maps.pass_counts(found((0.2, 0.9), (0.2, 0.9)), views)  # maps that no class changes
    assert any_class.startswith("Moved with the answer: 1 ")


def test_a_model_with_fewer_maps_leaves_what_a_person_chose_and_the_usual_ones_otherwise():
    many, few = ["a", "b", "c", "d"], ["a", "b"]
    usual, less = ["a", "b", "c"], ["a", "b"]
    assert maps.chosen_of(usual, few, less, usual) == less
    assert maps.chosen_of(less, many, usual, less) == usual  # nobody chose: all three again
    assert maps.chosen_of(["a", "d"], few, less, usual) == ["a"]
    assert maps.chosen_of(["d"], few, less, usual) == less  # none of these is left
    assert maps.chosen_of([], few, less, usual) == []  # a person took all away
    assert maps.chosen_of(["a"], few, less, None) == ["a"]  # a link's
