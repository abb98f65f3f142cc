"""Several models in a zip: their order, their bounds, and what does not fit is a sentence."""

from __future__ import annotations

import io
import zipfile

import pytest
import torch

from engine.errors import BadModel
from engine.models.card import card_of, weights_of
from engine.models.rebuild import packed
from engine.training import Recipe, fresh
from engine.unlearning import zipped_models
from engine.unlearning.zipped_models import open_zip
from tests import tiny


@pytest.fixture(scope="module")
def models():
    return [fresh(tiny.columns(8, tuple("abcd")), Recipe("mlp"), seed) for seed in range(3)]


def exported(model):
    """A file with its card."""
    return packed(card_of(model, title="Mine"), weights_of(model))


def weights(model):
    """A state_dict, as torch saves it."""
    held = io.BytesIO()
    torch.save(model.network.state_dict(), held)
    return held.getvalue()


def zipped(files):
    """Files in a zip."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return held.getvalue()


def test_models_come_by_name_and_what_a_system_adds_is_passed_over(models):
    content = zipped({
        "runs/b.pt": weights(models[1]), "runs/a.safetensors": exported(models[0]),
        "runs/c.safetensors": exported(models[2]), "__MACOSX/runs/._a.safetensors": b"x",
        "runs/.DS_Store": b"x",
    })  # fmt: skip
    found = open_zip(content, "runs.zip", 3)
    assert [one.fingerprint for one in found] == [one.fingerprint for one in models]
    assert not any("runs" in one.title for one in found)
    again = open_zip(zipped({"x.pt": weights(models[2])}), "x.zip", 3, like=models[0])
    assert again[0].fingerprint == models[2].fingerprint


def test_too_many_too_large_and_too_slow_are_a_sentence(models, monkeypatch):
    content = zipped({f"{at}.safetensors": exported(one) for at, one in enumerate(models)})
    with pytest.raises(BadModel, match=r"my.zip holds 3 models, and at most 2 are read"):
        open_zip(content, "my.zip", 2)
    monkeypatch.setattr(zipped_models, "SECONDS", -1.0)
    with pytest.raises(BadModel, match=r"my.zip takes more than -1 seconds to read"):
        open_zip(content, "my.zip", 3)
    monkeypatch.setattr(zipped_models, "MOST_BYTES", 1000)
    with pytest.raises(BadModel, match=r"my.zip unpacks to \d+ MB of weights, and at most 0 MB"):
        open_zip(content, "my.zip", 3)


def test_other_files_none_damaged_ones_and_other_networks_are_a_sentence(models):
    with pytest.raises(BadModel, match=r"“notes.txt” in my.zip is no file of weights"):
        open_zip(zipped({"a/notes.txt": b"x"}), "my.zip", 3)
    with pytest.raises(BadModel, match=r"my.zip holds no model: put"):
        open_zip(zipped({}), "my.zip", 3)
    with pytest.raises(BadModel, match=r"my.zip is not a zip archive"):
        open_zip(b"nothing", "my.zip", 3)
    with pytest.raises(
        BadModel, match=r"“a.pt” in my.zip: the file holds .*say for which timm architecture"
    ):
        open_zip(zipped({"a.pt": weights(models[0])}), "my.zip", 3)
    with pytest.raises(BadModel, match=r"“b.pt” in my.zip: the file cannot be .*damaged"):
        open_zip(zipped({"b.pt": b"PK\x03\x04 no"}), "my.zip", 3, like=models[0])
    odd = fresh(tiny.columns(8, tuple("abcd")), Recipe("lenet"))
    with pytest.raises(BadModel, match=r"“b.pt” in my.zip: .*does not fit"):
        open_zip(zipped({"a.safetensors": exported(models[0]), "b.pt": weights(odd)}), "my.zip", 3)
    content = bytearray(zipped({"a.safetensors": exported(models[0])}))
    content[200:260] = bytes(60)
    with pytest.raises(BadModel, match=r"“a.safetensors” in my.zip is damaged"):
        open_zip(bytes(content), "my.zip", 3)
