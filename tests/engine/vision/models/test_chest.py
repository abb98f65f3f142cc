"""torchxrayvision's chest X-ray models, by tiny random weights of the library's own class."""

import pickle

import numpy as np
import pytest
import torch

from engine.attribution import HEATMAPS
from engine.attribution.heatmaps.integrated_gradients import IntegratedGradients
from engine.attribution.heatmaps.occlusion import Occlusion
from engine.attribution.lima.method import LiMA
from engine.attribution.lst.method import LST
from engine.core.errors import BadModel, BlindspotError
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.trust.order import Order
from engine.vision.case import ImageCase, PairCase
from engine.vision.case.prediction import Prediction
from engine.vision.case.target import FindingTarget, Target
from engine.vision.images import Crop, Picture
from engine.vision.images.crop import square
from engine.vision.models import catalog, chest, hub
from engine.vision.models.extras import XRAY
from engine.vision.models.several import at_points
from tests import tiny
from tests.engine.vision.models.saved import FINDINGS, POINTS, tiny_dense_net

ALL = next(iter(chest.WEIGHTS.values()))
needs_library = pytest.mark.skipif(not XRAY.installed, reason="torchxrayvision is not installed")


@pytest.fixture(scope="module")
def network():
    return tiny_dense_net()


@pytest.fixture(scope="module")
def file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("chest") / ALL.file
    torch.save(network, path)
    return path


@pytest.fixture(scope="module")
def model(file):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chest, "dense_net", tiny_dense_net)
        return chest.chest_model(file, ALL, FINDINGS, POINTS)


@pytest.fixture(scope="module")
def xray():
    """A gray image at the models' size, as the case gives it."""
    shades = torch.randint(0, 256, (1, 224, 224), generator=tiny.seeded()) / 255
    return torch.nn.functional.avg_pool2d(shades, 9, 1, 4).clamp(0, 1).expand(3, -1, -1).clone()


@needs_library
@pytest.mark.parametrize("archive", [True, False])
def test_logits_and_calibrated_outputs_are_the_library_s_own(
    network, tmp_path, monkeypatch, xray, archive
):
    monkeypatch.setattr(chest, "dense_net", tiny_dense_net)
    path = tmp_path / ALL.file
    torch.save(network, path, _use_new_zipfile_serialization=archive)
    model = chest.chest_model(path, ALL, FINDINGS, POINTS)
    named = [row for row, label in enumerate(FINDINGS) if label]
    assert model.labels == ("Atelectasis", "Effusion", "Pleural Thickening", "Lung Opacity")
    import torchxrayvision as xrv

    values = xrv.datasets.normalize(np.uint8(np.rint(xray[0].numpy() * 255)), 255)[None, None]
    pixels = torch.from_numpy(np.rint(xray.numpy() * 255).astype(np.float32) / np.float32(255))
    with torch.no_grad():
        expected = network(torch.from_numpy(values))[:, named]
        network.op_threshs = torch.tensor(POINTS)
        calibrated = network(torch.from_numpy(values))[:, named]
        network.op_threshs = None
    logits = model.logits(pixels[None])
    assert expected.std() > 0.05
    assert torch.allclose(logits, expected, atol=1e-4)
    assert torch.allclose(model.probabilities(logits), calibrated, atol=1e-5)


@needs_library
def test_values_go_from_minus_1024_to_1024_to_the_bit(network, model, monkeypatch):
    import torchxrayvision as xrv

    shades = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = xrv.datasets.normalize(shades, 255)
    pixels = square(Picture(np.repeat(shades[..., None], 3, 2), (16, 16), (), ""), Crop(), 16)
    normalized = (torch.from_numpy(pixels)[None] - model.mean.cpu()) / model.std.cpu()
    assert (expected.min(), expected.max()) == (-1024, 1024)
    assert np.array_equal(chest.gray(normalized)[0, 0].numpy(), expected)


def test_colors_are_averaged_and_equal_channels_stay_to_the_bit():
    some = torch.rand(2, 3, 5, 5, generator=tiny.seeded()) * 2048 - 1024
    assert torch.allclose(chest.gray(some), some.mean(1, keepdim=True), atol=1e-3)
    assert torch.equal(chest.gray(some[:, :1].expand(-1, 3, -1, -1)), some[:, :1])


@needs_library
def test_maps_of_a_finding(model, xray):
    case = ImageCase(model, xray, Target(1))
    assert isinstance(case.target, FindingTarget)
    cam = GradCam()(case)["map"].values
    assert np.isfinite(cam).all()
    assert cam.max() > 0
    hidden = Occlusion(side=56, overlap=0.0)(case)["map"].values
    covered = xray.clone()
    covered[:, :56, :56] = 0.5  # the model's zero
    fall = case.score(xray[None]) - case.score(covered[None])
    assert hidden[10, 10] == pytest.approx(float(fall), abs=1e-4)
    total, difference = IntegratedGradients(steps=64)(case)["completeness"].values[:2]
    assert total == pytest.approx(difference, rel=0.1)
    assert abs(difference) > 0.01


@needs_library
def test_a_probability_is_read_at_the_finding_s_own_point(model, xray):
    logits = model.logits(xray[None])
    classes = Prediction()(ImageCase(model, xray, Target(0)))["classes"]
    assert classes.values == pytest.approx(at_points(logits, model.points)[0].numpy(), abs=1e-6)
    case = ImageCase(model, xray, Target(2, reading="probability"))
    assert case.score(xray[None]).item() == pytest.approx(float(classes.values[2]), abs=1e-5)
    pair = ImageCase(model, xray, Target(2, versus=0, reading="probability"))
    difference = float(classes.values[2] - classes.values[0])
    assert pair.score(xray[None]).item() == pytest.approx(difference, abs=1e-5)
    with pytest.raises(BlindspotError, match="several findings at once, so none is a rival"):
        ImageCase(model, xray, Target(0, reading="margin"))
    probability, _ = Order().sure(case)
    assert probability == pytest.approx(float(classes.values[2]), abs=1e-5)


def test_points_become_one_half_and_half_changes_nothing():
    logits = torch.tensor([[-3.0, -0.5, 0.0, 2.0]]).T
    assert torch.allclose(at_points(logits, [0.5]), logits.sigmoid())
    points = [0.03]
    assert at_points(torch.tensor([[0.03]]).logit(), points).item() == pytest.approx(0.5)
    low, high = at_points(torch.tensor([[0.015], [0.515]]).logit(), points).flatten().tolist()
    assert (low, high) == (pytest.approx(0.25), pytest.approx(0.75))


@needs_library
def test_what_needs_one_answer_of_many_says_why_not(model, xray):
    case = ImageCase(model, xray, Target(0))
    assert "says several findings at once" in model.lacks("one of many")
    assert "says several findings at once" in LST.unmet(PairCase(case, (xray / 2,)))
    assert "says several findings at once" in LiMA.unmet(case)
    maps = {GradCam, Occlusion, IntegratedGradients}
    assert maps <= {kind for kind in HEATMAPS if not kind.unmet(case)}


@needs_library
def test_the_points_are_part_of_what_a_model_is(file, model, monkeypatch):
    monkeypatch.setattr(chest, "dense_net", tiny_dense_net)
    other = chest.chest_model(file, ALL, FINDINGS, (0.2, *POINTS[1:]))
    assert other.fingerprint != model.fingerprint


@needs_library
def test_the_library_s_files_are_called_as_here():
    for weights in chest.WEIGHTS.values():
        about = chest.library().models.model_urls[weights.key]
        assert about["weights_url"].endswith(f"/{weights.file}")
        assert about["input_resolution"] == chest.SIDE
        named = [bool(label) for label in about["labels"]]
        assert named == [np.isfinite(point) for point in about["op_threshs"]]


@needs_library
def test_a_file_in_blindspot_s_folder_is_chosen_by_name(network, monkeypatch, xray, empty_home):
    monkeypatch.setattr(chest, "dense_net", tiny_dense_net)
    monkeypatch.setattr(chest, "library", tiny_library)
    (empty_home / "torchxrayvision").mkdir()
    torch.save(network, empty_home / "torchxrayvision" / ALL.file)
    entry = next(entry for entry in catalog.entries() if entry.name == ALL.name)
    assert entry.available
    assert entry.reason == "weights are here"
    assert catalog.have(ALL.name).labels[1] == "Effusion"


def tiny_library():
    from types import SimpleNamespace

    about = {"labels": FINDINGS, "op_threshs": POINTS}
    return SimpleNamespace(models=SimpleNamespace(model_urls={ALL.key: about}))


@needs_library
def test_weights_of_another_network_are_refused(tmp_path, monkeypatch):
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 2)), tmp_path / ALL.file)
    with pytest.raises(BadModel, match="does not fit Chest X-rays"):
        chest.chest_model(tmp_path / ALL.file, ALL, FINDINGS, POINTS)


class Hostile:
    """What a file could hold: its code would run as it is read."""

    def __reduce__(self):
        return (pytest.fail, ("code of a file was run",))


@needs_library
@pytest.mark.parametrize("archive", [True, False])
def test_no_code_of_a_file_is_run(network, tmp_path, monkeypatch, archive):
    monkeypatch.setattr(chest, "dense_net", tiny_dense_net)
    twin = tiny_dense_net()
    twin.pathologies = [Hostile(), np.array(list(FINDINGS))]  # as the library's files have it
    twin.register_forward_pre_hook(print)
    torch.save(twin, tmp_path / ALL.file, _use_new_zipfile_serialization=archive)
    model = chest.chest_model(tmp_path / ALL.file, ALL, FINDINGS, POINTS)
    assert torch.equal(model.network.features.conv0.weight, twin.features.conv0.weight)
    with pytest.raises(BadModel, match="damaged, or another kind of file"):
        chest.read_network(pickle.dumps(Hostile()), "odd.pt")


def test_without_the_library_the_command_is_said_and_so_is_an_unknown_name(monkeypatch):
    monkeypatch.setattr("engine.vision.models.extras.find_spec", lambda _: None)
    (line,) = catalog.chests()
    assert (line.available, line.reason) == (False, "pip install torchxrayvision")
    assert line.title == "Chest X-rays (torchxrayvision)"
    with pytest.raises(BadModel, match="needs torchxrayvision: pip install torchxrayvision"):
        catalog.have(ALL.name)
    with pytest.raises(BadModel, match="no chest X-ray model 'torchxrayvision:odd'"):
        catalog.have("torchxrayvision:odd")


def test_offline_the_file_to_bring_is_named(monkeypatch, empty_home):
    monkeypatch.setenv("HOME", str(empty_home))
    monkeypatch.setattr("engine.vision.models.extras.find_spec", lambda _: True)
    monkeypatch.setattr(hub, "_hosts_seen", {})
    monkeypatch.setattr(hub, "connects", lambda _: False)
    assert all(entry.available for entry in catalog.chests())  # nobody has looked yet
    with pytest.raises(BadModel, match=f"Put {ALL.file} into Blindspot's folder torchxrayvision"):
        catalog.have(ALL.name)
    reason = "its weights are on github.com, which cannot be reached"
    assert {(entry.available, entry.reason) for entry in catalog.chests()} == {(False, reason)}
