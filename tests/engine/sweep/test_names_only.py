"""What is taken along of a sweep names files, not the folders that they lie in."""

import shlex
from dataclasses import replace

import pytest

from engine.commands.cli import parser
from engine.sweep.images import SweepImage, images_of
from engine.sweep.names_only import names_only
from engine.sweep.plan import SweepPlan, SweepQuestion
from engine.sweep.sheet import sheet
from engine.sweep.sweeping import Swept
from engine.sweep.tables import as_csv, as_parquet, left_out
from tests.engine.sweep.test_sheet import ROW

METHOD = "attribution.GradCam"
FOLDERS = ["Zebulon", "Zebulon's scans", 'say "Zebulon"', "Zebulon $HOME", "Zebulon::slice=1"]


@pytest.fixture(params=FOLDERS)
def swept(request, tmp_path):
    """A plan on two files of one name in such folders, and what came of it."""
    photos = tmp_path / request.param / "photos"
    for label in ("cat", "dog"):
        (photos / request.param / label).mkdir(parents=True)
        (photos / request.param / label / "1.png").touch()
    weights = photos.parent / "mine.pt"
    weights.touch()
    images = images_of(str(photos), tmp_path)
    plan = SweepPlan((METHOD,), {"weights": (str(weights),)}, {}, images)
    rows = tuple(
        replace(
            ROW,
            image=image.title,
            label=image.label,
            arguments=f"weights={weights}",
            command=shlex.join(["run", "--image", image.source, "--weights", str(weights)]),
        )
        for image in images
    )
    question = SweepQuestion(METHOD, (), (("weights", str(weights)),), images[1])
    return Swept(rows, ((question, f"{images[1].source} is no picture."),), 0, 0), plan


def written(swept):
    files = (as_csv(swept.rows), as_parquet(swept.rows), left_out(swept.left_out))
    return b"".join((*files, sheet(swept.rows, "http://localhost").encode()))


def test_nothing_that_is_written_has_a_folder(swept, tmp_path):
    whole, plan = swept
    assert str(tmp_path).encode() in written(whole)  # as --paths gives it
    short = names_only(whole, plan)
    assert str(tmp_path).encode() not in written(short)
    assert b"Zebulon" not in written(short)
    assert [row.image for row in short.rows] == ["1.png", "1.png (2)"]
    assert [row.label for row in short.rows] == ["cat", "dog"]
    for row in short.rows:
        assert shlex.split(row.command) == ["run", "--image", "1.png", "--weights", "mine.pt"]
        assert row.arguments == "weights=mine.pt"
    ((question, reason),) = short.left_out
    assert (question.image.title, reason) == ("1.png (2)", "1.png is no picture.")


def test_what_is_no_file_keeps_its_name():
    image = SweepImage("example:digits/3", "digits/3", "3")
    row = replace(ROW, image=image.title, command="run --image example:digits/3 --out out/")
    plan = SweepPlan((METHOD,), {"model": ("digits-cnn",)}, {}, (image,))
    whole = Swept((row,), (), 1, 0)
    assert names_only(whole, plan) == whole


def test_paths_are_written_only_when_they_are_asked_for():
    assert parser().parse_args(["sweep", "plan.toml"]).paths is False
    assert parser().parse_args(["sweep", "plan.toml", "--paths"]).paths is True
