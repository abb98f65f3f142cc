"""open_clip's zero-shot models, by a tiny random model of the library's own class."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from engine.attribution.heatmaps.integrated_gradients import IntegratedGradients
from engine.attribution.heatmaps.occlusion import Occlusion
from engine.core import run
from engine.core.errors import BadModel
from engine.core.keeping.memory import Memory
from engine.evaluation.maps.grad_cam import GradCam
from engine.vision.case import ImageCase
from engine.vision.case.prediction import Prediction
from engine.vision.case.target import Target
from engine.vision.models import catalog, hub, zero_shot
from engine.vision.models.extras import CLIP
from engine.vision.models.words import MOST_WORDS, USUAL_PROMPT, USUAL_WORDS, WordList
from tests import tiny
from tests.engine.vision.models.saved import save_clip

needs_library = pytest.mark.skipif(not CLIP.installed, reason="open_clip is not installed")
WORDS = ("cat", "a red car", "lung")
HUB = next(iter(zero_shot.KNOWN))


@pytest.fixture
def home(monkeypatch, empty_home):
    monkeypatch.setattr(zero_shot, "_towers", Memory(zero_shot.ROOM, lambda tower: tower.nbytes))
    monkeypatch.setattr(catalog, "_memory", Memory(4))
    return empty_home


@pytest.fixture
def library_model(home):
    return save_clip(home / "open_clip" / "mine")


@pytest.fixture
def image():
    return torch.rand(3, 32, 32, generator=tiny.seeded())


def load(words=WORDS, prompts="", source="mine"):
    return catalog.load(zero_shot.ask_words(source, WordList.read(", ".join(words), prompts)))


@needs_library
@pytest.mark.parametrize("prompts", ["", "a scan of {}. | {}"])
def test_logits_are_the_library_s_similarities_times_its_scale(library_model, image, prompts):
    import open_clip

    model = load(prompts=prompts)
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    usual = (prompts or "a photo of a {}.").split("|")
    filled = [[prompt.strip().replace("{}", word) for word in WORDS] for prompt in usual]
    pixels = (image[None] - model.mean.cpu()) / model.std.cpu()
    with torch.no_grad():
        embeddings = [library_model.encode_text(tokenizer(w), normalize=True) for w in filled]
        texts = F.normalize(torch.stack(embeddings).mean(0), dim=-1)
        looked = library_model.encode_image(pixels, normalize=True)
        expected = library_model.logit_scale.exp() * looked @ texts.T
    assert expected.std() > 0.05
    assert torch.allclose(model.logits(image[None]), expected, atol=1e-4)
    assert model.labels == WORDS
    probabilities = Prediction()(ImageCase(model, image, Target(0)))["classes"].values
    assert probabilities == pytest.approx(expected.softmax(1)[0].numpy(), abs=1e-5)


@needs_library
def test_texts_are_embedded_once_for_each_list_of_words(library_model, home, monkeypatch):
    calls, plain = [], zero_shot.embedded_words
    monkeypatch.setattr(zero_shot, "embedded_words", lambda *of: calls.append(of[1]) or plain(*of))
    first, again = load(), zero_shot.load_zero_shot("open_clip:mine?cat, a red car,lung")
    assert len(calls) == 1
    assert again.name == first.name == "open_clip:mine?cat, a red car, lung"
    other = load(("cat", "a blue car", "lung"))
    prompted = load(prompts="a scan of {}")
    assert len(calls) == 3
    for fact in ("name", "fingerprint"):
        assert len({getattr(model, fact) for model in (first, other, prompted)}) == 3
    assert load() is first


@needs_library
def test_words_that_embed_alike_are_still_two_questions(library_model, image):
    lower, upper = load(("cat", "dog")), load(("Cat", "dog"))
    assert lower.fingerprint == upper.fingerprint  # the tokenizer knows no capitals
    cases = [ImageCase(classifier, image, Target(0)) for classifier in (lower, upper)]
    assert len({run.digest(Prediction(), case) for case in cases}) == 2


@needs_library
def test_hooks_on_one_list_do_not_reach_another_but_the_weights_are_shared(library_model):
    first, second = load(), load(("a", "b"))
    towers = [model.network.visual for model in (first, second)]
    pairs = zip(*(tower.parameters() for tower in towers), strict=True)
    assert all(a is not b and a.data_ptr() == b.data_ptr() for a, b in pairs)
    assert towers[0] is not towers[1]


@needs_library
def test_the_weights_are_held_once_and_a_list_of_words_takes_little(
    library_model, image, monkeypatch
):
    monkeypatch.setattr(zero_shot, "LISTS", 2**20)
    other_models = catalog.load("digits-mlp")
    models = [load((f"word {at}", "b")) for at in range(12)]
    towers = zero_shot._towers.get("mine")
    visual = sum(weight.nbytes for weight in towers.model.visual.parameters())
    for model in models:
        head = model.network.head.weight
        assert head.nbytes <= towers.own_bytes(model) < 0.05 * visual
    assert len({model.network.visual.proj.data_ptr() for model in models}) == 1
    assert catalog.load("digits-mlp") is other_models  # lists push no other model out
    models[0].logits(image[None])  # at its own pace, by which convolutions may change their format
    models[0]._fast  # noqa: B018  # made on first use
    assert towers.own_bytes(models[0]) > 0.45 * visual  # a copy in bfloat16 is not shared


@needs_library
def test_lists_of_words_beyond_the_room_go_first_used_first(library_model, monkeypatch):
    first = load()
    towers = zero_shot._towers.get("mine")
    towers.lists.room = 3 * towers.own_bytes(first)
    for at in range(6):
        load(("cat", "a red car", f"lung {at}"))
    assert len(towers.lists.names()) == 3
    assert load() is not first


@needs_library
def test_maps_of_a_word(library_model, image):
    case = ImageCase(load(), image, Target(1))
    maps = [layer.name for layer in case.model.layers if layer.is_map]
    assert maps[-1] == "visual.transformer.resblocks.1"  # the last block's patches are not read
    cam = GradCam()(case)["map"].values
    assert np.isfinite(cam).all()
    assert cam.max() > 0
    total, difference = IntegratedGradients(steps=64)(case)["completeness"].values[:2]
    assert total == pytest.approx(difference, rel=0.1, abs=0.001)
    hidden = Occlusion(side=8, overlap=0.0)(case)["map"].values
    covered = image.clone()
    covered[:, :8, :8] = case.baseline("mean")[:, :8, :8]
    fall = case.score(image[None]) - case.score(covered[None])
    assert hidden[2, 2] == pytest.approx(float(fall), abs=1e-4)


@needs_library
def test_a_folder_is_listed_and_one_without_weights_is_said(library_model, home):
    entry = next(shot for shot in catalog.zero_shots() if shot.name == "open_clip:mine")
    assert (entry.available, entry.reason) == (True, "weights are here")
    assert entry.title == "CLIP mine, words of yours"
    (home / "open_clip" / "mine" / zero_shot.WEIGHTS).unlink()
    with pytest.raises(BadModel, match="CLIP mine could not be loaded"):
        load()


def test_without_the_library_the_command_is_said(monkeypatch):
    monkeypatch.setattr("engine.vision.models.extras.find_spec", lambda _: None)
    (line,) = catalog.zero_shots()
    assert (line.available, line.reason) == (False, "pip install open_clip_torch")
    with pytest.raises(BadModel, match="needs open_clip: pip install open_clip_torch"):
        catalog.have(line.name)


def test_offline_the_folder_to_bring_is_named(monkeypatch, home):
    monkeypatch.setattr("engine.vision.models.extras.find_spec", lambda _: True)
    monkeypatch.setattr(hub, "_hub_seen", None)
    monkeypatch.setattr(hub, "knock", lambda: False)
    with pytest.raises(BadModel, match="put a folder with open_clip_config"):
        catalog.have(f"open_clip:{HUB}")
    assert not any(shot.available for shot in catalog.zero_shots())


@pytest.mark.parametrize("source", ["../secret", "/etc", "a/b/c", "", "..", "a/.."])
def test_a_source_is_no_path(source):
    with pytest.raises(BadModel, match="is no model of open_clip"):
        catalog.load(f"open_clip:{source}?a, b")


def test_an_unreadable_list_is_said_before_anything_is_loaded():
    with pytest.raises(BadModel, match="2 to 50 words"):
        catalog.load(f"open_clip:{HUB}?cat")


def test_words_stand_between_commas_and_on_lines():
    read = WordList.read(" red  car,cat,\n\n a dog\n", "a scan of {} | {} up close")
    assert read.words == ("red car", "cat", "a dog")
    assert read.prompts == ("a scan of {}", "{} up close")


def test_a_list_is_the_same_after_it_was_in_a_name():
    short = WordList(("a", "b"))
    for word_list in (WordList(), short, WordList(("ä", "b c"), ("{}", "no {} here"))):
        assert WordList.of_text(word_list.as_text()) == word_list
    assert WordList.of_text("") == WordList(USUAL_WORDS, (USUAL_PROMPT,))
    assert short.as_text() == "a, b"


def test_a_list_has_so_many_letters_with_its_prompts_and_the_first_of_two_doubles_is_named(
    monkeypatch,
):
    monkeypatch.setattr("engine.vision.models.words.MOST_LETTERS", 9)
    assert WordList.read("a, b", "a {}s").words == ("a", "b")
    with pytest.raises(BadModel, match="too long"):
        WordList.read("a, b", "the {}")
    for words in (("b", "a", "c", "a", "b", "c"), ("c", "b", "c", "b", "a", "a")):
        with pytest.raises(BadModel, match="“a” stands there twice"):
            WordList(words)


@pytest.mark.parametrize(
    ("words", "prompts", "sentence"),
    [
        ("cat", "", "2 to 50 words, separated by commas: there is 1"),
        (" , ", "", "there are 0"),
        (",".join(f"w{n}" for n in range(MOST_WORDS + 1)), "", "there are 51"),
        ("cat, " + "x" * 61, "", "has 61 letters; at most 60"),
        ("cat, dog, cat", "", "“cat” stands there twice"),
        ("cat, do{g}", "", "has the sign '{'"),
        ("cat, do\x00g", "", r"has the sign '\\x00'"),
        ("cat, dog", "a photo", "needs {} once"),
        ("cat, dog", "{} and {}", "needs {} once"),
        ("cat, dog", "{0} {}", "needs {} once"),
        ("cat, dog", "|".join(["{}"] * 9), "1 to 8 prompts"),
        ("cat, dog", "{}" + "x" * 99, "at most 100"),
        ("cat, " * 2000, "", "too long"),
    ],
)
def test_a_list_that_cannot_be_read_is_said(words, prompts, sentence):
    with pytest.raises(BadModel, match=sentence):
        WordList.read(words, prompts)
