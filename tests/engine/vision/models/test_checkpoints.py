"""Models made here come back as they were, or a sentence says why they do not."""

import errno
import json
import os
import struct
from copy import deepcopy
from dataclasses import asdict, replace

import numpy as np
import pytest
import timm
import torch
from safetensors.numpy import save as save_arrays

from engine.core.errors import BadModel, BlindspotError
from engine.core.keeping import store
from engine.vision.models import catalog, checkpoints, weights_file
from engine.vision.models.architectures import wrap
from engine.vision.models.card import ModelCard, card_of, checkpoint, weights_of
from engine.vision.models.checkpoints import (
    bring_in,
    delete,
    export,
    keep,
    load,
    put,
    tree,
    visible_models,
)
from engine.vision.models.rebuild import KEY, model_bytes
from engine.vision.models.small import SMALL
from tests import tiny
from tests.engine.vision.models.saved import small_network

pytestmark = pytest.mark.usefixtures("own_models")


def small(*arguments, labels=("cat", "dog", "<b>"), **more):
    return small_network(*arguments, labels=labels, std=(0.123456,) * 3, **more)


def shifted(model, by=0.01):
    child = deepcopy(model)
    with torch.no_grad():
        for parameter in child.parameters():
            parameter.add_(by)
    return child


def child_view(parent, title, by=0.01):
    child = shifted(parent, by)
    card = card_of(child, title=title, parent=parent, made_by="lab.Shift", settings={"by": by})
    return checkpoint(child, card)


def put_checkpoint(model, **given):
    return put(card_of(model, **given), model)


@pytest.mark.parametrize("architecture", SMALL)
def test_a_kept_model_is_the_same_model(architecture):
    model = small(architecture)
    figures, recipe = {"test accuracy": 0.9}, {"epochs": 3}
    result = put_checkpoint(model, figures=figures, recipe=recipe, data="digits", seed=4)
    again = load(result.name)
    pixels = torch.rand(3, 3, 12, 12, generator=tiny.seeded())
    assert torch.equal(again(pixels), model(pixels))
    assert again.fingerprint == model.fingerprint == result.card.fingerprint
    assert (again.labels, again.title, again.side) == (model.labels, "Small", 12)
    assert result.nbytes == result.path.stat().st_size > 1000
    assert (result.card.figures, result.card.recipe) == (figures, recipe)
    assert (result.card.seed, result.card.data) == (4, "digits")


def test_a_network_of_timm_is_kept_too():
    torch.manual_seed(0)
    network = timm.create_model("resnet10t", pretrained=False, num_classes=3)
    model = wrap(network, "own", "Own", architecture="resnet10t")
    assert load(put_checkpoint(model).name).fingerprint == model.fingerprint


def test_a_childs_lineage_is_a_trail_and_the_list_a_tree():
    root, other = small(title="Root"), small(seed=1, title="Other")
    first, second = put_checkpoint(root), put_checkpoint(other)
    child = keep(child_view(load(first.name), "forgot 3"))
    grandchild = keep(child_view(load(child.name), "pruned", 0.02))
    sibling = keep(child_view(load(first.name), "adapted", 0.03))
    for age, entry in enumerate((sibling, grandchild, child, second, first)):
        os.utime(entry.path, (1e9 - age, 1e9 - age))
    rows = [(depth, entry.card.title) for depth, entry in tree(visible_models())]
    assert rows == [(0, "Root"), (1, "forgot 3"), (2, "pruned"), (1, "adapted"), (0, "Other")]
    assert grandchild.card.trail == "Root ▸ forgot 3 ▸ pruned"
    lineage = load(grandchild.name).lineage
    assert lineage.parent == child.card.fingerprint
    assert (lineage.made_by, json.loads(lineage.settings)) == ("lab.Shift", {"by": 0.02})
    delete(child.name)
    assert [depth for depth, _ in tree(visible_models())] == [0, 1, 0, 0]
    assert load(grandchild.name).lineage.trail == "Root ▸ forgot 3 ▸ pruned"


def test_an_operation_that_changed_nothing_gives_no_second_model():
    root = put_checkpoint(small())
    same = keep(child_view(load(root.name), "did nothing", 0.0))
    assert same.name == root.name
    assert same.card.parent == ""
    assert len(visible_models()) == 1


def test_a_ring_of_parents_hides_nobody():
    first, second = small(seed=1), small(seed=2)
    put(replace(card_of(first), parent=second.fingerprint), first)
    put(replace(card_of(second), parent=first.fingerprint), second)
    assert len(tree(visible_models())) == 2
    network = small(seed=3)
    put(replace(card_of(network), parent=network.fingerprint), network)
    assert len(tree(visible_models())) == 3


def test_a_deleted_model_is_gone_and_says_so():
    result = put_checkpoint(small())
    assert catalog.load(result.name).title == "Small"
    assert [e.name for e in catalog.entries() if e.name == result.name]
    catalog.delete_model(result.name)
    with pytest.raises(BadModel, match=r"There is no model 'kept:.*deleted"):
        catalog.load(result.name)
    assert visible_models() == ()
    with pytest.raises(BadModel, match="There is no model"):
        delete(result.name)


@pytest.mark.parametrize(
    "name", ["kept:", "kept:../../etc/passwd", "kept:xyz", "other", "kept:" + "g" * 16]
)
def test_what_is_no_name_never_becomes_a_path(name):
    with pytest.raises(BadModel, match="no name of a model made here"):
        load(name)


def test_an_exported_model_is_brought_in_elsewhere(tmp_path, monkeypatch):
    child = keep(child_view(load(put_checkpoint(small(title="Root")).name), "child"))
    file = export(child.name)
    monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path / "elsewhere"))
    assert visible_models() == ()
    result = bring_in(file, "child.safetensors")
    assert result.card == child.card
    assert load(result.name).lineage.trail == "Root ▸ child"


def test_the_picker_shows_size_figures_and_depth():
    root = put_checkpoint(small(title="Root"), figures={"test accuracy": 0.5})
    child = keep(child_view(load(root.name), "child"))
    results = {entry.name: entry for entry in catalog.entries()}
    assert results[root.name].figures == {"test accuracy": 0.5}
    assert (results[root.name].depth, results[child.name].depth) == (0, 1)
    assert results[child.name].nbytes > 1000
    assert results[child.name].title == "Root ▸ child"
    assert results[child.name].reason == "made here by lab.Shift"


def test_a_full_disk_is_one_sentence_and_leaves_nothing(monkeypatch):
    def full(**arguments):
        def write(data):
            plain_write(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

        file = plain(**arguments)
        plain_write, file.write = file.write, write
        return file

    plain = store.NamedTemporaryFile
    monkeypatch.setattr(store, "NamedTemporaryFile", full)
    words = r"^Small was not kept: the disk is full\. Free 0\.\d MB"
    with pytest.raises(BlindspotError, match=words):
        put_checkpoint(small())
    assert list(checkpoints.folder().iterdir()) == []
    assert visible_models() == ()
    monkeypatch.undo()


def test_models_that_would_take_too_much_room_together_are_not_kept(monkeypatch):
    first = put_checkpoint(small())
    monkeypatch.setattr(checkpoints, "DISK_BYTES", first.nbytes + 100)
    with pytest.raises(BlindspotError, match=r"^Other was not kept: .* Delete one"):
        put_checkpoint(small(seed=1), title="Other")
    assert [entry.name for entry in visible_models()] == [first.name]
    delete(first.name)
    assert put_checkpoint(small(seed=1), title="Other").nbytes > 0


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BLINDSPOT_HOME", str(tmp_path / "file"))
    with pytest.raises(BlindspotError, match="Small was not kept: Not a directory"):
        put_checkpoint(small())
    assert visible_models() == ()


def test_a_half_written_or_damaged_file_is_left_out_of_the_list():
    whole = put_checkpoint(small())
    data = whole.path.read_bytes()
    (checkpoints.folder() / ("0" * 16 + ".safetensors")).write_bytes(data[: len(data) // 2])
    (checkpoints.folder() / ".part-abc").write_bytes(data[:50])
    assert [entry.name for entry in visible_models()] == [whole.name]


def written(card, weights=None):
    """A file with this card, as text or as fields that differ from a good one's."""
    model = small()
    card_text = card if isinstance(card, str) else json.dumps(asdict(card_of(model)) | card)
    tensors = weights_of(model) if weights is None else weights
    return save_arrays(tensors, metadata={KEY: card_text}), "given.safetensors"


def test_a_good_file_is_taken_and_a_card_says_what_it_does_not_know_and_takes_no_more():
    assert bring_in(*written({})).card.title == "Small"
    card = ModelCard.from_json(card_of(small()).as_json()[:-1] + ', "future": [1]}')
    assert card == card_of(small())
    with pytest.raises(BadModel, match="its architecture has no name here"):
        card_of(tiny.cnn())


NO_CARDS = ("", "[]", "[" * 100_000, "{}", '{"title": 3}', {"figures": [1]})


@pytest.mark.parametrize(
    ("card", "said"),
    [
        *((text, "no card of a model") for text in NO_CARDS),
        (json.dumps({"title": "x" * 300_000}), "has more than 200,000 letters"),
        *(({"title": title}, "no plain text") for title in ("x" * 500, "two\nlines")),
        ({"labels": ["a", 2, "c"]}, "no plain text"),
        ({"labels": []}, "0 labels"),
        ({"labels": "abc"}, "are lists"),
        ({"labels": ["a", "b"]}, r"head.* has the shape"),
        ({"mean": [0, 0]}, "three means"),
        ({"std": [1, 0, 1]}, "above 0"),
        ({"mean": [float("nan")] * 3}, "no number"),
        ({"figures": {"a": float("inf")}}, "no number"),
        ({"side": 10**9}, "no network takes"),
        *(({"side": side}, "no whole number") for side in (1.5, True)),
        ({"channels": 2}, "no network takes"),
        *(({"width": width}, "times as wide") for width in (10**6, float("nan"), "wide")),
        ({"width": 2.0}, "has the shape"),
        ({"channels": 3}, "conv1.weight has the shape"),
        ({"architecture": "mlp"}, "the weights are not those of mlp"),
        ({"architecture": "os.system"}, "no architecture is called"),
        ({"architecture": "timm:resnet1000000"}, "no architecture is called"),
        ({"architecture": "timm:vit_giant_patch14_224"}, r"takes 3\.8 GB of memory"),
        ({"architecture": "timm:vit_base_patch16_224"}, "the weights are not those of"),
        ({"recipe": "x"}, "no table"),
    ],
)
def test_a_card_that_cannot_be_is_one_sentence(card, said):
    with pytest.raises(BadModel, match=said) as error:
        bring_in(*written(card))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400
    assert visible_models() == ()


def changed(name, array):
    return weights_of(small()) | {name: array}


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({}, "missing or unknown"),
        (changed("more", np.zeros(1, np.float32)), "1 are missing or unknown, for example 'more'"),
        (changed("head.bias", np.zeros(4, np.float32)), r"head.bias has the shape \(4,\)"),
        (changed("head.bias", np.full(3, np.nan, np.float32)), "head.bias hold what is no number"),
        (changed("head.bias", np.ones(3, np.bool_)), "head.bias hold what is no number"),
        (changed("head.bias", np.ones(3, np.complex64)), "head.bias' is no plain array of real"),
    ],
)
def test_weights_that_do_not_fit_the_card_are_one_sentence(weights, said):
    with pytest.raises(BadModel, match=said):
        bring_in(*written({}, weights))
    assert visible_models() == ()


def test_other_files_are_refused_and_one_that_is_too_large_unread(monkeypatch):
    good = model_bytes(card_of(small()), weights_of(small()))
    huge = struct.pack("<Q", 2**60) + b"{}"
    for bad in (b"", b"hello", good[:20], good[:-9], huge, b"\x80\x04.", bytes(64)):
        with pytest.raises(BadModel, match=r"given.safetensors cannot be read .* damaged or empty"):
            bring_in(bad, "given.safetensors")
    with pytest.raises(BadModel, match="was not exported from Blindspot"):
        bring_in(save_arrays({"a": np.zeros(2)}), "given.safetensors")
    monkeypatch.setattr(weights_file, "LARGEST", 2**20)
    with pytest.raises(BadModel, match=r"given.safetensors is larger than 1 MB"):
        bring_in(bytes(2**20 + 1), "given.safetensors")
