"""A foreign ONNX file answers as its model does and cannot reach beyond its process."""

import io
import os
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from engine.core.errors import BadModel, DoesNotFit
from engine.core.run import answer
from engine.unlearning import Confidence, GivenCase, Judged, Relearn, StillThere
from engine.unlearning.ways.retrain import Retrain
from engine.vision.images.wire import receive, send
from engine.vision.models import catalog, onnx_network, onnx_process
from engine.vision.models.classifier import Classifier
from engine.vision.models.onnx_file import onnx_bytes
from engine.vision.models.onnx_network import OnnxNetwork
from engine.vision.models.onnx_process import OnnxModel, metadata
from engine.vision.models.rebuild import rebuilt
from tests import tiny
from tests.engine.unlearning.trained import BRIEF, class_case

FLOAT = TensorProto.FLOAT


def graph(nodes, shape=("n", 3, 8, 8), constants=(), output=("n", 4), kind=FLOAT):
    """An ONNX file of these operations from `x` to `y`."""
    x, y = (("x", kind, shape), ("y", FLOAT, output))
    ends = ([helper.make_tensor_value_info(*end)] for end in (x, y))
    whole, opset = helper.make_graph(nodes, "g", *ends, constants), helper.make_opsetid("", 17)
    return helper.make_model(whole, opset_imports=[opset], ir_version=9).SerializeToString()


def constant(name, values):
    return numpy_helper.from_array(np.asarray(values), name)


def linear_nodes():
    flat = helper.make_node("Flatten", ["x"], ["f"])
    return [flat, helper.make_node("MatMul", ["f", "w"], ["y"])]


def chain(count):
    names = ["x", *(f"x{number}" for number in range(count))]
    return [helper.make_node("Identity", [a], [b]) for a, b in pairwise(names)]


def from_whole_numbers():
    cast = helper.make_node("Cast", ["x"], ["c"], to=FLOAT)
    return [cast, helper.make_node("Flatten", ["c"], ["y"])]


def weights(rows=192):
    return np.random.default_rng(0).normal(size=(rows, 4)).astype(np.float32)


@pytest.mark.parametrize(("batch", "channels"), [("n", 3), (1, 3), (3, 1)])
def test_logits_are_those_of_the_graph_whatever_batch_it_was_saved_for(batch, channels):
    matrix = weights(64 * channels)
    content = graph(linear_nodes(), (batch, channels, 8, 8), [constant("w", matrix)], (batch, 4))
    network = OnnxNetwork(content, "a.onnx")
    assert (network.input_channels, network.fixed_side) == (channels, 8)
    images = torch.rand(5, 3, 8, 8, generator=tiny.seeded(1))
    inputs = images.mean(1, keepdim=True) if channels == 1 else images
    expected = inputs.flatten(1) @ torch.from_numpy(matrix)
    torch.testing.assert_close(network(images), expected, rtol=1e-5, atol=1e-5)


LINEAR = graph(linear_nodes(), constants=[constant("w", weights())])


def elsewhere(tensor, place):
    """The tensor, whose numbers are said to lie in another file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    return tensor


def outside():
    tensor = elsewhere(constant("w", weights()), "/etc/passwd")
    return graph(linear_nodes(), constants=[tensor])


def outside_below():
    """The foreign file is named inside a branch of a condition."""
    tensor = elsewhere(constant("k", np.zeros(4, np.float32)), "../secret")
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["b"], value=tensor)],
        "branch",
        [],
        [helper.make_tensor_value_info("b", FLOAT, (4,))],
    )
    node = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    return graph([node], constants=[constant("c", np.array(True))])


def giant():
    shape = constant("s", np.array([400_000, 100_000]))
    return graph(
        [
            helper.make_node("ConstantOfShape", ["s"], ["big"]),
            helper.make_node("ReduceSum", ["big"], ["one"], keepdims=1),
            *linear_nodes()[:1],
            helper.make_node("MatMul", ["f", "w"], ["z"]),
            helper.make_node("Add", ["z", "one"], ["y"]),
        ],
        constants=[shape, constant("w", weights())],
    )


BAD = {
    "no file": (b"\x08\x09garbage" * 40, "no ONNX file"),
    "empty": (b"", "no ONNX file"),
    "weights elsewhere": (outside(), "in another file"),
    "weights elsewhere in a branch": (outside_below(), "in another file"),
    "not square": (graph(linear_nodes(), (1, 3, 8, 4), [constant("w", weights(96))]), "square"),
    "not images": (graph(linear_nodes(), (1, 192), [constant("w", weights())]), "one batch of"),
    "whole numbers": (graph(from_whole_numbers(), kind=TensorProto.INT64), "float32"),
    "many operations": (graph(chain(20_001)), "operations"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_file_that_is_no_classifier_is_refused_in_words(kind):
    """In this process, where each takes no second; one is sent to a process below."""
    content, words = BAD[kind]
    with pytest.raises(BadModel, match=words) as refusal:
        OnnxModel(content)
    assert "/etc" not in str(refusal.value)


def test_a_system_without_limits_says_so_instead_of_running_a_file(monkeypatch):
    monkeypatch.setattr(onnx_network, "can_limit", lambda: False)
    with pytest.raises(BadModel, match=r"this system cannot set them: open it on Linux .*\.$"):
        OnnxNetwork(LINEAR, "a.onnx")


@pytest.mark.skipif(not onnx_process.can_limit(), reason="this system cannot set limits")
def test_the_process_limits_itself_by_its_file_and_by_each_batch(monkeypatch, tmp_path):
    import resource

    limits, requests, replies = [], io.BytesIO(), io.BytesIO()
    (tmp_path / "statm").write_text("1000 200 30")  # pages
    monkeypatch.setattr(onnx_process, "USED", tmp_path / "statm")
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limit: limits.append((kind, limit[0])))
    monkeypatch.setattr(resource, "getrusage", lambda _: (1.25, 2.5, 90))
    images = np.random.default_rng(1).random((3, 3, 8, 8), np.float32)
    for array in (np.frombuffer(LINEAR, np.uint8), images):
        send(requests, {}, [array])
    requests.seek(0)
    onnx_process.serve(requests, replies)
    replies.seek(0)
    assert receive(replies)[0] == {"channels": 3, "side": 8}
    (logits,) = receive(replies)[1]
    np.testing.assert_allclose(logits, images.reshape(3, -1) @ weights(), rtol=1e-4, atol=1e-5)
    room = 1000 * resource.getpagesize() + onnx_process.MEMORY + 3 * len(LINEAR)
    seconds = [(resource.RLIMIT_CPU, second) for second in (4 + 30 + 1, 4 + 20 + 3 * 2 + 1)]
    assert limits == [(resource.RLIMIT_AS, room), *seconds]


def test_windows_which_has_no_resource_module_can_import_what_reads_onnx():
    program = (
        "import sys; sys.modules['resource'] = None\n"
        "from engine.vision.models import beyond_timm, onnx_process\n"
        "print(onnx_process.can_limit())"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=onnx_network.ROOT, capture_output=True, check=True)
    assert done.stdout.strip() == b"False"


def test_a_refusal_reaches_the_person_as_one_sentence():
    words = r"^mine.onnx keeps its weights in another file: .*inside\.$"
    with pytest.raises(BadModel, match=words):
        OnnxNetwork(outside_below(), "mine.onnx")


@pytest.mark.parametrize(
    "content",
    [giant(), graph([helper.make_node("Identity", ["x"], ["y"])])],
    ids=["memory", "maps for answers"],
)
def test_a_graph_that_asks_for_too_much_ends_in_a_sentence(content):
    with pytest.raises(BadModel, match=r"^mine.onnx .*\.$"):
        OnnxNetwork(content, "mine.onnx")(torch.zeros(2, 3, 8, 8))


def test_a_process_that_died_is_started_anew_and_a_copy_shares_it():
    network = OnnxNetwork(LINEAR, "a.onnx")
    model = Classifier(network, "a", "A", 8)
    images = torch.rand(2, 3, 8, 8, generator=tiny.seeded(1))
    before = model.logits(images)
    os.kill(network.run._process.pid, signal.SIGKILL)
    network.run._process.wait()
    twin = model.twin()
    torch.testing.assert_close(twin.logits(images), before)
    assert twin.fingerprint == model.fingerprint
    assert twin.network.run is network.run


def test_the_process_ends_with_the_network():
    network = OnnxNetwork(LINEAR, "a.onnx")
    process = network.run._process
    del network
    assert process.wait(10) is not None


def test_a_model_written_here_is_judged_as_the_model_itself(tmp_path):
    """Every figure of answers is the same; what needs the inside is refused in words."""
    case = class_case(recipe=BRIEF)
    retrained = rebuilt(answer(Retrain(), case)["model"], "file:x")
    theirs = GivenCase(case, case.model, retrained)
    files = [onnx_bytes(model) for model in (case.model, retrained)]
    named = case.model.side, {"labels": case.model.labels}
    original, unlearned, again = (
        Classifier(OnnxNetwork(files[at], "m.onnx"), f"file:{n}", "ONNX", named[0], **named[1])
        for n, at in enumerate((0, 0, 1))
    )
    ours = GivenCase(replace(case, model=original), unlearned, again)
    figures, expected = (answer(Judged(), question)["figures"] for question in (ours, theirs))
    for name in ("UA", "RA", "TA", "MIA", "gap"):
        for row in expected.rows:
            assert figures.cell(row, name) == pytest.approx(expected.cell(row, name), abs=0.005)
    assert np.isnan(figures.cell("unlearned", "from original"))
    assert answer(Confidence(), ours)
    for kind in (Relearn, StillThere):
        with pytest.raises(DoesNotFit, match="only gives answers"):
            answer(kind(), ours)


def test_what_needs_gradients_says_so_for_an_image():
    model = catalog.load("digits-cnn")
    content = onnx_bytes(model)
    opened = Classifier(OnnxNetwork(content, "m.onnx"), "file:1", "ONNX", model.side)
    for need in ("gradient", "head", "map", "attention", "rescale", "rectifier"):
        assert "only gives answers" in opened.lacks(need)
    assert model.lacks("gradient") == ""
    inside = OnnxModel(content)
    own = '["a"]'.ljust(2**20 - 1)
    others = ("labels", f"{own} "), ("other", own), ("labels", '["a", 1]'), ("labels", '"a"')
    for row in (("labels", own), *others):
        props = [SimpleNamespace(key=row[0], value=row[1])]
        expected = {} if row in others else {"labels": ["a"]}
        assert metadata(SimpleNamespace(metadata_props=props)) == expected
    assert inside.about == {"channels": 3, "side": model.side, "labels": [*model.labels]}
    options = inside.session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
