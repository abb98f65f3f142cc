"""`engine run` over every method that is listed, with the answers that ship in place."""

from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pytest
from PIL import Image

from engine import asking
from engine.asking import against, cannot_run
from engine.cli import main
from engine.families import METHODS
from engine.method import Slider
from engine.run import GALLERY
from tests import tiny

FEW = {"samples": 40, "steps": 8, "masks": 40, "side": 8, "rounds": 5, "maps": 2, "orders": 2}
OTHERS = ("china", "coffee", "rocket", "astronaut")
PICTURED = [kind for kind in METHODS if not cannot_run(kind)]
REFUSED = [kind for kind in METHODS if cannot_run(kind)]


def each(kinds):
    return pytest.mark.parametrize("kind", kinds, ids=lambda kind: kind.full_name())


def few(kind) -> list[str]:
    """Small settings where a method counts something, as the command line takes them."""
    pairs = [
        f"{spec.name}={max(FEW[spec.name], spec.metadata['control'].low)}"
        for spec in fields(kind)
        if spec.name in FEW and isinstance(spec.metadata["control"], Slider)
    ]
    return ["--set", *pairs] if pairs else []


@each(PICTURED)
def test_a_method_of_images_gives_its_record_arrays_and_pictures(
    kind, tmp_path, monkeypatch, capsys
):
    model = ["--model", "digits-cnn"]
    if "attention" in kind.needs:  # of the networks that ship, none has any
        monkeypatch.setattr(asking, "load", lambda _name: tiny.vit())
        model = []
    fewest, _ = against(kind) or (0, 0)
    others = [f"sample:{name}" for name in OTHERS[:fewest]]
    given = [*model, *(["--against", *others] if others else []), *few(kind)]
    out = ["--image", "sample:chelsea", "--out", str(tmp_path)]
    assert main(["run", kind.full_name(), *out, *given]) == 0, capsys.readouterr().err
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["method"] == kind.full_name()
    assert result["views"]
    for view in result["views"].values():
        assert list(np.load(tmp_path / view["file"]).shape) == view["shape"]
        for file in view.get("files", {}).values():
            np.load(tmp_path / file)
        for picture in {"picture", "overlay"} & view.keys():
            assert Image.open(tmp_path / view[picture]).size


@each(REFUSED)
def test_a_method_that_needs_more_than_images_says_so_in_one_line(kind, tmp_path, capsys):
    asked = ["--image", "sample:chelsea", "--out", str(tmp_path / "out")]
    assert main(["run", kind.full_name(), *asked]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "cannot be asked from the command line: it " in error
    assert not (tmp_path / "out").exists()


def test_the_list_for_scripts_says_which_methods_cannot_be_run_and_why(capsys):
    assert main(["methods", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    reasons = {f"{one['family']}.{one['name']}": one["cannot_run"] for one in listed}
    assert {name for name, why in reasons.items() if why} == {k.full_name() for k in REFUSED}
    assert "training data" in reasons["unlearning.SSD"]
    assert reasons["attribution.LiMA"] is None
    counts = {one["name"]: one["against"] for one in listed}
    assert (counts["Star"], counts["GradCam"]) == ([4, 12], None)


def test_what_ships_is_read_though_its_record_is_older_than_a_field(tmp_path, capsys):
    asked = ["--image", "sample:chelsea", "--out", str(tmp_path)]
    assert main(["run", "attribution.GradCam", *asked]) == 0, capsys.readouterr().err
    said = json.loads((tmp_path / "result.json").read_text())["provenance"]
    assert said["kept"]
    assert (GALLERY / f"{said['digest']}.json").exists()
