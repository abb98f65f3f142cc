"""Tickets as a visitor meets it: the sentence, the tape that moves with the slider, one image."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from components.asked_image import SIDEBAR_IMAGE
from components.runs import Problem
from components.tickets import evidence
from components.tickets.form import KEY
from components.tickets.rewinding import usual_case
from components.views import TICKETS
from engine.commands.openings import sparsity as openings
from engine.core.charts.words import percent
from engine.core.run import answer, digest
from engine.sparsity import BiP, Lottery, Rewinding, masks_in
from engine.sparsity.lth.lottery import FIRST, RECIPES, claims, said_of
from engine.vision import data as data_sets
from engine.vision.lab import TrainCase
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import Recipe
from tests import tiny
from tests.visits import problems, question_in, settled, visit, words

SMALL = {"data": "columns", "LTH.levels": "2", "LTH.share": "0.5", "LTH.seeds": "2"}
SMALL = {f"{KEY}.{name}": value for name, value in SMALL.items()}
TAPE = "components.tickets.tape"
METHOD = Lottery(levels=2, share=0.5, seeds=2)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr("components.tickets.form.TICKETS_DATA", ("columns", "digits"))
    recipes = {"MLP": Recipe("mlp", epochs=2, batch=8), "LeNet": Recipe("lenet", epochs=1, batch=8)}
    monkeypatch.setattr("components.tickets.form.RECIPES", recipes)
    data = tiny.columns(8, ("a", "b", "c"))
    data_sets.add(data)
    return TrainCase(data, recipes["MLP"])


def test_before_it_is_computed_the_view_says_what_will_be():
    at = visit(SMALL | {f"{KEY}.LTH.levels": "3", f"{KEY}.about": SIDEBAR_IMAGE}, TICKETS)
    assert "Image" in [header.value for header in at.sidebar.header]
    assert not problems(at)
    assert "Find the tickets" in " ".join(button.label for button in at.button)
    assert "beside the same mask with a new start" in words(at)


def test_the_slider_moves_the_sentence_the_masks_and_the_drawings(small):
    result = answer(METHOD, small)
    texts = {}
    for level in (0, 1, 2):
        at = settled(visit({**SMALL, f"{KEY}.level": str(level)}, TICKETS))
        assert not problems(at)
        assert at.main.header[0].value.replace("\\", "") == said_of(result["levels"], level, 2)
        texts[level] = words(at)
        masks = masks_in(rebuilt(result["networks"][level]))
        share = 100 * masks.counts[0] / masks.parts[0].size
        assert f"fc1: {share:.0f} % stays" in texts[level]
        assert f"How level {level} learns" in texts[level]
        assert evidence.alike(result, level) in texts[level]
        assert "What the first layer still reads" in texts[level]
    assert len(at.main.get("plotly_chart")) >= 4
    beyond = settled(visit({**SMALL, f"{KEY}.level": "9"}, TICKETS))
    assert any("from 0 to 2" in sentence for sentence in problems(beyond))
    questions = [question_in(block.value) for block in at.code if block.language == "python"]
    assert digest(METHOD, small) in questions


@pytest.mark.parametrize("level", [0, 2])
def test_ticket_and_new_start_answer_with_their_own_networks(small, level, monkeypatch):
    """All are asked about the same image and class; at level 0 the ticket is the whole network."""
    displayed, played = [], []
    monkeypatch.setattr(f"{TAPE}.viewer", lambda _picture, panels, _key: displayed.append(panels))
    monkeypatch.setattr(f"{TAPE}.play_steps", lambda *given, **more: played.append((given, more)))
    result = answer(METHOD, small)
    text = words(settled(visit({**SMALL, f"{KEY}.level": str(level)}, TICKETS)))
    row = small.data.some("test", 3, 0)[0]
    assert f"Asked about a {small.data.classes[small.data.labels[row]]}; all maps are" in text
    networks = {"Whole network": result["networks"][0]}
    networks["Same mask, new start"] = result["anew"][level]
    if level:
        networks["Ticket, 25 %"] = result["networks"][2]
    notes = {panel.title: panel.note for panel in displayed[-1]}
    assert set(notes) == set(networks)
    for title, view in networks.items():
        shares = torch.softmax(rebuilt(view).logits(small.data.pixels([row])), 1)[0]
        says = small.data.classes[shares.argmax()]
        assert notes[title] == f"It says {says}, {percent(float(shares.max()))} sure."
        assert title == "Whole network" or f"{title} " in text
    positional, more = played[-1]
    assert positional == ("the levels", level, 2, f"{KEY}.play", f"{KEY}.level")
    assert more == {"drawn": True}


def test_the_overlap_matrix_has_the_pairs_of_the_level(small):
    result = answer(Lottery(levels=1, share=0.5, seeds=3), small)
    table = evidence.ticket_overlaps(result, 1)
    assert table.values.shape == (3, 3)
    np.testing.assert_array_equal(table.values, table.values.T)
    np.testing.assert_array_equal(np.diag(table.values), 1.0)
    overlaps = result["overlap"]["IoU"][result["overlap"]["level"] == 1]
    assert sorted(table.values[np.triu_indices(3, 1)]) == sorted(overlaps.tolist())
    alone = answer(Lottery(levels=1, share=0.5, seeds=1), small)
    assert len(evidence.ticket_overlaps(alone, 1)) == 0


def test_what_the_view_opens_with_is_what_the_shell_asks_by_itself():
    (method, case), learned, late = openings.tickets()
    assert method == Lottery()
    assert case.fingerprint == TrainCase.from_arguments(recipe=FIRST).fingerprint
    assert RECIPES["MLP"] == case.recipe
    assert learned == (BiP(), case)
    assert (late[0], late[1].fingerprint) == (Rewinding(), usual_case().fingerprint)


def test_claims_that_need_validation_images_are_left_out_without_them(small):
    recipe = Recipe("mlp", epochs=10, batch=8, optimizer="Adam", rate=0.01)
    result = answer(Lottery(levels=4, share=0.5, seeds=2), replace(small, recipe=recipe))
    assert np.isnan(result["runs"]["early stop"]).all()
    assert len(claims(result["runs"], 10)) == 3  # of four
    assert "no early stop is known" in evidence.sooner(result, 1)


def test_a_run_that_was_stopped_offers_to_go_on(small):
    result = answer(METHOD, small)
    stopped = Problem("slot", "Lottery ticket", "Stopped.", {"networks": result["networks"]})
    assert stopped.again == "Resume"
    assert Problem("slot", "Lottery ticket", "Stopped.").again == "Start again"
