"""Several models in a zip: their order, their bounds, and what does not fit is a sentence."""

from __future__ import annotations

import io
import zipfile

import pytest
import torch

from engine.errors import BadData, BadModel
from engine.models.card import card_of, weights_of
from engine.models.rebuild import model_bytes
from engine.training import Recipe, fresh
from engine.unlearning import zipped_models
from engine.unlearning.zipped_models import open_zip
from tests import tiny


@pytest.fixture(scope="module")
def models():
    return [fresh(tiny.columns(8, tuple("abcd")), Recipe("mlp"), seed) for seed in range(3)]


def exported(model):
    """A file with its card."""
    return model_bytes(card_of(model, title="Mine"), weights_of(model))


def weights(model):
    """A state_dict, as torch saves it."""
    buffer = io.BytesIO()
    torch.save(model.network.state_dict(), buffer)
    return buffer.getvalue()


def zipped(files):
    """Files in a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return buffer.getvalue()


def test_models_come_by_name_and_what_a_system_adds_is_passed_over(models):
    content = zipped(
        {
            "runs/b.pt": weights(models[1]),
            "runs/a.safetensors": exported(models[0]),
            "runs/c.safetensors": exported(models[2]),
            "__MACOSX/runs/._a.safetensors": b"x",
            "runs/.DS_Store": b"x",
        }
    )
    zip_file = open_zip(content, "runs.zip", 3)
    assert [model.fingerprint for model in zip_file.models] == [
        model.fingerprint for model in models
    ]
    assert zip_file.skipped == ()
    assert not any("runs" in model.title for model in zip_file.models)
    again = open_zip(zipped({"x.pt": weights(models[2])}), "x.zip", 3, like=models[0])
    assert again.models[0].fingerprint == models[2].fingerprint


def test_too_many_too_large_and_too_slow_are_a_sentence(models, monkeypatch):
    content = zipped({f"{at}.safetensors": exported(model) for at, model in enumerate(models)})
    with pytest.raises(BadModel, match=r"my.zip holds 3 files, and at most 2 models are read"):
        open_zip(content, "my.zip", 2)
    monkeypatch.setattr(zipped_models, "SECONDS", -1.0)
    with pytest.raises(BadModel, match=r"my.zip takes more than -1 seconds to read"):
        open_zip(content, "my.zip", 3)
    monkeypatch.setattr(zipped_models, "MOST_BYTES", 1000)
    with pytest.raises(BadModel, match=r"my.zip unpacks to \d+ MB of weights, and at most 0 MB"):
        open_zip(content, "my.zip", 3)


def test_a_bad_file_among_good_ones_is_left_out_and_named(models):
    odd = fresh(tiny.columns(8, tuple("abcd")), Recipe("lenet"))
    content = bytearray(
        zipped(
            {
                "a/0.safetensors": exported(models[0]),
                "a/1-damaged.safetensors": exported(models[1]),
                "a/2-other.pt": weights(odd),
                "a/3-no.pt": b"PK\x03\x04 no",
                "a/notes.txt": b"x",
                "a/9.pt": weights(models[2]),
            }
        )
    )
    place = content.index(b"1-damaged") + 200
    content[place : place + 60] = bytes(60)
    zip_file = open_zip(bytes(content), "my.zip", 9)
    assert [model.fingerprint for model in zip_file.models] == [
        models[place].fingerprint for place in (0, 2)
    ]
    reasons = {left.file: left.reason for left in zip_file.skipped}
    assert list(reasons) == ["1-damaged.safetensors", "2-other.pt", "3-no.pt", "notes.txt"]
    assert "damaged" in reasons["1-damaged.safetensors"]
    assert "does not fit" in reasons["2-other.pt"]
    assert "cannot be read as weights" in reasons["3-no.pt"]
    assert "no file of weights" in reasons["notes.txt"]


def test_a_zip_without_a_model_is_a_sentence(models):
    with pytest.raises(BadModel, match=r"my.zip holds no .*“notes.txt”: It is no file of weights"):
        open_zip(zipped({"a/notes.txt": b"x"}), "my.zip", 3)
    with pytest.raises(BadModel, match=r"my.zip holds no model that can be opened: put"):
        open_zip(zipped({}), "my.zip", 3)
    with pytest.raises(BadData, match=r"my.zip is not a zip archive"):
        open_zip(b"nothing", "my.zip", 3)
    with pytest.raises(BadModel, match=r"“a.pt”: The file holds .*say for which architecture"):
        open_zip(zipped({"a.pt": weights(models[0])}), "my.zip", 3)
