"""A recipe is data: read from a table, bounded, drawn as a form."""

import json
from dataclasses import fields

import pytest
import torch

from engine.core.errors import BadSetting
from engine.vision.training import Pgd, Recipe
from engine.vision.training.optimizer import optimizer


def test_a_recipe_survives_json():
    recipe = Recipe("vit", epochs=3, rate=0.001, epsilon=0.1)
    assert Recipe.from_dict(json.loads(json.dumps(recipe.as_dict()))) == recipe


def test_what_is_no_recipe_is_said():
    with pytest.raises(BadSetting, match="A recipe has no 'epoch'"):
        Recipe.from_dict({"epoch": 3})
    for spec in fields(Recipe):
        with pytest.raises(BadSetting, match=spec.metadata["label"]):
            Recipe.from_dict({spec.name: "no such thing"})
        assert spec.metadata["control"].allows(spec.default)
        assert len(spec.metadata["help"]) > 15


def test_the_usual_width_is_no_part_of_a_recipe_s_name_and_another_is():
    assert set(Recipe().as_dict()) == {spec.name for spec in fields(Recipe)} - {"width"}
    wide = Recipe(width=2.0)
    assert wide.as_dict() == Recipe().as_dict() | {"width": 2.0}
    assert Recipe.from_dict(wide.as_dict()) == wide


@pytest.mark.parametrize(
    ("schedule", "rates"), [("constant", [0.5] * 4), ("cosine", [0.5, 0.426777, 0.25, 0.0])]
)
def test_rates_begin_and_end_as_their_schedules_say(schedule, rates):
    recipe = Recipe(rate=0.5, schedule=schedule)
    results = [recipe.rate_at(share) for share in (0.0, 0.25, 0.5, 1.0)]
    assert results == pytest.approx(rates, abs=1e-6)


def test_an_attack_is_there_when_it_has_a_reach():
    assert Recipe().attack is None
    attacked = Recipe(epochs=3, epsilon=0.2, attack_steps=5, attack_step=0.5)
    assert attacked.attack == Pgd(0.2, 5, 0.1)
    assert (Recipe(epochs=3).passes, attacked.passes) == (3, 3 * 6)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("SGD", torch.optim.SGD), ("Adam", torch.optim.Adam), ("AdamW", torch.optim.AdamW)],
)
def test_an_optimizer_has_the_recipe_s_numbers(name, kind):
    recipe = Recipe(optimizer=name, rate=0.02, momentum=0.8, decay=0.003)
    weights = [torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(3))]
    result = optimizer(iter(weights), recipe)
    assert type(result) is kind
    (group,) = result.param_groups
    assert group["params"] == weights
    assert (group["lr"], group["weight_decay"]) == (0.02, 0.003)
    assert group.get("momentum", 0.8) == 0.8


def test_one_cycle_warms_up_in_a_straight_line_from_a_twenty_fifth_to_the_whole():
    recipe = Recipe(rate=0.5, schedule="one cycle")
    rising = [recipe.rate_at(share) for share in (0.0, 0.0625, 0.125, 0.1875, 0.25)]
    assert rising == pytest.approx([0.02, 0.14, 0.26, 0.38, 0.5])
    falling = [recipe.rate_at(share) for share in (0.25, 0.5, 0.625, 0.75, 1.0)]
    assert falling == pytest.approx([0.5, 0.375, 0.25, 0.125, 0.0], abs=1e-9)
