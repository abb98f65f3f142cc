"""What a page asks makes the plan that a file would, and is bounded."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from engine.attribution import HEATMAPS
from engine.attribution.heatmaps.occlusion import Occlusion
from engine.attribution.heatmaps.rise import Rise
from engine.sweep import request
from engine.sweep.plan import as_toml, plan_of, read_plan
from engine.sweep.request import SAMPLED, SweepRequest, model_options, refusal, values_of, variable

SETTINGS = {"attribution.Occlusion": {"side": [2, 4], "cover": ["mean", "black"]}}
REQUEST = SweepRequest("digits", 10, ("digits-cnn",), ("attribution.Occlusion",))


@pytest.mark.parametrize("asked", [REQUEST, replace(REQUEST, images=SAMPLED)])
def test_the_file_of_a_plan_gives_the_same_plan(asked, tmp_path):
    document = asked.said(SETTINGS)
    (tmp_path / "plan.toml").write_text(as_toml(document), "utf-8")
    assert tomllib.loads(as_toml(document)) == document
    read = read_plan(tmp_path / "plan.toml")
    assert read == plan_of(document, tmp_path)
    assert read.count == 4 * len(read.images) == len(read.questions())


def test_a_plan_that_takes_too_much_is_refused_in_words(monkeypatch):
    plan = plan_of(REQUEST.said(SETTINGS), Path())
    assert refusal(plan) == ""
    many = plan_of(replace(REQUEST, count=100).said({"attribution.Occlusion": {
        "side": list(range(1, 97)), "overlap": [0, 0.25, 0.5], "cover": ["mean", "black", "blur"],
    }}), Path())  # fmt: skip
    assert refusal(many).startswith("This plan has 86,400 answers; at most 400 are computed on")
    monkeypatch.setattr(request, "MOST_ANSWERS", plan.count)
    assert refusal(plan) == ""
    monkeypatch.setattr(request, "MOST_BYTES", 10_000)
    assert "take about 0 MB; at most 0 MB are kept" in refusal(plan)


def test_models_are_those_that_learned_the_data():
    def offered(images):
        return [option.name for option in model_options({"images": images})]

    assert {*offered("digits")} >= {"digits-cnn", "digits-mlp"}
    assert all("digits" in name for name in offered("digits"))
    assert offered(SAMPLED) == offered("upload-1")
    assert SweepRequest().models[0] in offered("mnist-5k")


def test_every_value_that_is_offered_is_one_that_the_method_takes():
    assert len(variable([Occlusion])) == 3
    assert values_of(Rise.__dataclass_fields__["masks"])[:2] == [100, 200]
    for kind in HEATMAPS:
        for name, spec in variable([kind]).values():
            assert name == kind.full_name()
            values = values_of(spec)
            assert spec.default in values
            assert len(set(values)) == len(values) > 1
            for value in values:
                kind(**{spec.name: value})
