"""The multi-label network: what its loss is, how good it is, and what images the study takes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from engine.attribution.study import SOURCES, images, study_case, things
from engine.attribution.study.images import (
    LARGE,
    LIGHT,
    OWN_MODEL,
    OWN_PHANTOMS,
    STAY,
    sample_images,
)
from engine.core.errors import BlindspotError
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.gradient import Gradient
from engine.evaluation.measures.localization import located
from engine.vision import data as data_sets
from engine.vision.data.phantoms import SLICES, Phantoms
from engine.vision.data.phantoms import SPLIT as PATIENTS
from engine.vision.data.scenes import SPLIT, Scenes
from engine.vision.data.sprites import CATEGORIES
from engine.vision.models.embedded import file_of, load, plan
from engine.vision.models.rebuild import card_at
from engine.vision.training import Recipe, fresh, outputs, train
from tests import tiny

CARD = card_at(file_of(things.NAME))
FEW = replace(things.RECIPE, epochs=1)
FEW_SCENES = Scenes(count=60, kind="broken", clean=True)
HALF = len(CATEGORIES) // 2


def test_the_shipped_network_is_of_its_recipe_and_finds_things_as_well_as_its_card_says():
    model, clear = things.load(), data_sets.load(things.SCENES.name)
    rows = clear.rows("test")
    predicted = outputs(model, clear, rows).numpy() > 0
    present = clear.truth["present"][rows]
    f1 = 2 * (predicted & present).sum() / (predicted.sum() + present.sum())
    assert f1 >= 0.98
    assert f1 == pytest.approx(CARD.figures["micro-F1, clear things"], abs=0.005)
    assert model.labels == CATEGORIES
    assert CARD.recipe == things.RECIPE.as_dict()
    assert CARD.data == things.SCENES.name
    assert CARD.fingerprint == things.load().fingerprint
    assert file_of(things.NAME).stat().st_size < 1e6
    faint = CARD.figures["recall at opacity 0.09"]
    assert faint <= CARD.figures["recall at opacity 0.25"] < CARD.figures["recall at opacity 1"]
    predicted = np.array([[1, 1, 0], [0, 0, 0]], bool)
    present = np.array([[1, 0, 1], [0, 0, 0]], bool)
    assert things.micro_f1(predicted, present) == pytest.approx(0.5)
    assert things.micro_f1(~predicted & False, present & False) == 1


def test_its_last_maps_are_fine_enough_for_grad_cam_to_point_at_things():
    case = study_case("scenes", count=12, seed=5, methods=(GradCam(),))
    hits = [
        located(GradCam()(case.question(image, label))["map"].values, mask).hit
        for image in case.images
        for label, mask in zip(image.labels, image.masks, strict=True)
    ]
    assert len(hits) > 24
    assert np.mean(hits) > 0.8


def test_it_is_trained_on_the_plain_binary_cross_entropy_in_which_no_single_label_has_a_part():
    """The file that ships was made so: the gradient of one mean over all things of all scenes."""

    def plainly(model, batch):
        present = torch.from_numpy(scenes.truth["present"][batch.rows].astype(np.float32))
        return F.binary_cross_entropy_with_logits(model(batch.pixels), present)

    def learned(**changes):
        return things.train_network(FEW, scenes=replace(scenes, **changes)).fingerprint

    scenes = things.with_class_names(FEW_SCENES.make())
    model = fresh(scenes, FEW, things.SEED)
    train(model, scenes, FEW, things.SEED, objective=plainly)
    assert learned() == learned(labels=(scenes.labels + 1) % 4) == model.fingerprint
    truth = dict(scenes.truth) | {"present": ~scenes.truth["present"]}
    assert learned(truth=truth) != model.fingerprint


def test_it_is_made_again_by_its_name(tmp_path, monkeypatch, capsys):
    from engine.commands.cli import main

    plain = things.figures
    monkeypatch.setattr(things, "RECIPE", Recipe(architecture="phantom_cnn", epochs=1))
    monkeypatch.setattr(things, "SCENES", FEW_SCENES)
    monkeypatch.setattr(things, "FAINT", Scenes(count=20, kind="broken", seed=1))
    monkeypatch.setattr(things.train_network, "__defaults__", (things.RECIPE, things.SEED))
    out, measured = tmp_path / "not" / "there yet", []
    monkeypatch.setattr(things, "figures", lambda model: measured.append(model) or plain(model))
    assert main(["weights", things.NAME, "--out", str(out)]) == 0
    card, name = card_at(file_of(things.NAME, out)), "micro-F1, clear things"
    assert f"{name}: {card.figures[name]:.4f}" in capsys.readouterr().out
    assert things.retrain(out) == card  # again, over what is there
    for tensor in measured[0].network.state_dict().values():  # of what 16 bits hold of them
        assert not tensor.is_floating_point() or torch.equal(tensor, tensor.half().float())


@pytest.mark.parametrize("source", SOURCES)
def test_images_are_of_the_test_split_and_labels_are_there_and_found(source):
    case = study_case(source, count=4, seed=3)
    for image in case.images:
        logit = case.model.logits(image.image[None])[0]
        if source == "scenes":
            scene = things.SCENES.scene(image.id)
            assert SPLIT[image.id % len(SPLIT)] == 2
            assert len(image.labels) >= 2
            assert image.rival is None
            named = {scene_object.category for scene_object in scene.things}
            for label, mask in zip(image.labels, image.masks, strict=True):
                assert logit[label] > 0
                assert CATEGORIES[label] in named
                assert np.array_equal(mask, scene.mask(CATEGORIES[label]))
        else:
            phantom = Phantoms().slice(image.id)
            assert PATIENTS[image.id // SLICES % len(PATIENTS)] == 2
            assert image.labels == (phantom.kind,) == (int(logit.argmax()),)
            assert image.rival == int(logit.argsort(descending=True)[1])
            assert np.array_equal(image.masks[0], phantom.mask)
        assert all(mask.any() for mask in image.masks)


def test_large_lesions_are_those_of_the_data_set_that_the_network_with_its_own_map_learned(
    monkeypatch,
):
    words = f"{LARGE.name}+classes:count={STAY}+{LIGHT.name}"
    assert words == plan(OWN_MODEL).data == study_case(OWN_PHANTOMS, count=1).data
    monkeypatch.setattr("engine.attribution.study.images.LARGE", replace(LARGE, count=80))
    data, model = data_sets.load(words.replace("count=1500", "count=80")), load(OWN_MODEL)
    for question in sample_images(OWN_PHANTOMS, 4, 3, model):
        (row,) = data.places(np.array([question.id]))
        assert data.split[row] == 2
        assert torch.equal(data.pixels(np.array([row]))[0], question.image)
        (label,) = question.labels
        assert label == data.labels[row] == int(model.logits(question.image[None]).argmax())
        assert question.rival not in (None, label)
        assert np.array_equal(question.masks[0], data.truth["mask"][row])
        assert question.masks.any()
    with pytest.raises(BlindspotError, match="images of the kind own"):
        sample_images(OWN_PHANTOMS, 40, 3, model)


class Halves(nn.Module):
    """Says the first half of its classes of every image, the third most; at the last it is torn."""

    def __init__(self, classes):
        super().__init__()
        self.logits = nn.Parameter(torch.where(torch.arange(classes) < classes // 2, 1.0, -1.0))
        self.logits.data[2 % classes] = 2.0
        self.logits.data[-1] = 0.0  # a probability of one half, which is not yet a finding

    def forward(self, images):
        return self.logits.expand(len(images), -1) + 0 * images.mean((1, 2, 3))[:, None]


def test_figures_of_a_network_that_says_half_of_the_things_of_every_scene(monkeypatch):
    monkeypatch.setattr(things, "SCENES", FEW_SCENES)
    monkeypatch.setattr(things, "FAINT", Scenes(count=60, kind="broken", seed=1))
    clear, mixed = (data_sets.load(scenes.name) for scenes in (things.SCENES, things.FAINT))
    expected = {}
    for kind, present in (
        ("clear things", clear.truth["present"][clear.rows("test")]),
        ("opacities mixed", mixed.truth["present"]),
    ):
        f1 = 2 * present[:, :HALF].sum() / (HALF * len(present) + present.sum())
        expected[f"micro-F1, {kind}"] = round(f1, 4)
    for level in (1, 0.25, 0.09):
        at_level = mixed.truth["present"] & np.isclose(mixed.truth["opacity"], level)
        recall = at_level[:, :HALF].sum() / at_level.sum()
        expected[f"recall at opacity {level}"] = round(recall, 4)
    assert things.figures(tiny.classifier(Halves(len(CATEGORIES)), 64, "halves")) == expected


def test_errors_are_missed_or_made_up_and_asked_beside_what_the_model_says(monkeypatch):
    model = tiny.classifier(Halves(len(CATEGORIES)), 64, "halves")
    for source in ("scenes", "scenes-missed", "scenes-made-up"):
        for image in study_case(source, count=3, methods=(Gradient(),), model=model).images:
            scene = things.SCENES.scene(image.id)
            present = {CATEGORIES.index(scene_object.category) for scene_object in scene.things}
            if source != "scenes-made-up":
                missed = source == "scenes-missed"
                assert {*image.labels} == {label for label in present if (label >= HALF) == missed}
                for label, mask in zip(image.labels, image.masks, strict=True):
                    assert np.array_equal(mask, scene.mask(CATEGORIES[label]))
            else:
                assert set(image.labels) == set(range(HALF)) - present
                every = np.any([scene.mask(CATEGORIES[label]) for label in present], 0)
                assert all(np.array_equal(mask, every) for mask in image.masks)
            assert image.rival is None
    monkeypatch.setattr(images, "every_error", lambda _source: tuple(range(20)))
    some = images.shipped_images.__wrapped__("phantoms-missed", 5, 3)
    assert some == (*np.random.default_rng([3, 9]).permutation(20)[:5],)
    model = tiny.classifier(Halves(4), Phantoms().side, "halves")
    case = study_case("phantoms-missed", count=3, methods=(Gradient(),), model=model)
    for image in case.images:
        phantom = Phantoms().slice(image.id)
        assert image.labels == (phantom.kind,) != (2,)
        assert image.rival == 2
        assert np.array_equal(image.masks[0], phantom.mask)


def test_the_seed_takes_the_scenes_of_the_data_set_and_more_than_there_are_is_said(monkeypatch):
    data = data_sets.load(things.SCENES.name)
    image = study_case(count=2).images[1]
    assert np.array_equal(data.pixels(data.places(np.array([image.id])))[0], image.image)
    first, again, other = (study_case(count=3, seed=seed) for seed in (0, 0, 1))
    assert first.fingerprint == again.fingerprint
    assert {image.id for image in first.images} != {image.id for image in other.images}
    monkeypatch.setattr(things, "SCENES", FEW_SCENES)
    with pytest.raises(BlindspotError, match=r"only .* images of the kind scenes"):
        sample_images("scenes", 100_000, 0, things.load())
    with pytest.raises(BlindspotError, match="one of scenes, phantoms, own, scenes-missed"):
        study_case("x-rays")
