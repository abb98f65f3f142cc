"""A sweep computes what is missing, once, and says what it left out."""

import csv
import io
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from engine.commands import sweep as command
from engine.commands.cli import main
from engine.core import run
from engine.core.method import quiet
from engine.sweep import sweeping, work
from engine.sweep.plan import SweepQuestion, read_plan
from engine.sweep.spread import LocalExecutor
from engine.sweep.sweeping import SweepProgress, look_up, sweep
from engine.vision.images.samples import SAMPLES
from tests import tiny
from tests.engine.sweep.conftest import arrays
from tests.engine.vision.data.nova_files import write
from tests.hostile.pictures import BEYOND
from tests.in_memory import png

PLAN = """
methods = ["attribution.GradCam", "attribution.Occlusion"]
images = { data = "digits", count = 10 }
models = "digits-cnn"
settings."attribution.Occlusion".side = [2, 3]
"""


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """A plan's file, in the folder that commands run in."""
    monkeypatch.chdir(tmp_path)

    def write(lines=PLAN):
        (tmp_path / "plan.toml").write_text(lines, "utf-8")
        return "plan.toml"

    return write


def rows(folder):
    return list(csv.DictReader(io.StringIO((folder / "answers.csv").read_text("utf-8"))))


def test_a_sweep_gives_a_row_for_each_answer_and_computes_nothing_again(
    at_home, plan, tmp_path, capsys
):
    at_home()
    assert main(["sweep", plan(), "--out", "out"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("30 answers, 0 kept already, 30 to compute; how long that takes is")
    assert "30 computed in" in output
    first = rows(tmp_path / "out")
    assert len({row["digest"] for row in first}) == len(first) == 30
    assert {row["model"] for row in first} == {"digits-cnn"}
    for row in first:
        stored = run.store().get(row["digest"])
        assert float(row["seconds"]) == stored.record["seconds"]
        assert float(row["map.high"]) == pytest.approx(stored.result["map"].values.max())
        assert row["correct"] == str(row["top_class"] == row["label"]).lower()
    assert sorted({row["settings"] for row in first}) == ["", "side=2", "side=3"]
    parquet = pq.read_table(tmp_path / "out/answers.parquet").to_pylist()
    assert [record["digest"] for record in parquet] == [row["digest"] for row in first]
    assert all(type(line["correct"]) is bool and 0 < line["confidence"] <= 1 for line in parquet)
    assert main(["sweep", plan(), "--out", "out"]) == 0
    output = capsys.readouterr().out
    assert output.startswith("30 answers, 30 kept already, nothing to compute.")
    assert rows(tmp_path / "out") == first
    assert main(["sweep", plan(PLAN.replace("10", "20")), "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("60 answers, 30 kept already, 30 to compute: about ")


def test_a_folder_is_swept_but_for_what_cannot_be_read(
    at_home, plan, tmp_path, capsys, monkeypatch
):
    at_home()
    cat, cup = (png(np.asarray(Image.open(entry.path()))) for entry in SAMPLES[:2])
    files = {"tabby/cat.png": cat, "espresso/cup.png": cup, "espresso/again.png": cup}
    files |= {"beyond.tif": BEYOND, "broken.png": b"no picture"}
    write(tmp_path / "photos", files)
    model = tiny.cnn()
    monkeypatch.setattr("engine.vision.arguments.load", lambda _: model)
    monkeypatch.setattr("engine.sweep.links.line_of", lambda _: "")
    lines = 'methods = ["attribution.Gradient", "attribution.AttentionRollout"]\nimages = "photos"'
    assert main(["sweep", plan(lines), "--out", "out"]) == 0
    output = capsys.readouterr().out
    assert "“broken.png” is a text file" in output
    assert "“beyond.tif” " in output
    assert "needs attention layers" in output
    result = rows(tmp_path / "out")
    assert [row["image"] for row in result] == ["again.png", "cup.png", "cat.png"]
    assert [row["label"] for row in result] == ["espresso", "espresso", "tabby"]
    assert {row["correct"] for row in result} == {""}  # they are no classes of this model
    left = list(csv.DictReader(io.StringIO((tmp_path / "out/left-out.csv").read_text())))
    lacking, unread = ["again.png", "cat.png", "cup.png"], ["beyond.tif", "broken.png"]
    expected = [(name, "AttentionRollout") for name in lacking + unread]
    expected += [(name, "Gradient") for name in unread]
    assert sorted((row["image"], row["method"].split(".")[1]) for row in left) == sorted(expected)


def test_a_file_whose_name_is_not_utf_8_has_a_row_and_a_reason(at_home, plan, tmp_path):
    at_home()
    folder = tmp_path / "photos" / "th\udce9"
    folder.mkdir(parents=True)
    Image.new("L", (8, 8), 90).save(folder / "caf\udce9.png")
    (folder / "no\udce9.png").write_text("no picture")
    lines = 'methods = "attribution.Gradient"\nimages = "photos"\nmodels = "digits-cnn"'
    assert main(["sweep", plan(lines), "--out", "out"]) == 0
    (row,) = rows(tmp_path / "out")
    assert (row["image"], row["label"]) == ("caf?.png", "th?")
    assert "caf?.png" in (tmp_path / "out/sheet.html").read_text("utf-8")
    (left,) = csv.DictReader(io.StringIO((tmp_path / "out/left-out.csv").read_text("utf-8")))
    assert left["image"] == "no?.png"
    assert "is a text file" in left["reason"]


def test_the_same_image_twice_is_computed_once(at_home, digits):
    at_home()
    plan = digits(2)
    looked = look_up(replace(plan, images=plan.images * 2), LocalExecutor(), quiet)
    assert (len(looked.missing), len(looked.twice)) == (6, 6)
    done = sweep(looked, LocalExecutor(), quiet)
    assert (done.computed, len(done.rows)) == (6, 12)
    assert [row.digest for row in done.rows[:6]] == [row.digest for row in done.rows[6:]]


def failing_at(errors):
    """Answer as ever, but for the questions at these places."""
    real, places = run.answer, count()

    def answer(method, case, progress):
        if error := errors.get(next(places)):
            raise error
        return real(method, case, progress)

    return answer


def test_stopping_keeps_what_was_finished_and_says_how_to_go_on(at_home, plan, capsys, monkeypatch):
    home = at_home()
    with monkeypatch.context() as patch:
        patch.setattr(work.run, "answer", failing_at({4: KeyboardInterrupt}))
        assert main(["sweep", plan(), "--out", "out"]) == 130
    assert "4 of 30 were computed and are kept." in capsys.readouterr().out
    finished = arrays(home)
    assert len(finished) == 4
    assert main(["sweep", plan(), "--out", "out"]) == 0
    assert "26 computed" in capsys.readouterr().out
    assert finished.items() <= arrays(home).items()


def test_who_stops_at_once_is_not_told_of_answers_looked_up(at_home, plan, capsys, monkeypatch):
    home = at_home()
    monkeypatch.setattr(work.run, "answer", failing_at({0: KeyboardInterrupt}))
    assert main(["sweep", plan(), "--out", "out"]) == 130
    assert "0 of 30 were computed and are kept." in capsys.readouterr().out
    assert not (home / "answers").exists()


def test_what_failed_is_not_counted_as_kept(at_home, plan, capsys, monkeypatch):
    at_home()
    failing = failing_at({0: ZeroDivisionError, 3: KeyboardInterrupt})
    monkeypatch.setattr(work.run, "answer", failing)
    assert main(["sweep", plan(), "--out", "out"]) == 130
    assert "2 of 30 were computed and are kept." in capsys.readouterr().out


def test_an_internal_error_costs_one_answer(at_home, plan, capsys, monkeypatch, tmp_path, caplog):
    at_home()
    monkeypatch.setattr(work, "_traced", set())
    real = run.answer

    def faulty(method, case, progress):
        if method.settings().get("side") == 3:
            raise ZeroDivisionError("nothing")
        return real(method, case, progress)

    monkeypatch.setattr(work.run, "answer", faulty)
    assert main(["sweep", plan(), "--out", "out"]) == 1
    captured = capsys.readouterr()
    assert "ZeroDivisionError: nothing" in captured.out
    (last,) = captured.err.splitlines()[-1:]
    left = Path("out/left-out.csv")
    assert last == f"python -m engine: 10 answers failed, see {left}."
    logged = [record for record in caplog.records if record.message.startswith("internal error at")]
    assert [bool(record.exc_info) for record in logged] == [True] + 9 * [False]
    assert len(rows(tmp_path / "out")) == 20


DASK = ["--dry-run", "--scheduler"]


@pytest.mark.parametrize(
    ("arguments", "lines", "words"),
    [
        ([], PLAN, "Say with --out"),
        (["--dry-run", "--jobs", "0"], PLAN, "--jobs cannot be 0"),
        (["--dry-run", "--gpu"], PLAN, "--gpu goes with --scheduler"),
        ([*DASK, "nonsense://x"], PLAN, "'nonsense://x' is no address of a scheduler"),
        ([*DASK, "tcp://10.0.0.1:8786"], PLAN, "not on this computer and not encrypted"),
        ([*DASK, "tls://10.0.0.1:8786"], PLAN, "tls://10.0.0.1:8786 needs --tls-ca"),
        ([*DASK, "tls://x:1", "--tls-key", "x"], PLAN, "go together: name all three"),
        (["--dry-run", "--trusted-network"], PLAN, "go with --scheduler"),
        (["--dry-run"], PLAN.replace("digits-cnn", "digits-cn"), "digits-cn"),
        (["--dry-run"], PLAN.replace("[2, 3]", "[2, 300]"), "cannot be 300; choose from 1 to 96"),
        (
            ["--dry-run"],
            f"{PLAN}arguments.target = 'zebra'",
            "None of the 30 answers can be had. No",
        ),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_computed(
    at_home, plan, capsys, arguments, lines, words
):
    at_home()
    assert main(["sweep", plan(lines), *arguments]) == 2
    message = capsys.readouterr().err
    assert words in message
    assert message.count("\n") == 1


def test_processes_do_not_share_a_gpu(at_home, plan, capsys, monkeypatch):
    at_home()
    monkeypatch.setattr("engine.core.device.best_device", lambda: torch.device("cuda", 0))
    assert main(["sweep", plan(), "--dry-run", "--jobs", "2"]) == 2
    assert "2 processes would share cuda:0: leave --jobs out" in capsys.readouterr().err


def test_the_batches_of_each_classifier_are_found_before_the_processes_begin(monkeypatch):
    model, found = tiny.cnn(), []
    monkeypatch.setattr("engine.sweep.sweeping.read_classifier", lambda *_names, **_default: model)
    monkeypatch.setattr(model, "pace", found.append)
    of_image = SweepQuestion("attribution.Occlusion", (), (("precision", "fast"),))
    of_case_inside = SweepQuestion("attribution.Shape", (), ())
    of_none = SweepQuestion("unlearning.CUDA", (), ())
    sweeping.find_batches([of_image, of_image, of_case_inside, of_none])
    assert found == ["gradient", "fast", "gradient", "exact"]


def test_progress_says_rate_and_time_left(monkeypatch, capsys):
    now = [100.0]
    for module in (sweeping, command):
        monkeypatch.setattr(module, "monotonic", lambda: now[0])
    report, tally = command.Reporter(), SweepProgress(50, "computed", begun=now[0])
    assert tally.words() == "computed 0 of 50"
    now[0] += 40
    tally.done = 20
    report(tally)
    report(tally)  # a moment later
    assert capsys.readouterr().err == "computed 20 of 50 · 0.5 a second · about 60 s left\n"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    now[0] += 1
    report(tally)
    assert capsys.readouterr().err.startswith("\r\033[Kcomputed 20")
    assert [sweeping.duration(seconds) for seconds in (7.4, 200, 7200)] == ["7 s", "3 min", "2.0 h"]


def test_a_plan_is_read_from_where_it_lies(plan, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.png").write_bytes(b"")
    read = read_plan(tmp_path / plan('methods = "attribution.Gradient"\nimages = "photos"'))
    assert read.images[0].source == str(tmp_path / "photos/a.png")
