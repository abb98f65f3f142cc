"""What is taken along gives the same answer again, and names no file of the visitor."""

import io
import json

import numpy as np
import pytest
import timm
from safetensors.torch import save_file

import engine.attribution
from components import exports
from components.sidebar.pictures import Chosen
from components.sidebar.subject import Subject
from engine.attribution import Gradient
from engine.core import run
from engine.vision.case import image_case
from engine.vision.case.target import Target
from engine.vision.images import Crop, read
from engine.vision.images.samples import sample
from engine.vision.models.catalog import load_from_file
from engine.vision.models.classifier import Classifier
from tests.components.toy import Toy
from tests.in_memory import png
from tests.tiny import cnn
from tests.visits import provenance, question_in, visit

CHANGED = {"image": "A cup of coffee", "crop": "0.25,0.5", "target": "espresso", "seed": "7"}
CHANGED |= {"heatmaps.Gradient.channels": "size", "versus": "eggnog", "reading": "probability"}


def heat(code: str) -> np.ndarray:
    """What the lines give."""
    names: dict = {}
    exec(code, names)  # noqa: S102 - whether they run is the question
    return names["heat"].values


@pytest.fixture
def subject():
    picture = read(photograph(), "cat of Jane Doe.png")
    return Subject(Chosen(picture), Crop(), image_case(cnn(), picture, Crop(), Target(1)))


def photograph() -> bytes:
    return png(sample("chelsea").pixels[:64, :96])


@pytest.mark.parametrize("link", [{}, CHANGED], ids=["as it opens", "everything changed"])
@pytest.mark.parametrize("kind", [Gradient, Toy], ids=["exact only", "offered fast"])
def test_the_lines_that_are_shown_ask_the_very_same_question(kind, link, monkeypatch):
    monkeypatch.setattr(Classifier, "offers_fast", True)
    monkeypatch.setattr(Toy, "fast", True)
    monkeypatch.setattr(engine.attribution, "HEATMAPS", (Gradient, Toy))
    monkeypatch.setattr(engine.attribution, "Toy", Toy, raising=False)
    at = visit({"heatmaps.methods": [kind.title], "precision": "fast", **link})
    method = kind(**({"channels": "size"} if link and kind is Gradient else {}))
    case = at.session_state["subject"].case
    stored = run.kept_answer(method, case.at("fast" if kind.fast else "exact"))
    (line,) = provenance(at)
    assert ("FAST" in line) is kind.fast
    monkeypatch.setattr(kind, "__call__", None)  # so it must be the page's own answer
    code = exports.python_call(method, at.session_state["subject"])
    assert np.array_equal(heat(code), stored["map"].values)
    if kind is Gradient:  # the toy has no name on the command line
        (python,) = [block.value for block in at.code if block.language == "python"]
        assert question_in(python) == run.digest(method, case.at("exact"))


def test_the_lines_for_an_image_and_a_model_of_ones_own_run_beside_those_files(
    tmp_path, monkeypatch
):
    network = timm.create_model("resnet18", num_classes=3)
    save_file(network.state_dict(), tmp_path / "your-weights.safetensors")
    (tmp_path / "your-image.png").write_bytes(photograph())
    monkeypatch.chdir(tmp_path)
    model = load_from_file(tmp_path / "your-weights.safetensors", "resnet18")
    picture = read(tmp_path / "your-image.png")
    case = image_case(model, picture, Crop(), Target(2))
    again = heat(exports.python_call(Gradient(), Subject(Chosen(picture), Crop(), case)))
    assert np.array_equal(again, run.answer(Gradient(), case)["map"].values)


def test_the_raw_map_comes_back_from_its_file_and_the_record_names_no_file(subject):
    answer = run.answer(Gradient(), subject.case)
    raw = np.load(io.BytesIO(exports.as_npy(answer["map"])), allow_pickle=False)
    assert np.array_equal(raw, answer["map"].values)
    record = json.loads(exports.as_json(answer))
    assert record["digest"] == run.digest(Gradient(), subject.case)
    assert record["settings"] == {"channels": "signed"}
    assert record["case"]["model_fingerprint"] == subject.case.model.fingerprint
    taken = exports.as_json(answer) + exports.python_call(Gradient(), subject)
    assert "Jane" not in taken + exports.provenance(answer)


RECORD = {"method": "toys.Toy", "revision": 1, "seconds": 1.0, "device": "cpu"}


@pytest.mark.parametrize(
    ("asked", "says"),
    [({"target": "t", "reading": "logit"}, "t (logit)"), ({"normal": "digits"}, "among digits")],
    ids=["target", "normal images"],
)
def test_one_line_names_the_question_the_configuration_and_whether_it_was_kept(asked, says):
    record = RECORD | {
        "case": {"model": "m", "model_fingerprint": "f" * 16, "precision": "exact", **asked},
        "forwards": [{"batch": 8, "memory_format": "channels_last", "compiled_share": 0.9}],
    }
    lines = {kept: exports.provenance(run.Answer({}, record, kept=kept)) for kept in (True, False)}
    assert "kept from before" in lines[True]
    assert "computed now" not in lines[True]
    assert "computed now" in lines[False]
    assert "kept" not in lines[False]
    for line in lines.values():
        assert f"toys.Toy r1 · {says} · 1 s on cpu (batch 8, channels_last, 90% compiled)" in line


@pytest.mark.parametrize(("parts", "says"), [(812.0, "took 812 s"), (0.5, ""), (None, "")])
def test_an_answer_put_together_from_kept_ones_says_what_those_took(parts, says):
    answer = run.Answer({}, RECORD | {"case": {}, "kept_parts": parts}, kept=True)
    assert exports.provenance(answer).endswith(says or "kept from before")
    assert exports.configuration(run.Answer({}, {"forwards": None}, kept=True)) == ""


def test_a_long_time_is_said_without_powers_of_ten():
    texts = [exports.in_seconds(seconds) for seconds in (0.034, 2.0, 99.4, 99.6, 393.2, 5194.4)]
    assert texts == ["0.034 s", "2 s", "99 s", "100 s", "393 s", "5,194 s"]
