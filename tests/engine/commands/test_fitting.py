"""A default that does not fit the picture is said: in the shell, in Python and before a sweep."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import engine
from engine.commands import asking
from engine.commands.cli import main
from engine.commands.families import METHODS
from engine.commands.fitting import JUDGED, default_note
from engine.core.method import case_kind
from engine.sweep.plan import read_plan

PHOTOGRAPH, ODD, GRAY, COLOR = "sample:chelsea", "sample:retina", "gray.png", "color.png"
DIGIT, OTHER_DIGIT = "example:digits/6", "example:mnist-5k/3"
PHANTOM, SCENE = "example:phantoms:count=40/17", "example:scenes:count=40/1"
FITTING = {  # what a default is of, and the pictures that it fits
    "lite0": {PHOTOGRAPH, COLOR},
    "photographs": {PHOTOGRAPH, COLOR},
    "digits-cnn": {DIGIT},
    "digits": {DIGIT},
    "mnist-5k": {OTHER_DIGIT},
    "phantom-cnn": {PHANTOM},
    "phantom-gp-unet": {PHANTOM},
    "tiny-vlm-habit": {SCENE},
}
PICTURES = (PHOTOGRAPH, ODD, DIGIT, OTHER_DIGIT, PHANTOM, SCENE, GRAY, COLOR)


def about_pictures():
    """Every method whose case has a picture beside something that is to fit it."""
    for kind in METHODS:
        specs = case_kind(kind).specs()
        if "image" in specs and specs.keys() & set(JUDGED):
            yield kind


def default_of(kind, name: str):
    return kind.argument_defaults.get(name, case_kind(kind).specs()[name].default)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    ramp = np.tile(np.arange(64, dtype=np.uint8), (48, 1))
    Image.fromarray(ramp).save(folder / GRAY)
    Image.fromarray(np.dstack([ramp * 2, 255 - ramp, ramp])).save(folder / COLOR)
    return folder


@pytest.mark.parametrize("kind", list(about_pictures()), ids=lambda kind: kind.full_name())
def test_of_every_method_a_default_that_does_not_fit_is_said_and_one_that_fits_is_not(kind, files):
    specs = case_kind(kind).specs()
    name = next(argument for argument in JUDGED if argument in specs)
    default = default_of(kind, name)
    for picture in PICTURES:
        image = str(files / picture) if picture in {GRAY, COLOR} else picture
        arguments = asking.question(kind, {"image": image})[1]
        case = SimpleNamespace(normal=SimpleNamespace(name="digits"))
        words = default_note(arguments, case, {"image"})
        assert bool(words) == (picture not in FITTING[default]), (picture, words)
        if words:
            assert picture in words
            assert default in words or name != "model"
        both = {"image", *(argument for argument in JUDGED if argument in specs)}
        assert not default_note(arguments, case, both)  # what the person combined is theirs
        assert not default_note(arguments, case, set())  # and so is what the method combines


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"image": PHOTOGRAPH}, "digits-cnn learned from"),
        ({"image": PHOTOGRAPH, "model": "lite0"}, ""),
        ({"image": ODD, "model": "lite0"}, "it is compared with photographs"),
        ({"image": OTHER_DIGIT}, "mnist-cnn would fit"),
        ({"image": OTHER_DIGIT, "model": "digits-cnn", "normal": "digits"}, ""),
        ({"model": "digits-cnn"}, ""),
        ({}, ""),
    ],
)
def test_the_shell_and_python_say_the_same(given, says, tmp_path, capsys):
    words = [part for name, value in given.items() for part in (f"--{name}", value)]
    assert main(["run", "anomaly.MSP", *words, "--out", str(tmp_path)]) == 0
    message = capsys.readouterr().err
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        engine.answer("anomaly.MSP", **given)
    warned = [warning for warning in caught if warning.filename == __file__]
    assert len(warned) == message.count("\n") == bool(says)
    assert says in message
    assert all(str(warning.message) in message for warning in warned)


def test_a_picture_that_is_a_default_is_judged_by_the_model_that_is_named(capsys):
    with pytest.warns(UserWarning, match="default of image"):
        engine.question("attribution.OwnMap", model="mnist-cnn")


def test_a_sweep_says_it_before_it_begins(tmp_path):
    plan = tmp_path / "plan.toml"
    plan.write_text('methods = ["anomaly.MSP", "anomaly.KNN"]\nimages = ["sample:chelsea"]\n')
    assert len(set(read_plan(plan).notes())) == 1
    plan.write_text(plan.read_text() + 'models = "lite0"\n')
    assert not list(read_plan(plan).notes())
    (tmp_path / "broken.png").write_text("no picture")
    plan.write_text('methods = "anomaly.MSP"\nimages = ["broken.png"]\n')
    assert not list(read_plan(plan).notes())
