"""Models of one's own, and all that can be wrong with a file, a name or the network."""

import json
import os
import threading

import pytest
import timm
import torch
from safetensors.torch import save_file

from engine.core.errors import BadModel
from engine.core.keeping.memory import Memory
from engine.vision.models import catalog, hub
from engine.vision.models.architectures import wrap
from engine.vision.models.catalog import DEFAULT, entries, load
from engine.vision.models.own_file import label_file_bytes, load_from_file, read_labels
from engine.vision.models.weights_file import bytes_of, read_weights
from tests import tiny
from tests.hostile.archives import zipped
from tests.in_memory import torch_file as saved

ARCHITECTURE = "resnet10t"


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return timm.create_model(ARCHITECTURE, pretrained=False, num_classes=3).state_dict()


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("cat\n\n dog \nespresso\n", encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def own_cache(monkeypatch):
    plain = catalog._memory
    fresh = Memory(catalog.CACHE_BYTES, plain._size, grows=plain._grows)
    monkeypatch.setattr(catalog, "_memory", fresh)


def write(path, state):
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


@pytest.mark.parametrize("name", ["own.safetensors", "own.pt", "own.pth"])
def test_weights_of_ones_own_are_read_with_their_labels(tmp_path, state, labels, name):
    model = load_from_file(write(tmp_path / name, state), ARCHITECTURE, labels)
    assert model.labels == ("cat", "dog", "espresso")
    digest = model.fingerprint[:6]
    assert (model.name, model.title) == (f"file:{digest}", f"Own weights {digest} ({ARCHITECTURE})")
    network = timm.create_model(ARCHITECTURE, pretrained=False, num_classes=3).eval()
    network.load_state_dict(state)
    pixels = torch.rand(1, 3, model.side, model.side, generator=tiny.seeded())
    plain = (pixels - model.mean.cpu()) / model.std.cpu()
    assert torch.allclose(model(pixels), network(plain), atol=1e-4)


def test_wrapped_and_parallel_weights_are_found_and_too_few_labels_are_said(
    tmp_path, state, labels
):
    wrapped = {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}}
    model = load_from_file(write(tmp_path / "own.pt", wrapped), ARCHITECTURE)
    assert model.labels == ("class 0", "class 1", "class 2")
    labels.write_text("cat\ndog\n")
    with pytest.raises(BadModel, match="has 3 classes but 2 labels"):
        load_from_file(write(tmp_path / "own.pt", state), ARCHITECTURE, labels)


def test_another_architecture_is_said(tmp_path, state):
    path = write(tmp_path / "own.safetensors", state)
    with pytest.raises(BadModel, match=r"own.safetensors does not fit resnet18: .*"):
        load_from_file(path, "resnet18")
    other = write(tmp_path / "odd.safetensors", {"a": torch.zeros(1)})
    with pytest.raises(BadModel, match=r"odd.safetensors does not fit.*1 are unknown, for example"):
        load_from_file(other, ARCHITECTURE)
    with pytest.raises(BadModel, match="no_such_net"):  # before the file is read
        load_from_file(tmp_path / "missing.pt", "no_such_net")


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_a_truncated_file_is_said_to_be_damaged(tmp_path, state, suffix, share):
    path = write(tmp_path / f"own{suffix}", state)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(BadModel, match="damaged or empty"):
        load_from_file(path, ARCHITECTURE)


JUNK = [b"hello", b"\x80\x04.", b"(lp0\n.", b"PK\x03\x04", bytes(64)]
NO_TABLE = [[1, 2], {"a": 1}, {1: torch.zeros(1)}, torch.zeros(2), "x"]


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        *((junk, "junk.pt", "damaged or empty|no plain table") for junk in JUNK),
        (zipped({"a": b"b"}), "weights.zip", r"neither .safetensors nor .pt"),
        (saved(tiny.Cnn()), "model.pt", "Save the state_dict alone"),
        *((saved(content), "own.pt", "no plain table of weights") for content in NO_TABLE),
    ],
)
def test_a_file_that_is_no_table_of_weights_is_refused(data, name, words):
    with pytest.raises(BadModel, match=words):
        read_weights(data, name)


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (os.mkdir, (str(self.marker),))


@pytest.mark.parametrize("modern", [True, False])
def test_pickled_code_is_refused_and_not_run(tmp_path, state, modern):
    marker, path = tmp_path / "it ran", tmp_path / "trap.pt"
    torch.save({**state, "x": Trap(marker)}, path, _use_new_zipfile_serialization=modern)
    with pytest.raises(BadModel, match="pickled code"):
        load_from_file(path, ARCHITECTURE)
    assert not marker.exists()
    torch.load(path, weights_only=False)  # the trap works
    assert marker.exists()


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path):
    (tmp_path / "folder.pt").mkdir()
    for name in ("gone.pt", "folder.pt"):
        with pytest.raises(BadModel, match=f"There is no file {name}"):
            bytes_of(tmp_path / name)


def labels_in(path):
    return read_labels(label_file_bytes(path), path.name)


def test_labels_are_lines_or_a_json_list(tmp_path, labels):
    label_file = tmp_path / "labels.json"
    label_file.write_text(json.dumps(["a", 2]))
    assert labels_in(label_file) == ("a", "2")
    assert labels_in(labels) == ("cat", "dog", "espresso")
    label_file.write_text('["crane", "cat", "crane"]')
    assert labels_in(label_file) == ("crane", "cat", "crane (2)")
    for text in ('{"a": 1}', "3", "[", '"abc"'):
        label_file.write_text(text)
        with pytest.raises(BadModel, match="no list of labels"):
            labels_in(label_file)
    labels.write_bytes(b"\xff\xfe")
    for path in (labels, tmp_path / "gone.txt"):
        with pytest.raises(BadModel, match="no list of labels"):
            labels_in(path)


def test_a_list_of_labels_larger_than_any_is_not_read(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes(b"a" * 2**20)
    assert len(labels_in(path)) == 1
    path.write_bytes(b"a" * 2**20 + b"b")
    with pytest.raises(BadModel, match=r"labels\.txt is larger than 1 MB"):
        labels_in(path)


def test_an_unknown_architecture_is_answered_with_near_names():
    for name, words in (
        ("resnet5O", "no architecture called 'resnet5O'.*resnet50"),
        ("vit_tiny_patch16_244", "vit_tiny_patch16_224"),
        ("", "no architecture called ''"),
        ("[a-z", r"no architecture called '\[a-z'"),
    ):
        with pytest.raises(BadModel, match=words) as refusal:
            load(name)
        assert str(refusal.value).count(", ") == 2 * ("Did you mean" in str(refusal.value))


@pytest.mark.usefixtures("own_models")
def test_models_of_a_variant_are_those_of_its_data_the_plain_ones_first():
    names = [entry.name for entry in catalog.trained_on("digits+noisy:share=0.1")]
    assert names[0] == "digits-mlp"
    assert {"digits-cnn", "digits-vit"} <= {*names}
    assert all(name.startswith("digits-") for name in names)


def test_without_the_hub_it_is_said_and_greyed(monkeypatch):
    monkeypatch.setattr(hub, "_hub_seen", None)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(hub, "knock", lambda: False)
    with pytest.raises(BadModel, match=r"resnet50 needs weights from the model hub.*Choose lite0"):
        load("resnet50")
    first, *others = entries()
    assert (first.name, first.available) == (DEFAULT, True)
    others = [entry for entry in others if entry.name in catalog.SUGGESTED]
    assert len(others) == 4
    for entry in others:
        if not entry.available:
            assert "cannot be reached" in entry.reason


def test_the_list_of_models_looks_for_no_hub_and_others_look_for_it_once_a_minute(monkeypatch):
    monkeypatch.setattr(hub, "_hub_seen", None)
    monkeypatch.setattr(hub, "knock", lambda: pytest.fail("nobody chose a model of the hub"))
    suggested = [entry for entry in entries() if entry.name in catalog.SUGGESTED]
    assert all(entry.available and "downloaded" in entry.reason for entry in suggested)
    looks = []
    monkeypatch.setattr(hub, "_hub_seen", None)
    monkeypatch.setattr(hub, "knock", lambda: bool(looks.append(1)))
    tiny.at_once(*[hub.hub_answers] * 5)
    assert len(looks) == 1
    monkeypatch.setattr(hub, "_hub_seen", (hub.monotonic() - 61, True))
    assert hub.hub_answers() is False
    assert len(looks) == 2


def test_many_who_want_a_model_at_once_load_it_once(monkeypatch):
    loaded, result = [], []
    monkeypatch.setattr(catalog, "load_lite", lambda _name: loaded.append(1) or tiny.cnn())
    tiny.at_once(*[lambda: result.append(load())] * 5)
    assert len(loaded) == 1
    assert len({id(model) for model in result}) == 1


def test_who_wants_another_model_does_not_wait_for_a_download(monkeypatch):
    begun, go = threading.Event(), threading.Event()

    def slow(_name):
        begun.set()
        assert go.wait(20)
        return tiny.cnn(seed=1)

    monkeypatch.setattr(catalog, "load_from_hub", slow)
    monkeypatch.setattr(catalog, "load_lite", lambda _name: tiny.cnn())
    waiting = threading.Thread(target=lambda: load("resnet50"))
    waiting.start()
    assert begun.wait(20)
    assert load() is load()
    go.set()
    waiting.join(20)
    assert set(catalog._memory.names()) == {"resnet50", DEFAULT}


def test_models_used_longest_ago_are_let_go(monkeypatch):
    monkeypatch.setattr(catalog, "load_from_hub", lambda _name: tiny.cnn())
    monkeypatch.setattr(catalog._memory, "room", int(2.5 * tiny.cnn().held_bytes))
    for name in ("resnet18", "resnet34", "resnet18", "resnet50"):
        load(name)
    assert catalog._memory.names() == ["resnet18", "resnet50"]


def test_what_a_model_needs_in_bfloat16_counts_from_the_next_one_on(monkeypatch):
    monkeypatch.setattr(catalog, "load_from_hub", lambda _name: tiny.cnn())
    monkeypatch.setattr(catalog._memory, "room", int(2.25 * tiny.cnn().held_bytes))
    load("resnet18").runner("fast")
    load("resnet34")
    assert catalog._memory.names() == ["resnet34"]


def test_an_error_of_the_hub_becomes_a_sentence(monkeypatch):
    class Odd(Exception):
        pass

    create = timm.create_model

    def fail(*args, pretrained, **given):
        if not pretrained:
            return create(*args, **given)
        raise Odd("404 not found\nand a long page")

    monkeypatch.setattr(hub, "hub_answers", lambda: True)
    monkeypatch.setattr(hub.timm, "create_model", fail)
    with pytest.raises(BadModel, match=r"weights of resnet50 could not be had: 404 not found$"):
        load("resnet50")


def test_a_small_vision_transformer_of_timm_can_be_wrapped_and_no_network_of_four_channels():
    network = timm.create_model(ARCHITECTURE, pretrained=False, num_classes=3, in_chans=4)
    with pytest.raises(BadModel, match="does not take one color photograph"):
        wrap(network, "depth", "Color and depth")
    network = timm.create_model("vit_tiny_patch16_224", pretrained=False, depth=2, num_classes=5)
    model = wrap(network, "vit", "ViT")
    assert (model.side, len(model.labels), len(model.attentions)) == (224, 5, 2)
    assert model(torch.rand(2, 3, 224, 224)).shape == (2, 5)
