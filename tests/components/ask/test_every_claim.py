"""The rows of pictures of every claim, and what stands beside them."""

from __future__ import annotations

import numpy as np

from components.ask.every_claim import FALLS, ORANGE, change, falls, framed, pictures
from engine.hallucination import asking
from engine.hallucination.grounding.word_case import WordCase
from engine.hallucination.tiny_vlm.weights import HONEST
from engine.pictures import as_bytes
from engine.result import Table

SCENE = asking.scene("counter", 424)  # a car, a wheel and a fork


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
    assert view.rows == (
        "car, there: hangs on what is there",
        "lamp, made up (car hidden and taken out): stays whatever is taken out: habit, or the "
        "words before it",
    )
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


def test_the_chart_has_room_for_every_probability():
    claim = claims(car=(1, 0, 0.25), lamp=(0.5, 0.5, 0.5))["claims"]
    figure = FALLS.figure(claim)
    low, high = figure.layout.xaxis.range
    marks = [list(trace.x) for trace in figure.data if trace.mode == "markers"]
    assert marks == [[1, 0.5], [0, 0.5], [0.25, 0.5]]
    assert low < 0
    assert 1 < high < 1.2


def test_what_loses_most_and_least_is_named():
    most = claims(lamp=(0.9, 0.2, 0.1), fork=(0.8, 0.8, 0.8))
    assert falls(most) == (
        "The lamp loses 80 points when the car is taken out; the fork loses least, 0."
    )
    assert falls(claims(car=(0.9, 0.2, 0.3))) == "The car loses 60 points when it is taken out."
    assert [change(delta) for delta in (12.4, -12.6, -0.4, 0.4)] == ["+12", "−13", "±0", "±0"]
