"""Images along a walk stand in a strip, each with its score, over the curve of all scores."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from components.draw.timeline import Frames, said_of, scores, strip
from engine.result import Path


def walk(values, steps=None):
    shades = np.linspace(0, 1, len(values), dtype=np.float16)
    frames = np.broadcast_to(shades[:, None, None, None], (len(values), 3, 4, 5))
    return Path(frames, np.asarray(values, np.float32), "confidence", steps)


def test_the_strip_has_both_ends_and_the_score_of_each_image():
    view = walk(np.linspace(0.1, 0.9, 21), np.arange(0, 210, 10))
    drawn = strip(view, "what is seen", Frames(most=5))
    assert drawn.columns == ("step 0", "step 50", "step 100", "step 150", "step 200")
    assert drawn.captions == ("0.10", "0.30", "0.50", "0.70", "0.90")
    assert drawn.images.shape == (1, 5, 4, 5, 3)
    assert drawn.images[0, :, 0, 0, 0].tolist() == [0, 64, 128, 191, 255]
    table = scores(view, Frames())
    assert table["step"].tolist() == list(range(0, 210, 10))
    assert table["score"] == pytest.approx(view.values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0.2, 0.5, 0.8], "The score goes from 0.20 at step 0 to 0.80 at 2."),
        ([0.2, 0.9, 0.8], "to 0.80 at 2; between them above both, 0.90 at 1."),
        ([0.2, 0.1, 0.8], "to 0.80 at 2; between them below both, 0.10 at 1."),
        ([0.5], "The score goes from 0.50 at step 0 to 0.50 at 0."),
    ],
)
def test_the_finding_says_where_it_begins_ends_and_turns(values, words):
    assert said_of(walk(values), Frames()).endswith(words)


def page() -> None:
    """A page with a walk of three images."""
    import numpy as np

    from components.draw.drawing import Drawing, draw
    from components.draw.timeline import Frames
    from engine.result import Path

    frames = np.zeros((3, 3, 8, 8), np.float16)
    path = Path(frames, np.array([1, 3, 2], np.float32), "logit")
    draw(Drawing("path", chart=Frames(score="score of a cat", step="frame")), {"path": path}, "it")


def test_a_walk_is_drawn_by_its_kind_with_the_numbers_beside_the_picture():
    at = AppTest.from_function(page, default_timeout=60).run()
    assert not at.exception
    words = (
        "The score of a cat goes from 1.00 logit at frame 0 to 2.00 logit at 2; "
        "between them above both, 3.00 logit at 1."
    )
    assert at.caption[0].value == words
    assert at.get("html")[0].proto.body.count("<img") == 3
    assert at.get("plotly_chart")
