"""A model of one's own on Ask and Decoding, as a visitor meets it: asked about a photograph."""

from dataclasses import replace

import pytest

from components.dialog.answer_words import first_place
from components.dialog.scene import SIDEBAR
from components.views import ASK, DECODING
from engine.core.keeping.memory import Memory
from engine.evaluation.language.verdict import NOT_KNOWN
from engine.hallucination import Greedy, asking
from engine.vision.images import Crop
from engine.vision.images.samples import sample
from engine.vision.language.hugging_face import loading
from engine.vision.models.extras import TRANSFORMERS
from tests.visits import problems, unfolded, visit, words

tiny_hf = pytest.importorskip("tests.engine.hallucination.tiny_hf")
pytestmark = pytest.mark.skipif(not TRANSFORMERS.installed, reason="transformers is not installed")
QUESTION = "Is there a boat in the image?"


@pytest.fixture
def model_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "own_folder", lambda: tmp_path)
    monkeypatch.setattr(loading, "_memory", Memory(1))
    monkeypatch.setattr(loading, "hub_known", lambda: False)
    return tiny_hf.saved(tmp_path / "mine", "smolvlm")


def opened(view=ASK, **link):
    settings = {"image": SIDEBAR, "ask": QUESTION, "model": "mine"} | link
    return visit({f"{view.address}.{name}": value for name, value in settings.items()}, view)


def test_a_photograph_is_asked_with_a_model_of_ones_own(model_folder):
    at = opened()
    assert not at.error
    case = asking.about_picture("hf:mine", sample("chelsea"), Crop(), QUESTION)
    answer = Greedy()(case)["answer"]
    assert at.radio(key="ask.model").value == "mine"
    assert "**mine** on" in words(at)
    assert NOT_KNOWN in words(at)
    assert not any("learned drawn scenes" in sentence for sentence in problems(at))
    assert "TinyVLM, honest** says" not in words(at)
    first = first_place(answer.words, None)
    assert f"Where did {asking.case_of_words(case, answer, [first]).phrase} look?" in words(at)
    text = " ".join(caption.value for caption in at.sidebar.caption)
    assert "SmolVLM 256M · not here: its weights would have to be downloaded" in text
    assert str(model_folder.parent) in text.replace("\\", "")
    assert NOT_KNOWN not in words(opened(image="Scene"))  # whose truth is known


def test_a_folder_that_cannot_be_read_is_a_sentence_and_the_others_stay(model_folder):
    (model_folder / "config.json").write_text("{")
    at = opened(model="TinyVLM with a habit", image="Scene", ask="is there a lamp")
    captions = " ".join(caption.value for caption in at.sidebar.caption)
    assert "mine · not here: config.json in mine cannot be read" in captions
    assert "Wrong. There is no lamp in this scene." in words(at)


def test_a_folder_that_is_spoilt_while_the_page_is_open_is_a_sentence(model_folder, monkeypatch):
    monkeypatch.setattr(loading, "absence", lambda _: "")
    (model_folder / "model.safetensors").write_bytes(b"12345678")
    assert any("damaged or not complete" in error.value for error in opened().error)


def test_a_model_whose_attention_is_hidden_still_answers(model_folder, monkeypatch):
    plain = asking.model("hf:mine")
    fewer = replace(plain.spec, caps=plain.spec.caps - {"attention", "gradient"})
    monkeypatch.setattr(plain, "spec", fewer)
    at = opened()
    assert "**mine** on" in words(at)
    captions = [caption.value for caption in at.main.caption]
    assert sum("mine does not show its attention" in caption for caption in captions) == 3
    at.button(key="ask.Priors.go").click().run()
    assert not at.error


def test_decoding_compares_strategies_and_leaves_scenes_to_tiny_vlm(model_folder):
    at = unfolded(opened(DECODING))
    assert not at.error
    assert any("TinyVLM learned to describe them" in sentence for sentence in problems(at))


@pytest.mark.parametrize("view", [ASK, DECODING])
def test_a_model_whose_image_tokens_have_no_place_says_so_where_a_map_would_be(model_folder, view):
    tiny_hf.saved(model_folder.parent / "queries", "instructblip")
    at = unfolded(opened(view, model="queries"))
    assert not at.error
    captions = [caption.value for caption in at.main.caption]
    assert any("queries shows no places" in caption for caption in captions) == (view is ASK)
