"""Where `engine run … --out OUT` writes: each answer has a folder of its own below OUT."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from engine.core.method import Method, case_kind


def answer_folder(out: Path) -> Path:
    (result,) = out.glob("*/result.json")
    return result.parent


def assert_written(folder: Path, kind: type[Method]) -> None:
    """The record names the method and its case, and every file that it names holds what it says."""
    result = json.loads((folder / "result.json").read_text())
    assert result["method"] == kind.full_name()
    assert result["case"]["kind"] == case_kind(kind).case_name
    assert result["views"]
    for view in result["views"].values():
        if view["kind"] == "Checkpoint":
            assert (folder / view["file"]).stat().st_size
            continue
        if view["kind"] == "Table":
            table = pd.read_csv(folder / view["file"])
            named = table.columns[0] == "row" and len(table.columns) > view["shape"][1]
            assert [len(table), len(table.columns) - named] == view["shape"]
            continue
        assert list(np.load(folder / view["file"]).shape) == view["shape"]
        for file in view.get("files", {}).values():
            np.load(folder / file)
        for picture in {"picture", "overlay"} & view.keys():
            assert Image.open(folder / view[picture]).size
