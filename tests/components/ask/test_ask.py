"""Ask: the first region, each claim's pictures, an answer's words, and edits of a scene."""

import numpy as np
import pytest

from components.ask.every_claim import FALLS, ORANGE, change, falls, framed, pictures
from components.ask.priors import survival_matrix
from components.ask.region import start
from components.dialog.edits import Edit, add_edit, applied, format_edits, parse_edits, put_back
from components.widgets.rectangle import Box
from engine.core.pictures import as_bytes
from engine.core.result import Table
from engine.hallucination import asking
from engine.hallucination.grounding.word_case import WordCase
from engine.vision.language.tiny_vlm.weights import HONEST

SCENE = asking.scene("counter", 424)  # a blue car, a purple wheel, an orange fork


def test_the_first_region_is_around_the_first_thing():
    box, mask = start(SCENE), SCENE.mask("car")
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    sides = (box.top, box.top + box.height, box.left, box.left + box.width)
    around = (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1)
    assert 64 * np.array(sides) == pytest.approx(around, abs=0.05)
    shares = {"top": 0.5, "left": 0.25, "bottom": 1.0, "right": 0.75}
    assert Box(0.251, 0.5, 0.5, 0.5).sides() == shares


def test_a_word_that_survives_in_a_picture_is_marked_there():
    values = np.float32([[0.8], [0.4], [0.39], [0.9]])
    table = Table.grid(values, ("this image", "blank", "noise", "other"), ("1. yes",), ("",))
    assert survival_matrix(table).texts == [["0.80"], ["0.40 ✓"], ["0.39"], ["0.90 ✓"]]


def claim_cases():
    caption_case = asking.about_scene(HONEST, SCENE, "describe the image")
    tokens = tuple(caption_case.vlm.tokenizer.encode("a car with a lamp"))
    return asking.each_claim(WordCase.of(caption_case, tokens, (0,)), SCENE)


def claims(**values):
    names = ("probability", "hidden", "owed to the region", "taken out", "owed to the thing")
    columns = {
        name: ([before, hidden, before - hidden, after, before - after][at], "probability")
        for at, name in enumerate(names)
        for before, hidden, after in [np.float32(list(values.values())).T]
    }
    rows = tuple(values)
    return {"claims": Table.of(columns, rows, ["car" if name == "lamp" else name for name in rows])}


def test_each_claim_has_its_images_and_a_made_up_one_those_of_what_was_tried():
    case = claim_cases()
    view = pictures(case, claims(car=(0.9, 0.1, 0.05), lamp=(0.99, 0.99, 0.991)))
    habit = "stays whatever is taken out: habit, or the words before it"
    made_up = f"lamp, made up (car hidden and taken out): {habit}"
    assert view.rows == ("car, there: hangs on what is there", made_up)
    assert view.captions == ("90 %", "10 % (−80)", "5 % (−85)", "99 %", "99 % (±0)", "99 % (±0)")
    gone = as_bytes(asking.pixels(SCENE.remove("car")))
    hidden = as_bytes(case.others[case.names.index("the car hidden")])
    for row in range(2):
        assert np.array_equal(view.images[row, 1], hidden)
        assert np.array_equal(view.images[row, 2], gone)


def test_the_line_is_just_around_the_region():
    case = claim_cases()
    image = as_bytes(case.image)
    drawn, rows_columns = framed(image, case, "car"), asking.box(SCENE.mask("car"))
    changed = (drawn != image).any(-1)
    assert np.array_equal(np.unique(drawn[changed], axis=0), [ORANGE])
    assert not changed[rows_columns].any()
    rows, columns = (np.flatnonzero(changed.any(axis)) for axis in (1, 0))
    assert (rows[0], rows[-1]) == (rows_columns[0].start - 1, rows_columns[0].stop)
    assert (columns[0], columns[-1]) == (rows_columns[1].start - 1, rows_columns[1].stop)


def test_the_chart_has_room_for_every_probability_and_what_loses_most_is_named():
    figure = FALLS.figure(claims(car=(1, 0, 0.25), lamp=(0.5, 0.5, 0.5))["claims"])
    low, high = figure.layout.xaxis.range
    marks = [list(trace.x) for trace in figure.data if trace.mode == "markers"]
    assert marks == [[1, 0.5], [0, 0.5], [0.25, 0.5]]
    assert low < 0
    assert 1 < high < 1.2
    most = claims(lamp=(0.9, 0.2, 0.1), fork=(0.8, 0.8, 0.8))
    least = "the fork loses least, 0."
    assert falls(most) == f"The lamp loses 80 points when the car is taken out; {least}"
    assert falls(claims(car=(0.9, 0.2, 0.3))) == "The car loses 60 points when it is taken out."
    assert [change(delta) for delta in (12.4, -12.6, -0.4, 0.4)] == ["+12", "−13", "±0", "±0"]


def test_edits_go_through_a_link_and_back_and_the_same_change_again_replaces_the_last():
    edits = (Edit("car", "remove"), Edit("fork", "fade", 0.25), Edit("wheel", "move", 6))
    assert format_edits(edits) == "-car,fork*0.25,wheel@6"
    assert parse_edits(format_edits(edits)) == edits
    assert parse_edits("car*2,fork@16,wheel@1.5,nonsense,fork*nan,,*1") == ()
    first = add_edit((), Edit("car", "fade", 0.5))
    assert add_edit(first, Edit("car", "fade", 0.2)) == (Edit("car", "fade", 0.2),)
    assert len(add_edit(first, Edit("fork", "fade", 0.2))) == 2


def test_edits_change_what_they_say_and_nothing_else():
    edits = parse_edits("fork*0.25,wheel@15,-car")
    after, applied_edits, problems = applied(SCENE, edits)
    assert applied_edits == edits
    assert not problems
    places = {thing.category: (thing.row, thing.column, thing.opacity) for thing in after.things}
    assert places == {"wheel": (3, 3, 1.0), "fork": (0, 2, 0.25)}
    back, _, _ = applied(SCENE, put_back(edits, "car"))
    assert [element.category for element in back.things] == ["car", "wheel", "fork"]
    masks = [SCENE.mask(category) for category in ("car", "wheel", "fork")] + [after.mask("wheel")]
    still = ~np.any(masks, axis=0)
    assert np.array_equal(after.image[:, still], SCENE.image[:, still])


def test_an_edit_of_what_is_not_there_is_a_sentence_and_one_that_changes_nothing_is_none():
    after, _, problems = applied(SCENE, parse_edits("-boat,-car,fork@3"))
    assert [element.category for element in after.things] == ["wheel", "fork"]
    assert "There is no boat" in problems[0]
    assert "choose an empty one" in problems[1]
    assert applied(SCENE, ()) == (SCENE, (), ())
    car = next(element for element in SCENE.things if element.category == "car")
    assert applied(SCENE, parse_edits(f"car*0.1,car*{car.opacity:g}"))[1] == ()
    assert applied(SCENE, parse_edits("dragon*0.5"))[1] == ()
    assert applied(SCENE, parse_edits("dragon*0.5,-car"))[1] == parse_edits("-car")
