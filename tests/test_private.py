"""Nothing of a person appears where they did not ask for it: on the disk, in a log or a link."""

import logging
import os
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components import share
from components.forget import own_models
from components.views import DATA_AND_MODELS, HEATMAPS
from engine.commands.cli import main
from engine.core import run
from engine.core.errors import BlindspotError
from engine.core.keeping.claims import claimed
from engine.core.keeping.private import mend, private_folder
from engine.core.keeping.store import Store, keep_row, write_atomic
from engine.core.run import GALLERY
from engine.vision.models import checkpoints
from tests import marked
from tests.marked import FILE, FOLDER, LABELS, MARK
from tests.visits import settled, visit, zipped

ROOT = Path(__file__).parents[1]
PATIENT_SECONDS = 250.0


@pytest.fixture
def rooms(tmp_path, monkeypatch):
    """An empty home and an empty temporary folder."""
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("BLINDSPOT_HOME", str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    fresh = Store(home / "answers", shipped=(GALLERY,))
    monkeypatch.setattr(run, "store", lambda: fresh)
    return home, temporary


def lax(root):
    """What others may do something with, below a folder and itself."""
    paths = [root, *root.rglob("*")]
    return [path.name for path in paths if stat.S_IMODE(path.lstat().st_mode) & 0o077]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o277])
def test_whatever_is_kept_is_for_its_owner_alone_under_any_umask(tmp_path, umask):
    home = tmp_path / "new" / "home"
    before = os.umask(umask)
    try:
        Store(home / "answers").put("a" * 32, {}, {"digest": ""})
        keep_row(home / "seconds.json", "a", 1)
        write_atomic(private_folder(home / "training") / "state.safetensors", b"state")
        with claimed(home / "claims", "b" * 32) as ours:
            assert ours
        with claimed(home / "claims", "b" * 32) as ours:  # its file can be opened again
            assert ours
    finally:
        os.umask(before)
    assert not lax(home)
    for path in home.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_what_an_older_version_left_open_is_closed_and_nothing_else(tmp_path):
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for path in (home / "answers" / "deep", home / "thesis", elsewhere):
        path.mkdir(parents=True)
    others = [home / "thesis" / "draft.txt", home / "run.sh", elsewhere / "data.bin"]
    ours = [home / "answers" / "a.json", home / "answers" / "deep" / "b", home / "seconds.json"]
    for path in (*ours, *others):
        path.touch()
        path.chmod(0o755)
    (home / "data").symlink_to(elsewhere)
    home.chmod(0o755)
    mend(home)
    assert {stat.S_IMODE(path.stat().st_mode) for path in ours} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in others} == {0o755}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (home, home / "answers")} == {0o700}


def test_a_home_that_is_everybodys_is_left_as_it_is(tmp_path):
    tmp_path.chmod(0o1777)
    mend(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


def test_the_store_of_a_process_makes_and_mends_home(tmp_path, monkeypatch):
    monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path / "home"))
    run.store.__wrapped__()
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


@pytest.fixture
def downloads(monkeypatch):
    """What every download button that was drawn would give, by the name of its file."""
    offered = {}

    def noting(draw):
        def drawn(*given, **more):
            content, name = [
                argument for argument in given if callable(argument) or isinstance(argument, str)
            ][-3:-1]
            offered[name] = content
            return draw(*given, **more)

        return drawn

    monkeypatch.setattr(DeltaGenerator, "download_button", noting(DeltaGenerator.download_button))
    monkeypatch.setattr(st, "download_button", noting(st.download_button))
    return offered


def test_a_session_leaves_no_word_but_in_the_files_that_are_asked_for(
    rooms, downloads, caplog, capfd, monkeypatch
):
    """A picture, a scan and a zip of class folders; a training; report, numbers and export."""
    caplog.set_level(logging.INFO)
    reports, links = [], []
    monkeypatch.setattr(share, "stage_file", lambda key, html: reports.append(html))
    at = visit()
    for name, content in ((f"{FILE}.png", marked.picture(side=64)), (f"{FILE}.dcm", marked.scan())):
        at = settled(at.file_uploader(key="subject.file").set_value((name, content, "")).run())
        assert at.selectbox(key="image").value == "Your image"
        links.append(str(dict(at.query_params)))
        reports_of = (b for b in at.button if str(b.key).endswith(".file-report"))
        next(reports_of).click().run()
    trained = train_on_a_zip()
    links.append(str(dict(trained.query_params)))
    (model,) = checkpoints.visible_models()
    assert model.card.labels == LABELS  # its owner reads them
    trained.query_params["lab.part"] = "Models"
    trained = settled(trained.switch_page(str(DATA_AND_MODELS.path)).run())
    links.append(str(dict(trained.query_params)))
    links.append(str(dict(ask_about_a_class(trained, model.name).query_params)))

    assert len(reports) == 2
    files = {name: as_bytes(make_content()) for name, make_content in downloads.items()}
    assert {"record.json", "map.npy"} <= {name.split("-")[-1] for name in files}
    labels = {name: marked.words_in(name, data) for name, data in files.items()}
    assert set().union(*labels.values()) <= {*LABELS}  # what a person called a class, if anything
    assert not any(MARK in report for report in reports)
    assert not any(MARK in link for link in links)
    assert not marked.below(*rooms)
    assert MARK not in caplog.text.lower()
    assert MARK not in "".join(capfd.readouterr()).lower()


def train_on_a_zip():
    """The page after a training on the person's own classes, whose model is kept."""
    link = {"lab.part": "Train", "lab.recipe.architecture": "mlp", "lab.recipe.epochs": "1"}
    at = visit(link, DATA_AND_MODELS)
    name = f"{marked.ARCHIVE}.zip"
    at.file_uploader(key="lab.file").set_value((name, marked.archive(), "application/zip")).run()
    at.button(key="lab.training.Train.go").click().run()
    return settled(at, lambda at: at.success)


def ask_about_a_class(at, model):
    """The heat maps of the kept model about a class with a name of the person's own."""
    at.session_state["model"] = model
    at = settled(at.switch_page(str(HEATMAPS.path)).run())
    at.selectbox(key="target").set_value(LABELS[1])
    return settled(at.run())


def as_bytes(content):
    return content.encode() if isinstance(content, str) else bytes(content)


@pytest.fixture
def opened_files():
    """Every path that is opened for writing or made, from now on."""
    paths, on = [], [True]

    def note(event, arguments):
        if on and event in {"open", "os.mkdir"} and isinstance(arguments[0], str | bytes):
            writes = event == "os.mkdir" or (
                isinstance(arguments[1], str) and set(arguments[1]) & {*"wax+"}
            )
            flags = arguments[2] if event == "open" and isinstance(arguments[2], int) else 0
            if writes or flags & (os.O_WRONLY | os.O_RDWR):
                paths.append(os.fsdecode(arguments[0]))

    sys.addaudithook(note)
    yield paths
    on.clear()


def test_weights_to_be_judged_are_never_a_file(rooms, opened_files):
    files = {f"{marked.WEIGHTS}.pt": marked.weights()}
    files[f"{marked.WEIGHTS}.safetensors"] = checkpoints_file()
    for name, content in (files | {f"{marked.WEIGHTS}.zip": zipped(files)}).items():
        opened_files.clear()
        upload = SimpleNamespace(name=name, getvalue=lambda content=content: content)
        with suppress(BlindspotError):  # some do not fit
            own_models.read({"original": upload}, "resnet18")
        assert not [path for path in opened_files if path.startswith(str(rooms[1]))]


def test_uploaded_weights_are_never_a_file(rooms, opened_files):
    """Whatever ends the server in between, no copy of them is left under their name or another."""
    at = visit({"lab.part": "Models"}, DATA_AND_MODELS)
    exported = checkpoints_file()
    opened_files.clear()
    at.file_uploader(key="lab.weights").set_value(
        (f"{marked.WEIGHTS}.safetensors", exported, "")
    ).run()
    at = visit()
    at.file_uploader(key="models.weights").set_value((f"{marked.WEIGHTS}.pt", marked.weights(), ""))
    at.text_input(key="models.arch").set_value("resnet18")
    next(button for button in at.button if button.label == "Open and ask it").click().run()
    assert not [path for path in opened_files if MARK in path.lower()]
    assert not [path for path in opened_files if path.startswith(str(rooms[1]))]


def checkpoints_file():
    """A model that somebody exported."""
    from engine.vision.models.rebuild import model_bytes
    from tests.engine.vision.models.test_checkpoints import card_of, small, weights_of

    model = small()
    return model_bytes(card_of(model, title="Small", data="digits"), weights_of(model))


KILLED = """
import sys, threading, time
from pathlib import Path
from engine.vision import data
from engine.core import run
from engine.commands.cli import main
from engine.core.errors import BlindspotError
from engine.vision.data.folders import read_folders
from engine.vision.lab import Train, TrainCase
from engine.vision.models import checkpoints
from engine.vision.training import Recipe, loop
from tests import marked

loop.KEEP_SECONDS = 0.1

plan, out, done = map(Path, sys.argv[1:])
own = read_folders(marked.archive(), f"{{marked.ARCHIVE}}.zip", marked.SIDE).data
data.add(own)

def train(epochs, pause=0.0):
    case = TrainCase(own, Recipe(architecture="mlp", epochs=epochs))
    return run.answer(Train(), case, lambda *told: time.sleep(pause))

def export(name):
    while True:
        (out / "model.safetensors").write_bytes(checkpoints.export(name))
        done.touch()
        time.sleep(0.1)

kept = checkpoints.keep(train(1)["model"])
sweep = ["sweep", str(plan), "--out", str(out)]
jobs = [(train, (200, 2.0)), (main, (sweep,)), (export, (kept.name,))]
for work, given in jobs:
    threading.Thread(target=work, args=given, daemon=True).start()
time.sleep(600)
"""


def test_kill_9_of_a_training_a_sweep_and_an_export_leaves_no_word(tmp_path):
    home, temporary, out = (tmp_path / name for name in ("home", "temporary", "out"))
    temporary.mkdir()
    out.mkdir()
    plan, done = marked.plan(tmp_path), tmp_path / "done"
    environment = {"BLINDSPOT_HOME": str(home), "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    with (tmp_path / "log").open("wb") as log:
        command = [sys.executable, "-c", KILLED, str(plan), str(out), str(done)]
        options = {"cwd": ROOT, "env": os.environ | environment, "stdout": log, "stderr": log}
        process = subprocess.Popen(command, **options)
        try:
            begun = monotonic()
            while not (done.exists() and [*home.glob("training/*.safetensors")] and sweeps(home)):
                assert process.poll() is None, (tmp_path / "log").read_text()
                assert monotonic() - begun < PATIENT_SECONDS
                sleep(0.05)
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    assert not marked.below(home, temporary)
    assert MARK not in (tmp_path / "log").read_text("utf-8", "replace").lower()
    result = marked.below(out)
    assert all(words <= {*LABELS, FILE} for words in result.values()), result


def sweeps(home):
    """Whether an answer of the sweep is kept, which holds claims; the first one is a training's."""
    return (home / "claims").is_dir() and len([*home.glob("answers/*.json")]) > 1


def test_a_sweep_names_files_and_labels_alone(rooms, tmp_path, capsys, caplog):
    caplog.set_level(logging.INFO)
    plan, out = marked.plan(tmp_path), tmp_path / "out"
    assert main(["sweep", str(plan), "--out", str(out)]) == 0
    result = marked.below(out)
    assert {Path(path).suffix for path in result} == {".csv", ".parquet", ".html"}
    assert all(words <= {*LABELS, FILE} for words in result.values())
    assert str(tmp_path) not in (out / "sheet.html").read_text("utf-8")
    assert not marked.below(*rooms)
    assert MARK not in caplog.text.lower()
    assert main(["sweep", str(plan), "--out", str(out), "--paths"]) == 0
    assert FOLDER in (out / "sheet.html").read_text("utf-8")  # what `below` would have found
