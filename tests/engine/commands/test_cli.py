"""The command line does what it says, and says in one line what was wrong."""

import json
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from engine.attribution.mhim import section_networks
from engine.attribution.study import things
from engine.commands.cli import main
from engine.commands.families import METHODS
from engine.commands.output import file_name, free, strict
from engine.core.method import Choice, Slider, Switch
from engine.core.texts import value
from engine.evaluation.experiment import HOLDS
from engine.hallucination.ssr_audit import weights as refusal
from engine.unlearning import CudaExperiment
from engine.vision import data as data_sets
from engine.vision.case import model_input
from engine.vision.images import Crop
from engine.vision.images.samples import sample
from engine.vision.models import catalog, embedded
from engine.vision.models.rebuild import card_at
from engine.vision.training import Recipe
from tests import tiny
from tests.written import answer_folder

RUN = ["run", "attribution.Gradient", "--image", "sample:chelsea"]


def command(*arguments, of=("-m", "engine")):
    program = [sys.executable, *of, *arguments]
    return subprocess.run(program, capture_output=True, text=True, check=False)


@pytest.fixture
def small(monkeypatch):
    """A tiny model under the default's name."""
    monkeypatch.setattr("engine.vision.arguments.load", lambda _name: tiny.cnn())


@pytest.fixture
def refused(capsys):
    """Run, and give the one line that was said."""

    def refuse(*arguments):
        try:
            status = main(arguments)
        except SystemExit as error:
            status = error.code
        captured = capsys.readouterr()
        assert status == 2
        assert captured.out == ""
        assert captured.err.startswith("python -m engine")
        assert captured.err.count("\n") == 1
        return captured.err

    return refuse


def test_a_real_run_gives_the_files_that_were_promised(tmp_path):
    question = [*RUN, "--target", "Egyptian cat", "--set", "channels=size"]
    done = command(*question, "--out", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Egyptian cat" in done.stdout
    folder = answer_folder(tmp_path)
    assert str(folder / "result.json") in done.stdout
    text = (folder / "result.json").read_text()
    assert (text[:6], text[-3:]) == ('{\n "me', "\n}\n")
    record = json.loads(text)
    assert list(record) == ["method", "settings", "case", "views", "numbers", "provenance"]
    assert record["method"] == "attribution.Gradient"
    assert record["settings"]["channels"] == "size"
    assert record["case"]["target_index"] == 285
    view = record["views"]["map"]
    assert view["kind"] == "HeatMap"
    assert view["unit"] == "logit per brightness"
    values = np.load(folder / view["file"])
    assert list(values.shape) == view["shape"] == [224, 224]
    assert values.min() == pytest.approx(view["ends"][0])
    assert record["numbers"]["map.high"] == pytest.approx(values.max())
    assert record["numbers"]["score"] == pytest.approx(8.98, abs=0.1)
    assert {"model", "device", "seconds", "versions"} <= record["provenance"].keys()
    for picture in (view["picture"], view["overlay"]):
        assert Image.open(folder / picture).size == (224, 224)


def test_a_wrong_real_run_says_one_line_and_no_trace(tmp_path, capsys, monkeypatch):
    wrong = [*RUN[:2], "--image", "gone.png", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["python -m engine", *wrong])
    with pytest.raises(SystemExit) as left:
        runpy.run_module("engine", run_name="__main__")
    captured = capsys.readouterr()
    assert (left.value.code, captured.out, captured.err.count("\n")) == (2, "", 1)
    assert "gone.png" in captured.err
    assert list(tmp_path.iterdir()) == []


def test_help_comes_without_torch():
    looked = (
        "import sys\nfrom engine.commands.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as e:\n"
        "    sys.exit(10 * (e.code or 0) + ('torch' in sys.modules))"
    )
    done = command(of=("-c", looked))
    assert done.returncode == 0
    assert "coverage" in done.stdout


def test_methods_are_listed_in_the_agreed_shape(capsys):
    assert main(["methods", "--json"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith('[\n {\n  "family": ')
    methods = json.loads(printed)
    names = [f"{method['family']}.{method['name']}" for method in methods]
    assert names == [kind.full_name() for kind in METHODS]
    fields = "name label help type default off low high step options unit"
    for description in methods:
        assert " ".join(description) == "family name title paper cost case settings arguments"
        for spec in [*description["settings"], *description["arguments"]]:
            assert " ".join(spec) == fields
    channels = next(method for method in methods if method["name"] == "Gradient")["settings"][0]
    assert (channels["default"], channels["low"]) == ("signed", None)
    assert channels["options"] == ["signed", "size"]
    arguments = {f"{of['name']} {spec['name']}": spec for of in methods for spec in of["arguments"]}
    assert "digits-cnn" in arguments["KNN model"]["options"]
    assert arguments["SSD forget"]["default"] == "class=3"
    assert arguments["MVP ask"]["default"] == "is there a boat"
    assert len(arguments["Star against"]["default"]) == 5
    assert main(["methods"]) == 0
    output = capsys.readouterr().out
    assert "channels=signed" in output
    assert "about: --model --weights --labels --data --forget" in output


def test_the_help_of_a_method_lists_its_arguments_and_settings_with_their_defaults(capsys):
    for kind in METHODS:
        with pytest.raises(SystemExit) as left:
            main(["run", kind.full_name(), "--help"])
        assert left.value.code == 0
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["run", "sparsity.Prune", "--help"])
    output = " ".join(capsys.readouterr().out.split())
    for words in ("--model VALUE", "Default: digits-cnn.", "--ratio VALUE", "--out OUT"):
        assert words in output


def test_models_are_listed_with_their_reasons(capsys, monkeypatch):
    monkeypatch.setattr(catalog, "hub_known", lambda: False)
    assert main(["models", "--json"]) == 0
    first, *others = json.loads(capsys.readouterr().out)
    assert (first["name"], first["available"]) == ("lite0", True)
    assert all(entry["reason"] for entry in others)
    assert main(["models"]) == 0
    assert "cannot be reached" in capsys.readouterr().out


def test_data_sets_are_listed_with_their_cards(capsys):
    assert main(["data", "--json"]) == 0
    cards = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert {"digits", "mnist-5k", "phantoms"} <= cards.keys()
    assert all(card["available"] and card["about"] and card["license"] for card in cards.values())
    assert cards["digits"]["kind"] == "images"
    assert cards["cohort"]["kind"] == "table"
    assert main(["data"]) == 0
    assert "phantoms  Axial slices" in capsys.readouterr().out


MANY = (  # each differs from each other one by one word
    RUN,
    [*RUN, "--target", "1"],
    [*RUN, "--target", "1", "--versus", "0"],
    [*RUN, "--seed", "7"],
    [*RUN, "--crop_x", "0.1"],
    [*RUN, "--set", "channels=size"],
    [*RUN[:3], "sample:coffee"],
    ["run", "attribution.GradientXInput", *RUN[2:]],
)


def test_answers_to_many_questions_lie_side_by_side_below_one_folder(small, tmp_path, capsys):
    out = ["--out", str(tmp_path)]
    assert [main([*question, *out]) for question in MANY] == [0] * len(MANY)
    lines = capsys.readouterr().out.splitlines()
    printed = [Path(line.rpartition(": ")[2]) for line in lines if line.endswith("result.json")]
    assert len(set(printed)) == len(MANY)
    assert main([*RUN, *out]) == 0  # the same question has the same folder again
    assert {path.parent for path in printed} == set(tmp_path.iterdir())
    for path, question in zip(printed, MANY, strict=True):
        assert json.loads(path.read_text())["method"] == question[1]
        for file in ("map.npy", "map.png", "map.overlay.png"):
            assert path.with_name(file).is_file()


def test_without_a_target_the_most_likely_class_is_asked_about(small, tmp_path, capsys):
    assert main([*RUN, "--versus", "class 0", "--reading", "margin", "--out", str(tmp_path)]) == 0
    case = json.loads((answer_folder(tmp_path) / "result.json").read_text())["case"]
    pixels = model_input(sample("chelsea"), Crop(), tiny.cnn())
    assert case["target_index"] == tiny.cnn().logits(pixels[None])[0].argmax()
    assert (case["versus_index"], case["reading"], case["seed"]) == (0, "margin", 0)


def test_weights_of_ones_own_with_labels(tmp_path, capsys):
    torch.manual_seed(0)
    state = timm.create_model("resnet10t", pretrained=False, num_classes=2).state_dict()
    save_file(state, tmp_path / "own.safetensors")
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    Image.new("RGB", (40, 30), "red").save(tmp_path / "red.png")
    status = main(
        ["run", "attribution.Gradient", "--image", str(tmp_path / "red.png"), "--model",
         "resnet10t", "--weights", str(tmp_path / "own.safetensors"), "--labels",
         str(tmp_path / "names.txt"), "--target", "DOG", "--seed", "4", "--out",
         str(tmp_path / "deep" / "out")]
    )  # fmt: skip
    assert status == 0
    folder = answer_folder(tmp_path / "deep" / "out")
    case = json.loads((folder / "result.json").read_text())["case"]
    assert (case["target"], case["seed"]) == ("dog", 4)
    assert case["model"] == f"file:{case['model_fingerprint'][:6]}"


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--target", "4"], "Class 4 is unknown: tiny-cnn has 0 to 3"),
        (["--target", "-1"], "Class -1 is unknown"),
        (["--target", "clas 2"], "No class is called 'clas 2'. Did you mean"),
        (["--target", "class"], "4 classes have 'class' in their name"),
        (["--target", ""], "No class is called ''"),
        (["--target", "1", "--versus", "1"], "compared with itself"),
        (["--set", "channels=none"], "Channels cannot be 'none'; choose one of signed, size"),
        (["--set", "chanels=size"], "no setting 'chanels': it has channels"),
        (["--set", "channels"], "NAME=VALUE"),
        (["--labels", "x.txt"], "--labels go with --weights"),
        (["--weights", "x.pt"], "--model NAME"),
        (["--weights", "x.pt", "--model", "resnet18"], "There is no file x.pt"),
        (["--reading", "feeling"], "Read the score as cannot be 'feeling'; choose one of logit"),
        (["--seed", "one"], "Seed cannot be 'one'; choose from 0 to"),
        (["--nonsense"], "unrecognized arguments"),
        (["--against", "sample:china"], "unrecognized arguments: --against"),
        (["--target", "--versus"], "--target: expected one argument"),
        (["--target=--5"], "Class --5 is unknown"),
        (["--target", "9" * 5000], f"Class {'9' * 40} is unknown"),
        (["--seed", "9" * 400], f"Seed cannot be '{'9' * 59}; choose from 0 to"),
        (["--image", f"example:digits/{'9' * 5000}"], "names no image: write a data set, a slash"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(small, refused, tmp_path, extra, words):
    assert words in refused(*RUN, *extra, "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_other_wrong_words_are_said_in_one_line_too(small, refused, tmp_path, monkeypatch):
    out = ["--out", str(tmp_path)]
    assert "Gradient" in refused("run", "attribution.Gradent", "--image", "sample:coffee", *out)
    assert "no sample called" in refused(*RUN[:3], "sample:dog", *out)
    page = tmp_path / "page.png"
    page.write_text("<html>")
    assert "page.png" in refused(*RUN[:3], str(page), *out)
    assert "following arguments are required: --out" in refused(*RUN)
    assert "invalid choice: 'swep'" in refused("swep")
    assert "COMMAND" in refused()
    assert "page.png" in refused(*RUN, "--out", str(page))
    monkeypatch.setattr("engine.vision.models.classifier.has_fast", lambda _device: False)
    assert "--precision exact" in refused(*RUN, "--precision", "fast", "--out", str(tmp_path))


@pytest.mark.parametrize(
    ("text", "control", "wanted"),
    [
        ("64", Slider(1, 99, 1), 64),
        ("6.5", Slider(1, 99, 1), "6.5"),
        ("6", Slider(0.0, 9.0, 1.0), 6.0),
        ("nan", Slider(0.0, 9.0, 1.0), "nan"),
        ("inf", Slider(0.0, 9.0, 1.0), "inf"),
        ("off", Slider(1, 9, 1, off="all"), None),
        ("all", Slider(1, 9, 1, off="all"), None),
        ("Yes", Switch(), True),
        ("false", Switch(), False),
        ("1", Switch(), "1"),
        ("a", Choice(("a",)), "a"),
        ("none", Choice(("a",), off="last"), None),
    ],
)
def test_values_are_read_as_their_control_wants(text, control, wanted):
    assert value(text, control) == wanted
    assert type(value(text, control)) is type(wanted)


def test_a_walk_is_asked_with_the_images_it_goes_to(tmp_path, capsys):
    pair = ["--image", "example:digits/6", "--against", "example:digits/1", "--model", "digits-mlp"]
    assert main(["run", "attribution.LST", *pair, "--set", "steps=20", "--out", str(tmp_path)]) == 0
    folder = answer_folder(tmp_path)
    record = json.loads((folder / "result.json").read_text())
    assert record["case"]["kind"] == "pair"
    numbers = pd.read_csv(folder / record["views"]["figures"]["file"]).iloc[0]
    assert np.load(folder / record["views"]["path"]["file"]).shape[1:] == (3, 8, 8)
    assert numbers["steps"] == 20
    left = np.load(folder / "rmse to target.y.npy")
    assert numbers["RMSE to target"] == pytest.approx(left[-1])
    assert left[-1] < left[0]


@pytest.mark.parametrize(
    ("method", "against", "says"),
    [
        ("attribution.Star", ["--against", "sample:china"], "images"),
        ("attribution.LST", ["--against", "example:digits/90000"], "no image with id 90000"),
    ],
)
def test_one_image_or_several_as_the_method_wants_them(method, against, says, tmp_path, capsys):
    arguments = ["--image", "example:digits/6", "--model", "digits-mlp", *against]
    assert main(["run", method, *arguments, "--out", str(tmp_path)]) == 2
    assert says in capsys.readouterr().err


def test_an_error_that_nobody_foresaw_is_one_line_too_and_its_trace_is_had_when_asked_for(
    small, tmp_path, monkeypatch, capsys
):
    def broken(*_):
        raise KeyError("inside")

    monkeypatch.setattr("engine.core.run.answer", broken)
    assert main([*RUN, "--out", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "KeyError: 'inside'. BLINDSPOT_TRACE=1 shows where" in message
    monkeypatch.setenv("BLINDSPOT_TRACE", "1")
    with pytest.raises(KeyError, match="inside"):
        main([*RUN, "--out", str(tmp_path)])


def test_what_is_no_number_is_null_in_the_json():
    written = json.dumps(strict({"a": [float("nan"), 1.5], "b": (float("inf"), "x")}))
    assert written == '{"a": [null, 1.5], "b": [null, "x"]}'


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("T-shirt/top · Grad", "T-shirt_top · Grad"),
        ("..", "_"),
        ("a" * 300, "a" * 100),
        ("x: y?", "x_ y_"),
        ("end. ", "end"),
    ],
)
def test_a_view_s_name_becomes_the_name_of_one_file(name, file):
    assert file_name(name) == file


def test_two_views_whose_names_a_file_system_takes_for_one_have_two_files():
    assert free("Loss.npy", ["loss.npy", "loss~2.npy"]) == "Loss~3.npy"
    assert free("loss.npy", []) == "loss.npy"


def test_weights_are_trained_from_the_seed_that_was_asked_for(tmp_path, monkeypatch):
    short = replace(embedded.plan("digits-mlp"), recipe=Recipe("mlp", epochs=1, batch=256))
    monkeypatch.setattr(embedded, "plan", lambda _name: short)
    weights = {}
    for seed, options in ((short.seed, []), (7, ["--seed", "7"])):
        assert main(["weights", "digits-mlp", "--out", str(tmp_path), *options]) == 0
        path = embedded.file_of("digits-mlp", tmp_path)
        assert card_at(path).seed == seed
        weights[seed] = path.read_bytes()
    assert weights[short.seed] != weights[7]


def test_the_network_of_scenes_is_trained_from_the_seed_that_was_asked_for(tmp_path, monkeypatch):
    seeds = []

    def trained(seed, **_rest):
        seeds.append(seed)
        return things.load()

    monkeypatch.setattr(things, "train_network", trained)
    monkeypatch.setattr(things, "figures", lambda _model: {})
    for options in ([], ["--seed", "7"]):
        assert main(["weights", "scenes-things", "--out", str(tmp_path), *options]) == 0
    assert seeds == [things.SEED, 7]
    assert card_at(embedded.file_of("scenes-things", tmp_path)).seed == 7


def test_networks_of_sections_and_refusals_are_trained_from_the_seed_that_was_asked_for(
    tmp_path, monkeypatch
):
    seeds = []

    def trained(_folder, asked, _progress):
        seeds.append(asked)
        return [] if isinstance(asked, tuple) else (tmp_path, {})

    for module in (section_networks, refusal):
        monkeypatch.setattr(module, "retrain", trained)
        for options in ([], ["--seed", "7"]):
            assert main(["weights", module.NAME, "--out", str(tmp_path), *options]) == 0
    assert seeds == [0, 7, refusal.SHIPPED, (7,)]


EXPERIMENT = ["run", "unlearning.CUDA", "--data", "columns"]
BRIEFLY = ["--set", "epochs=1", "seeds=2", "victim=MLP"]


def test_an_experiment_is_asked_about_a_data_set_and_gives_its_picture(tmp_path, capsys):
    data_sets.add(tiny.columns(8, ("a", "b", "c")))
    assert main([*EXPERIMENT, *BRIEFLY, "--seed", "5", "--out", str(tmp_path)]) == 0
    sentence, done = capsys.readouterr().out.splitlines()
    assert "columns" in done
    folder = answer_folder(tmp_path)
    record = json.loads((folder / "result.json").read_text())
    assert record["case"]["data"] == "columns"
    assert record["case"]["seed"] == 5
    assert record["views"]["picture"]["kind"] == "Pictures"
    assert np.load(folder / "picture.npy").shape == tuple(record["views"]["picture"]["shape"])
    with Image.open(folder / record["views"]["picture"]["picture"]) as page:
        assert min(page.size) > 300
    assert record["numbers"] == {}
    outcomes = pd.read_csv(folder / record["views"]["claims"]["file"])
    assert len(outcomes) == len(CudaExperiment.claims)
    holding = (outcomes["outcome"] == HOLDS).sum()
    assert sentence.startswith(f"{CudaExperiment.claims[0].words}: ")
    assert f" here. {holding} of {len(outcomes)} claims hold" in sentence
    assert sentence.endswith("(2 seeds).")


@pytest.mark.parametrize("given", [["--image", "sample:coffee"], ["--model", "digits-cnn"]])
def test_an_experiment_takes_no_picture_and_no_model(given, refused, tmp_path):
    assert given[0] in refused(*EXPERIMENT, *given, "--out", str(tmp_path))
