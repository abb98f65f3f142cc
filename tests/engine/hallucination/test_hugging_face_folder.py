"""Folders with models of transformers: what is read, what is refused, and in which words."""

import json
from pathlib import Path
from weakref import ref

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.core.errors import BadData, BadModel
from engine.core.keeping.memory import Memory
from engine.evaluation.language.claims import claims
from engine.hallucination import Greedy, ScenesCase, asking
from engine.hallucination.grounding.looks import Looks
from engine.vision.images import Crop
from engine.vision.images.samples import sample
from engine.vision.language import catalog
from engine.vision.language.hugging_face import folder as own_folder
from engine.vision.language.hugging_face import loading
from engine.vision.language.hugging_face.folder import inspect_folder
from engine.vision.models.extras import TRANSFORMERS
from tests.engine.hallucination import tiny_hf
from tests.engine.hallucination.tiny import one_pass

pytestmark = pytest.mark.skipif(not TRANSFORMERS.installed, reason="transformers is not installed")
HUB = next(iter(loading.KNOWN))


@pytest.fixture
def home(monkeypatch, empty_home):
    monkeypatch.setattr(loading, "_memory", Memory(1))
    return empty_home / "hugging_face"


@pytest.fixture
def model_folder(home):
    return tiny_hf.saved(home / "mine", "smolvlm")


@pytest.mark.parametrize("kind", tiny_hf.KINDS)
def test_a_saved_model_is_read_as_it_was(home, kind):
    tiny_hf.saved(home / "mine", kind)
    result, saved_model = asking.model("hf:mine"), tiny_hf.model(kind)
    text = torch.tensor([saved_model.tokenizer.encode("is there a boat")])
    images = tiny_hf.pixels(2, saved_model.spec.side)[:1]
    logits = [one_pass(vlm, images, text).logits for vlm in (result, saved_model)]
    assert torch.allclose(*logits, atol=1e-5)
    assert result.spec == saved_model.spec
    assert result.title == "mine"
    assert result.fingerprint == f"{inspect_folder(home / 'mine').fingerprint}-float32"


def test_settings_are_read_up_to_so_many_bytes(tmp_path, monkeypatch):
    file = tmp_path / "config.json"
    file.write_text('{"a": 1}')
    monkeypatch.setattr(own_folder, "MOST_JSON", 8)
    assert own_folder.read_json(file, "it") == {"a": 1}
    file.write_text('{"a": 12}')
    with pytest.raises(BadModel, match=r"config\.json in .* is larger than"):
        own_folder.read_json(file, "it")


def test_another_tokenizer_of_the_q_former_is_another_model(home):
    tiny_hf.saved(home / "mine", "instructblip")
    before = inspect_folder(home / "mine").fingerprint
    words = home / "mine" / "qformer_tokenizer" / "tokenizer.json"
    words.write_text(words.read_text() + " ")
    assert inspect_folder(home / "mine").fingerprint != before
    words.unlink()
    with pytest.raises(BadModel, match="qformer_tokenizer has no tokenizer"):
        inspect_folder(home / "mine")


def test_photographs_and_scenes_are_asked_at_the_model_s_size(model_folder):
    case = asking.about_picture("hf:mine", sample("chelsea"), Crop(), "Is there a boat?")
    assert case.image.shape == (3, 8, 8)
    answer = Greedy(length=5)(case)["answer"]
    assert answer.grid == (2, 2)
    assert answer.looks.shape[1:] == (3, 4, 4)
    scene = asking.scene("counter", 424)
    case = asking.about_scene("hf:mine", scene, "is there a lamp")
    assert case.image.shape == (3, 8, 8)
    words = asking.case_of_words(case, Greedy(length=3)(case)["answer"], [0])
    assert asking.without_each(words, scene).others.shape[1:] == (3, 8, 8)
    assert words.mask_of("car").shape == Looks()(words)["map"].values.shape


def test_pieces_of_words_are_held_against_the_truth():
    scene = asking.scene("counter", 424)  # a car, no lamp
    result = claims(
        "Describe the image.", ["A", "c", "##ar", "and", "a", "la", "##mp", "##."], scene
    )
    assert [(mention.node, mention.place, mention.true) for mention in result.mentions] == [
        ("car", 1, True),
        ("lamp", 5, False),
    ]
    short = claims("is there a lamp", ["Yes", "##,", "there", "is"], scene)
    assert (short.kind, short.right) == ("yes or no", False)


def remove(name):
    return lambda folder: (folder / name).unlink()


def changed(**config):
    def change(folder):
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | config))

    return change


def pickled(folder):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def shortened(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def less(folder):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors.pop(next(name for name in sorted(tensors) if "layers.1." in name))
    save_file(tensors, path, metadata={"format": "pt"})


def lost_shard(folder):
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    shards = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))


def written(name, text):
    return lambda folder: (folder / name).write_text(text)


def pixels(**values):
    return written("preprocessor_config.json", json.dumps(values))


def headed(**tensor):
    """A file of weights with one tensor of four bytes, of which the header says something odd."""

    def spoil(folder):
        raw = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} | tensor})
        words = len(raw).to_bytes(8, "little") + raw.encode() + bytes(4)
        (folder / "model.safetensors").write_bytes(words)

    return spoil


def sharded(name):
    def spoil(folder):
        (folder / "model.safetensors").rename(folder / Path(name).name)
        index = {"weight_map": {"a": name}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    return spoil


def asked_in_another_form(folder):
    for path in folder.glob("tokenizer*"):
        path.write_text(path.read_text().replace("<|im_start|>", "<|begin_of_text|>"))


ODD = [
    (changed(model_type=["llava"]), "LLaVA-1.5, LLaVA-OneVision"),
    (changed(text_config={"model_type": ["llama"]}), "language model of the kind"),
    (changed(vision_config=[1]), "does not say how the model sees"),
    (pixels(image_processor=[1]), "does not say how pixels"),
    (pixels(image_mean=[0.5] * 3, image_std=[float("nan")] * 3), "does not say how pixels"),
    (pixels(image_mean=[0.5] * 3, image_std=[10**400] * 3), "hold odd values"),
    (headed(data_offsets=["0", "4"]), "damaged or not complete"),
    (headed(shape=[10**400]), "damaged or not complete"),
    (changed(transformers_weights="other.safetensors"), "from other files than its own"),
    (written("adapter_config.json", "{}"), "from other files than its own"),
    (sharded("sub/model-1.safetensors"), "of the folder itself are opened"),
    (sharded("../mine/model-1.safetensors"), "of the folder itself are opened"),
    (sharded("pytorch_model.bin"), "of the folder itself are opened"),
    (asked_in_another_form, "does not know <|im_start|>"),
]


@pytest.mark.parametrize(("spoil", "why"), ODD)
def test_a_broken_folder_is_a_sentence_and_never_takes_the_list_down(model_folder, spoil, why):
    spoil(model_folder)
    assert why in loading.absence("mine")
    assert "hf:mine" not in asking.models()


def test_a_folder_that_may_not_be_read_is_a_sentence(model_folder, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(own_folder, "header", refuse)
    assert "mine cannot be read (Permission denied)" in loading.absence("mine")
    monkeypatch.setattr(type(model_folder), "is_dir", refuse)
    known = {title for title, *_ in loading.KNOWN.values()}
    assert {entry.title for entry in loading.entries()} == known


@pytest.mark.parametrize(
    "name", ["tokenizer.json", "tokenizer_config.json", "generation_config.json"]
)
def test_every_small_file_is_in_the_fingerprint(model_folder, name):
    first = inspect_folder(model_folder).fingerprint
    (model_folder / name).write_text((model_folder / name).read_text() + " ")
    assert inspect_folder(model_folder).fingerprint != first


def test_half_precision_is_in_the_fingerprint_and_answers(model_folder, monkeypatch):
    exact = asking.model("hf:mine").fingerprint
    loading._memory.clear()
    monkeypatch.setattr(loading, "free_memory", lambda _: 3 * inspect_folder(model_folder).numbers)
    assert asking.model("hf:mine").fingerprint == exact.replace("float32", "bfloat16") != exact
    monkeypatch.setattr(loading, "free_memory", lambda _: 3 * inspect_folder(model_folder).numbers)
    case = asking.about_picture("hf:mine", sample("chelsea"), Crop(), "Is there a boat?")
    assert len(Greedy(length=3)(case)["answer"].words)


def test_scenes_refuse_a_model_of_ones_own_before_it_is_loaded(model_folder, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda _: pytest.fail("loaded"))
    with pytest.raises(BadData, match="mine is asked about one picture; scenes are for TinyVLM"):
        ScenesCase.from_arguments(model="hf:mine")
    offered = {option.name for option in ScenesCase.offered("model", {})}
    assert offered == set(asking.shipped_models())


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (remove("config.json"), "has no config.json"),
        (written("config.json", "{"), "is damaged"),
        (written("config.json", "[" * 10**5), "is damaged"),
        (remove("preprocessor_config.json"), "how pixels are normalized is missing"),
        (pixels(), "does not say how"),
        (remove("tokenizer.json"), "has no tokenizer"),
        (remove("model.safetensors"), "model.safetensors is missing"),
        (pickled, "pickled weights, which can run code"),
        (shortened, "damaged or not complete"),
        (less, "1 tensors are missing"),
        (lost_shard, "model-00002-of-00002.safetensors missing"),
        (changed(model_type="bert"), "'bert'; LLaVA-1.5"),
        (changed(model_type="instructblip"), "has no folder qformer_tokenizer"),
        (changed(model_type="instructblip", text_config={"model_type": "t5"}), "of the kind 't5'"),
        (changed(model_type="instructblip", text_config={}), "of the kind 'opt'"),
        (changed(text_config={"model_type": "mamba"}), "'mamba'"),
        (changed(text_config={"model_type": "llama", "hidden_size": 99}), "could not be loaded"),
        (changed(text_config={"model_type": "llama", "num_hidden_layers": 10**9}), "impossible"),
        (changed(text_config={"model_type": "llama", "hidden_size": 2**16}), "lacks weights"),
    ],
)
def test_a_folder_that_cannot_be_read_says_why(model_folder, spoil, why):
    spoil(model_folder)
    with pytest.raises(BadModel, match=why):
        asking.model("hf:mine")


def test_pickles_of_a_folder_are_never_opened(model_folder, monkeypatch):
    pickled(model_folder)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("opened"))
    assert "pickled" in loading.absence("mine")


def test_a_model_that_does_not_fit_into_memory_is_not_loaded(model_folder, monkeypatch):
    count = inspect_folder(model_folder).numbers
    monkeypatch.setattr(loading, "free_memory", lambda _: 3 * count)
    assert loading.kind_of_number("mine", count) is torch.bfloat16
    assert asking.model("hf:mine").head.weight.dtype == torch.bfloat16
    loading._memory.clear()
    monkeypatch.setattr(loading, "free_memory", lambda _: 2 * count)
    with pytest.raises(BadModel, match="GB are free: choose a smaller model"):
        asking.model("hf:mine")


def test_a_loaded_model_stays_and_makes_room_for_the_next(model_folder, home, monkeypatch):
    """What it takes itself is no reason to refuse it, nor one that comes in its place."""
    tiny_hf.saved(home / "other", "llava")
    first = asking.model("hf:mine")
    taken, alive = first.nbytes, ref(first)
    assert taken == 4 * inspect_folder(model_folder).numbers
    monkeypatch.setattr(loading, "free_memory", lambda _: -taken)  # 0 with its own
    assert asking.model("hf:mine") is first
    assert "GB of memory" in loading.absence("other")
    other = inspect_folder(home / "other").numbers
    monkeypatch.setattr(loading, "free_memory", lambda _: 5 * other - taken * bool(alive()))
    del first
    assert asking.model("hf:other").head.weight.dtype == torch.float32
    assert len(loading._memory.names()) == 1


def test_what_another_job_still_holds_is_not_counted_as_free_and_stays(
    model_folder, home, monkeypatch
):
    tiny_hf.saved(home / "other", "llava")
    loaded = asking.model("hf:mine")
    other = inspect_folder(home / "other").numbers
    monkeypatch.setattr(loading, "free_memory", lambda _: 2.4 * other)  # 2.5 would do
    assert loading.absence("other") == ""
    with pytest.raises(BadModel, match="other needs about"):
        asking.model("hf:other")
    assert asking.model("hf:mine") is loaded


@pytest.mark.parametrize("name", ["hf:../etc", "hf:a/b/c", "hf:", "hf:/etc"])
def test_a_name_that_leads_elsewhere_is_refused(home, name):
    with pytest.raises(BadModel, match="is no model"):
        asking.model(name)


def test_a_hub_that_is_not_there_or_does_not_answer_is_told(home, monkeypatch):
    monkeypatch.setattr(loading, "hub_known", lambda: False)
    missing = {entry.name: entry.missing for entry in loading.entries()}
    assert "cannot be reached" in missing[f"hf:{HUB}"]
    assert f"hf:{HUB}" not in asking.models()
    with pytest.raises(BadModel, match="cannot be reached"):
        asking.model(f"hf:{HUB}")
    monkeypatch.setattr(loading, "hub_known", lambda: None)
    monkeypatch.setattr(loading, "hub_answers", lambda: False)
    monkeypatch.setattr(loading, "free_memory", lambda _: 2**40)
    assert f"hf:{HUB}" in asking.models()
    with pytest.raises(BadModel, match="put a folder"):
        asking.model(f"hf:{HUB}")


def test_without_the_library_only_what_ships_is_offered(model_folder, monkeypatch):
    assert "hf:mine" in asking.models()
    monkeypatch.setattr(loading, "TRANSFORMERS", type(TRANSFORMERS)("no_such", "x", "y"))
    monkeypatch.setattr(catalog, "TRANSFORMERS", loading.TRANSFORMERS)
    assert asking.models() == asking.shipped_models()
    assert "pip install x" in loading.absence("mine")


def test_a_changed_folder_is_read_anew_and_no_other(model_folder, monkeypatch):
    read, plain = [], own_folder.header
    monkeypatch.setattr(own_folder, "header", lambda file: read.append(file) or plain(file))
    assert inspect_folder(model_folder) is inspect_folder(model_folder)
    assert len(read) == 1
    (model_folder / "config.json").write_text((model_folder / "config.json").read_text() + " ")
    inspect_folder(model_folder)
    assert len(read) == 2
    first = asking.model("hf:mine")
    assert asking.model("hf:mine") is first
    path = model_folder / "model.safetensors"
    tensors = {name: 1.5 * tensor for name, tensor in load_file(path).items()}
    save_file(tensors, path, metadata={"format": "pt"})
    assert asking.model("hf:mine").fingerprint != first.fingerprint
