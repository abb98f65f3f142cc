"""An attack in the player: the levels that were scored, and what the model says of the end."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np

from components.robustness.steps import walked
from components.widgets.player import walk_payload
from engine.attribution.robustness import PGD, OrderedCase, QuadAttacK
from engine.attribution.robustness.scored import attacked_pixels
from engine.case import ImageCase
from engine.case.target import Target
from engine.keeping.shipping import rounded
from engine.pictures import as_bytes
from tests import tiny


def pgd_attack(epsilon, model=None):
    model = model or tiny.cnn()
    image = tiny.image(model.side)
    first = int(model.logits(image[None])[0].argmax())
    case = ImageCase(model, image, Target(first))
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


def test_an_attack_that_failed_ends_with_what_the_model_still_says():
    about, result = pgd_attack(0)
    sent = walk_payload(walked(result, about))
    label = about.case.model.labels[about.case.target.index]
    assert sent["target"]["seen"] == sent["source"]["label"] == label
    assert sent["target"]["label"] != label  # the next best, whose confidence is drawn
    assert (sent["target"]["name"], sent["tags"]["target"]) == ("End: the best try", "next best")


def test_a_list_that_was_not_found_is_the_best_try():
    about, _ = pgd_attack(0)
    target_index = about.case.target.index
    order = tuple(index for index in range(4) if index != target_index)
    result = QuadAttacK(steps=1)(OrderedCase(about.case, order))
    assert not result["success"]["success"][0]
    sent = walk_payload(walked(result, about))
    assert (sent["target"]["name"], sent["tags"]["target"]) == (
        "End: the best try",
        "first of yours",
    )
