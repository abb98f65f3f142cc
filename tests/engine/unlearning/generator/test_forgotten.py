"""The file of a generator that forgot: the judged weights to the bit, its card, and the docs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from engine.errors import Cancelled
from engine.unlearning import GeneratorSalUn
from engine.unlearning.generator import salun
from engine.unlearning.generator.forgotten import card_of_forgotten, forgotten_file
from engine.unlearning.generator.judging import judge_samples
from engine.unlearning.generator.weights import KEY, load, plan, read, shipped_case

DIGITS = "digits-generator"
DOCS = Path(__file__).parents[4] / "docs" / "generator.md"
METHOD = GeneratorSalUn(label="7", share=0.3, steps=5, each=4, passes=5)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "forgot.safetensors"
    path.write_bytes(forgotten_file(METHOD, shipped_case(DIGITS)))
    return path


def test_the_file_has_the_weights_whose_samples_are_judged(file, monkeypatch):
    case, generators = shipped_case(DIGITS), []
    monkeypatch.setattr(
        salun,
        "judge_samples",
        lambda generator, *arguments: (
            generators.append(generator) or judge_samples(generator, *arguments)
        ),
    )
    result = METHOD(case)
    opened = read(file, plan(DIGITS), case.generator.labels)
    before, after = generators[0].network.state_dict(), generators[1].network.state_dict()
    for name, weight in opened.network.state_dict().items():
        assert torch.equal(weight, after[name]), name
    changed = sum(int((after[name] != tensor).sum()) for name, tensor in before.items())
    assert 0 < changed <= 0.31 * sum(tensor.numel() for tensor in before.values())
    again = judge_samples(opened, case, METHOD)
    assert again.agreed[7] == result["figures"].cell("after SalUn", "forgotten class")


def test_its_card_says_how_it_was_made_and_names_the_question(file):
    case = shipped_case(DIGITS)
    with safe_open(file, framework="pt") as weights_file:
        metadata = json.loads(weights_file.metadata()[KEY])
    assert metadata["plan"]["name"] == DIGITS
    assert metadata["settings"] == {"label": "7", "share": 0.3, "steps": 5, "retain": 3.0}
    assert metadata["parent"] == load(DIGITS).fingerprint
    card = card_of_forgotten(METHOD, case)
    assert card.items() <= metadata.items()
    fewer = case.data.take(np.arange(len(case.data) - 1))
    assert card == card_of_forgotten(replace(METHOD, guidance=0.0), case)
    for other in (
        card_of_forgotten(replace(METHOD, steps=10), case),
        card_of_forgotten(METHOD, replace(case, seed=1)),
        card_of_forgotten(METHOD, replace(case, data=fewer)),
    ):
        assert other != card


def test_making_it_can_be_stopped(file):
    def stop(_done, words=""):
        if "forgetting" in words:
            raise Cancelled

    with pytest.raises(Cancelled):
        forgotten_file(METHOD, shipped_case(DIGITS), stop)


def test_the_lines_of_the_docs_draw_with_it(file, tmp_path, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    name = "blindspot-digits-generator-forgot-3.safetensors"
    (tmp_path / name).write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(DOCS), "exec"), {})  # noqa: S102 - the page's own lines
    assert capsys.readouterr().out.strip() == "torch.Size([200, 1, 8, 8])"
