"""The section about BiP: its sentence, points and captions are the answer's numbers."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from components.tickets import bip
from engine.lab import TrainCase
from engine.result import Table
from engine.run import answer
from engine.sparsity import BiP
from tests.engine.sparsity.test_bip import RECIPE
from tests.engine.training.test_loop import striped
from tests.visits import problems, settled


def figures(*levels):
    shared = [0.97, 1, 30, 0, 0], [0.96, 0.05, 40, 300, 7], [0.95, 0.05, 50, 300, 6]
    values = np.array([*shared, *levels])
    rows = ("dense", "BiP", "one-shot magnitude", "IMP, level 1", "IMP, level 2")
    names = ("right", "kept", "epochs", "steps", "seconds")
    units = ("share", "share", "", "", "s")
    return Table.grid(values, rows[: len(values)], names, units)


LEVELS = [0.98, 0.5, 10, 150, 3.0], [0.94, 0.05, 10, 1500, 6.5]


@pytest.mark.parametrize(("price", "ends"), [("steps", (150, 1500)), ("seconds", (3.0, 6.5))])
def test_each_network_is_a_point_at_its_price_and_imp_is_one_group(price, ends):
    dense, once, learned, imp = bip.trade(price).figure(bip.grouped(figures(*LEVELS))).data
    assert [trace.name for trace in (dense, once, learned, imp)] == list(bip.GROUPS)
    assert dense.y == pytest.approx([97])
    assert once.y == pytest.approx([95])
    assert learned.y == pytest.approx([96])
    assert imp.x == pytest.approx(ends)
    assert imp.y == pytest.approx([98, 94])


def test_the_words_name_both_ends_of_the_trade():
    words = bip.priced({"figures": figures(*LEVELS)}, "steps")
    assert words.startswith(
        "Test images right. BiP: 96.0 % after 300 steps; one-shot magnitude: 95.0 % after 300 "
        "steps; IMP, level 2: 94.0 % after 1,500 steps."
    )
    assert "These weights learned for 40, 50 and 10 epochs: a level of IMP begins" in words
    assert "IMP" not in bip.priced({"figures": figures()}, "steps")


def test_an_answer_that_grows_has_words_for_what_is_there():
    first = figures().take([0])
    assert bip.priced({"figures": first}, "steps").startswith(
        "Test images right. dense: 97.0 % after"
    )
    both = bip.priced({"figures": figures().take([0, 1])}, "steps")
    assert "BiP: 96.0 %" in both
    assert "one-shot" not in both


def page() -> None:
    """What AppTest runs."""
    import streamlit as st

    from components.tickets import bip

    bip.show(st.session_state["case"])


def test_the_section_asks_when_it_is_told_and_says_what_the_answer_says():
    case = TrainCase(striped(), RECIPE, seed=4)
    at = AppTest.from_function(page, default_timeout=60)
    at.session_state["case"] = case
    at.query_params.update(
        {
            f"{bip.SLOT}.{name}": value
            for name, value in {"kept": "0.2", "epochs": "2", "levels": "2"}.items()
        }
    )
    at.run()
    assert not at.exception
    assert "cut to 20 % of its weights" in " ".join(caption.value for caption in at.caption)
    next(button for button in at.button if button.label.startswith("Learn the mask")).click().run()
    settled(at)
    assert not problems(at)
    method = BiP(kept=0.2, epochs=2, levels=2)
    result = answer(method, case)
    assert at.header[0].value == method.finding(case, result)
    words = " ".join(caption.value for caption in at.caption).replace("\\", "")
    for caption in (bip.priced(result, "steps"), bip.settled(result), bip.overlap_sentence(result)):
        assert caption in words
    assert len(at.get("plotly_chart")) == 3
    shared = result["overlap"]["IoU"]
    assert f"one-shot magnitude {100 * shared[0]:.0f} % (chance" in bip.overlap_sentence(result)
