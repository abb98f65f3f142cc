"""An unlearner of one's own, as the docs write it, works everywhere at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadSetting
from engine.method import Slider, setting
from engine.run import answer
from engine.unlearning import AfterCase, BoardCase, Scoreboard, WhatMoved
from engine.unlearning.ways.unlearner import Unlearner, UnlearningRun
from tests.engine.unlearning.trained import class_case

PAGE = Path(__file__).parents[3] / "docs" / "adding-a-method.md"


def written():
    """The class in the docs, from its text."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (code,) = (block for block in blocks if "class Fade" in block)
    names = {"dataclass": dataclass, "Slider": Slider, "setting": setting, "Work": UnlearningRun}
    names |= {"Unlearner": Unlearner, "__name__": __name__}
    exec(compile(code, str(PAGE), "exec"), names)  # noqa: S102 - the page's own code
    return names["Fade"]


def test_the_example_of_the_docs_is_an_unlearner():
    fade, case = written(), class_case()
    result = answer(fade(), case)
    before = case.model.network.head.weight.detach().numpy()
    after = result["model"].weights["head.weight"]
    np.testing.assert_allclose(after[3], before[3] / 2)
    np.testing.assert_array_equal(np.delete(after, 3, 0), np.delete(before, 3, 0))
    assert not result["seen"]["seen"].any()  # it asks for labels, not for images
    table = answer(Scoreboard(), BoardCase(case, (fade(), fade(left=0.0))))["table"]
    assert table.rows == ("Retrain", "Fade", "Fade (left 0.0)")
    assert table.cell("Fade (left 0.0)", "UA") >= table.cell("Fade", "UA")
    moved = answer(WhatMoved(), AfterCase(case, fade()))["layers"]
    assert moved.cell("head.weight", "moved") == pytest.approx(0.1, abs=0.01)
    assert moved.cell("fc.weight", "moved") == 0
    with pytest.raises(BadSetting, match="Left"):
        fade(left=2.0)
