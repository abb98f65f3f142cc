"""A model of the image's kind: offered, told apart, and named where it is missing."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from components.sidebar import kinds
from components.sidebar.pictures import Chosen
from components.views import FAMILIAR, LEVEL_SETS, MINIMAL_REGIONS, PRUNE
from engine.vision.images import SliceChoice, load
from engine.vision.models import catalog, chest, extras, hub, zero_shot
from tests.components.sidebar.test_subject import jpeg, upload
from tests.engine.vision.models.saved import FINDINGS, POINTS, save_clip, tiny_dense_net
from tests.scans import dicom, nifti, ramp
from tests.visits import pills, problems, visit, words

ALL = next(iter(chest.WEIGHTS.values()))
needs_xray = pytest.mark.skipif(not extras.XRAY.installed, reason="torchxrayvision is missing")
needs_clip = pytest.mark.skipif(not extras.CLIP.installed, reason="open_clip is missing")


@pytest.fixture
def chest_here(tmp_path, monkeypatch):
    """Tiny weights where the chest X-ray model's would be."""
    about = SimpleNamespace(model_urls={ALL.key: {"labels": FINDINGS, "op_threshs": POINTS}})
    monkeypatch.setattr(chest, "own_folder", lambda: tmp_path)
    monkeypatch.setattr(chest, "dense_net", tiny_dense_net)
    monkeypatch.setattr(chest, "library", lambda: SimpleNamespace(models=about))
    torch.save(tiny_dense_net(), tmp_path / ALL.file)
    yield
    catalog._memory.drop(ALL.name)


@pytest.fixture
def clip_here(tmp_path, monkeypatch):
    """A tiny model where a person would put theirs."""
    monkeypatch.setattr(zero_shot, "own_folder", lambda: tmp_path)
    save_clip(tmp_path / "mine")


@needs_xray
def test_several_findings_are_said_to_be_several(chest_here):
    at = visit({"model": ALL.title})
    assert at.session_state["subject"].case.model.points == (0.1, 0.4, 0.02, 0.5)
    captions = [caption.value for caption in at.sidebar.caption]
    assert any("Several findings at once: the bars do not add up to 100 %" in c for c in captions)
    assert any("License: Apache-2.0" in caption for caption in captions)
    (reading,) = [control for control in at.button_group if control.key == "reading"]
    assert [option.content for option in reading.proto.options] == ["logit", "probability"]
    assert "%, several findings at once) in Chest X-rays" in words(at)
    assert "learned from chest X-rays. This picture has color." in words(at)


@needs_clip
def test_the_words_of_a_link_are_the_classes(clip_here):
    at = visit({"model": "CLIP mine, words of yours", "words": "cat, a lung,red car"})
    assert at.session_state["subject"].case.model.labels == ("cat", "a lung", "red car")
    assert any("among your words alone" in caption.value for caption in at.sidebar.caption)
    at.text_area(key="words").set_value("bone, fish").run()
    assert at.session_state["subject"].case.model.labels == ("bone", "fish")
    at.text_input(key="prompt").set_value("a scan of {}").run()
    assert at.session_state["subject"].case.model.name == "open_clip:mine?bone, fish?a scan of {}"
    at.text_area(key="words").set_value("bone").run()
    refusal = "Give 2 to 50 words, separated by commas: there is 1."
    assert any(refusal in message for message in problems(at))


def test_where_an_extra_is_missing_its_model_is_gray_and_a_scan_is_told_the_command(monkeypatch):
    monkeypatch.setattr("engine.vision.models.extras.find_spec", lambda _: None)
    at = visit()
    options = at.selectbox(key="model").options
    assert "Chest X-rays (torchxrayvision) · not here: pip install torchxrayvision" in options
    assert "Words of yours (open_clip) · not here: pip install open_clip_torch" in options
    monkeypatch.setattr("engine.vision.models.extras.find_spec", lambda _: None)
    at = upload(visit(), "a.dcm", dicom(np.uint8(ramp(32, 0, 255))))
    (sentence,) = [message for message in problems(at) if "This is a scan" in message]
    assert "`pip install torchxrayvision` adds models of chest X-rays" in sentence
    assert sentence.count(".") == 1


def test_where_the_extra_is_installed_its_model_is_one_click_away(monkeypatch):
    monkeypatch.setattr("engine.vision.models.extras.find_spec", lambda _: True)
    monkeypatch.setattr(hub, "connects", lambda _: False)
    at = upload(visit(), "a.dcm", dicom(np.uint8(ramp(32, 0, 255))))
    assert any("choose a model for X-rays below" in message for message in problems(at))
    labels = [button.label for button in at.button if button.key == "kinds.model"]
    assert labels == [f"Use {ALL.title}"]


def kind(content, name, view=None):
    result = load(content, name)
    picture = result if view is None else result.picture(view)
    return kinds.kind_of(Chosen(picture, view=view))


def test_kinds_are_told_apart():
    gray = dicom(np.uint8(ramp(32, 0, 255)))
    ct = dicom(ramp(32), RescaleSlope=1, RescaleIntercept=0, Modality="CT")
    volume = nifti(np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6))
    assert kind(gray, "a.dcm", SliceChoice("frame")) == "scan"
    assert kind(ct, "a.dcm", SliceChoice("frame")) == "slice of a CT"
    assert kind(volume, "a.nii", SliceChoice("axial")) == "slice of a volume"
    assert kind(jpeg(), "a.jpg") == ""


@needs_xray
@pytest.mark.parametrize("view", [LEVEL_SETS, MINIMAL_REGIONS, PRUNE], ids=lambda view: view.title)
def test_a_view_that_needs_one_answer_of_many_says_so(chest_here, view):
    at = visit({"model": ALL.title}, view)
    assert "this one says several findings at once" in " ".join([*problems(at), words(at)])


@needs_xray
def test_detectors_that_need_no_softmax_are_left(chest_here):
    options = pills(visit({"model": ALL.title}, FAMILIAR), "familiar.detector").options
    assert options == ["KNN", "Mahalanobis", "Naive Bayes", "MaxLogit"]
