"""An ONNX file gives the logits of its model, for any number of images, or is not given out."""

import json
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from types import SimpleNamespace

import onnx
import pytest
import torch
from torch import nn

from engine.core.errors import BlindspotError
from engine.sparsity import MaskRules, pruned, pruner_of, shrunk
from engine.vision.models import extras, onnx_file
from engine.vision.models.extras import Extra
from engine.vision.training import Recipe, fresh
from tests import tiny
from tests.engine.vision.training.test_loop import striped


def images(model, count):
    return torch.rand(count, 3, model.side, model.side, generator=tiny.seeded(count))


@pytest.mark.parametrize("architecture", ["mlp", "resnet8", "vit"])
def test_the_file_gives_the_model_s_logits_for_any_number_of_images(architecture):
    model = fresh(striped(), Recipe(architecture), 3)
    result = onnx_file.onnx_file(model, images(model, 4))
    assert result.difference <= 1e-5
    session = onnx_file.open_session(result.data)
    for count in (1, 7):
        pixels = images(model, count)
        ours = torch.from_numpy(onnx_file.run(session, pixels))
        torch.testing.assert_close(ours, model(pixels), rtol=0, atol=1e-5)
    props = onnx.load_from_string(result.data).metadata_props
    about = {prop.key: json.loads(prop.value) for prop in props}
    assert about["labels"] == list(model.labels)
    assert about["side"] == model.side


def test_a_narrowed_network_is_written_narrow():
    model = fresh(striped(), Recipe("lenet"), 3)
    masks = pruner_of(tiny.prune_case(model), "Magnitude", MaskRules(structure="group")).at(0.5)
    whole, smaller = pruned(model, masks), shrunk(pruned(model, masks)).model
    pixels = images(model, 3)
    result = onnx_file.onnx_file(smaller, pixels)
    assert len(result.data) < 0.8 * len(onnx_file.onnx_bytes(whole))
    ours = torch.from_numpy(onnx_file.run(onnx_file.open_session(result.data), pixels))
    torch.testing.assert_close(ours, whole(pixels), rtol=0, atol=1e-5)


def test_a_file_that_says_something_else_is_not_given_out(monkeypatch):
    model, other = (fresh(striped(), Recipe("mlp"), seed) for seed in (3, 4))
    wrong = onnx_file.onnx_bytes(other)
    monkeypatch.setattr(onnx_file, "onnx_bytes", lambda _model: wrong)
    with pytest.raises(BlindspotError, match="it would be another model"):
        onnx_file.onnx_file(model, images(model, 2))


def test_how_much_logits_may_differ_is_measured_by_the_largest(monkeypatch):
    model = fresh(striped(), Recipe("mlp"), 3)
    with torch.no_grad():
        model.network.head.weight.mul_(1e5)
    run = onnx_file.run
    monkeypatch.setattr(onnx_file, "run", lambda *given: run(*given) + 1e-2)
    assert onnx_file.onnx_file(model, images(model, 2)).difference < 1e-4


class Branching(nn.Module):
    def forward(self, pixels):
        return pixels.flatten(1)[:, :4] * (2 if pixels.sum() > 3 else 1)


def test_what_cannot_be_written_is_said_in_a_sentence(monkeypatch):
    model = tiny.classifier(Branching())
    with pytest.raises(BlindspotError, match="cannot be written as ONNX"):
        onnx_file.onnx_file(model, images(model, 2))
    model = fresh(striped(), Recipe("mlp"), 3)
    monkeypatch.setattr(onnx_file, "LARGEST", 10)
    with pytest.raises(BlindspotError, match="as ONNX at most"):
        onnx_file.onnx_file(model, images(model, 2))
    monkeypatch.setattr(onnx_file, "ONNX", Extra("no_such_module", extras.ONNX.package, ""))
    with pytest.raises(BlindspotError, match="pip install onnx onnxscript onnxruntime"):
        onnx_file.onnx_file(model, images(model, 2))


def test_two_files_are_never_written_at_the_same_time(monkeypatch):
    under_way, most = [], []

    def export(*_, **__):
        under_way.append(1)
        most.append(len(under_way))
        sleep(0.05)
        under_way.pop()
        return SimpleNamespace(model_proto=onnx.ModelProto())

    monkeypatch.setattr(torch.onnx, "export", export)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(onnx_file.onnx_bytes, [tiny.cnn() for _ in range(4)]))
    assert most == [1] * 4
