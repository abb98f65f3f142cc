"""What a person did to a scene goes through a link and changes what it says, nothing else."""

from __future__ import annotations

import numpy as np

from components.dialog.edits import Edit, add_edit, applied, format_edits, parse_edits, put_back
from engine.data.scenes import Scenes

SCENE = Scenes(kind="counter", seed=1000).scene(424)  # a blue car, a purple wheel, an orange fork


def test_edits_go_through_a_link_and_back():
    edits = (Edit("car", "remove"), Edit("fork", "fade", 0.25), Edit("wheel", "move", 6))
    assert format_edits(edits) == "-car,fork*0.25,wheel@6"
    assert parse_edits(format_edits(edits)) == edits
    assert parse_edits("car*2,fork@16,wheel@1.5,nonsense,fork*nan,,*1") == ()


def test_the_same_change_again_replaces_the_last_and_another_is_added():
    first = add_edit((), Edit("car", "fade", 0.5))
    assert add_edit(first, Edit("car", "fade", 0.2)) == (Edit("car", "fade", 0.2),)
    assert len(add_edit(first, Edit("fork", "fade", 0.2))) == 2


def test_edits_change_what_they_say_and_nothing_else():
    edits = parse_edits("fork*0.25,wheel@15,-car")
    after, applied_edits, problems = applied(SCENE, edits)
    assert applied_edits == edits
    assert not problems
    assert {
        element.category: (element.row, element.column, element.opacity) for element in after.things
    } == {"wheel": (3, 3, 1.0), "fork": (0, 2, 0.25)}
    back, _, _ = applied(SCENE, put_back(edits, "car"))
    assert [element.category for element in back.things] == ["car", "wheel", "fork"]
    masks = [SCENE.mask(category) for category in ("car", "wheel", "fork")] + [after.mask("wheel")]
    still = ~np.any(masks, axis=0)
    assert np.array_equal(after.image[:, still], SCENE.image[:, still])


def test_an_edit_of_what_is_not_there_is_a_sentence_and_the_others_are_done():
    after, _, problems = applied(SCENE, parse_edits("-boat,-car,fork@3"))
    assert [element.category for element in after.things] == ["wheel", "fork"]
    assert "There is no boat" in problems[0]
    assert "choose an empty one" in problems[1]
    assert applied(SCENE, ()) == (SCENE, (), ())


def test_edits_that_leave_the_scene_as_it_was_are_none():
    car = next(element for element in SCENE.things if element.category == "car")
    there_and_back = f"car*0.1,car*{car.opacity:g}"
    assert applied(SCENE, parse_edits(there_and_back))[1] == ()
    assert applied(SCENE, parse_edits("dragon*0.5"))[1] == ()
    assert applied(SCENE, parse_edits("dragon*0.5,-car"))[1] == parse_edits("-car")
