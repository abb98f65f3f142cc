"""The in-distribution check, on the images and the models that the page opens with."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.anomaly import KNN, FamiliarCase, Mahalanobis, ViM
from engine.anomaly.protocol import in_distribution as check
from engine.anomaly.protocol.in_distribution import ALPHA, in_distribution
from engine.anomaly.protocol.pixel_bank import BankCase, PixelBank, averaged_rows, bank_of
from engine.evaluation.detection.photographs import ODD
from engine.evaluation.detection.rows import split
from engine.evaluation.detection.sources import training_data_name
from engine.vision.case import model_input
from engine.vision.data import load as data_set
from engine.vision.data.example import Example
from engine.vision.images import Crop, Picture, Scan, load
from engine.vision.images.samples import SAMPLES, sample
from engine.vision.models import catalog
from tests.in_memory import png
from tests.scans import dicom, ramp

MAKES_PHANTOMS = pytest.param("phantom-cnn", marks=pytest.mark.slow)  # all 2,000 of them
PHOTOGRAPHS = [photograph.name for photograph in SAMPLES if photograph.name not in ODD]


def checked(model, picture, source=""):
    net = catalog.load(model)
    return in_distribution(net, model_input(picture, Crop(), net), picture, source)


def uploaded(picture):
    """The same pixels, through a file, so that nothing is known of where they came from."""
    result = load(png(picture.pixels), "mine.png")
    assert isinstance(result, Picture)
    return result


def row_of(data, place=0):
    result = data_set(data)
    return Example(result, int(result.rows("test")[place]))


def drawn_chest():
    """Lungs, ribs and a heart in gray, drawn with a little noise as an X-ray has."""
    y, x = np.mgrid[0:300, 0:300] / 300
    gray = np.full(x.shape, 30.0)
    gray[((x - 0.5) / 0.42) ** 2 + ((y - 0.55) / 0.45) ** 2 < 1] = 150
    for middle in (0.33, 0.67):
        gray[((x - middle) / 0.13) ** 2 + ((y - 0.5) / 0.28) ** 2 < 1] = 40
    gray[((x - 0.55) / 0.12) ** 2 + ((y - 0.65) / 0.1) ** 2 < 1] = 190
    gray += np.random.default_rng(0).normal(0, 6, gray.shape)
    pixels = np.repeat(np.clip(gray, 0, 255).astype(np.uint8)[..., None], 3, 2)
    return uploaded(Picture(pixels, (300, 300), (), "chest"))


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_shipped_photograph_is_not_foreign_to_a_model_of_photographs(name):
    result = checked("lite0", sample(name), name)
    assert not result.foreign
    assert "was not measured" in result.sentence
    if name != "camera":  # which has no color
        assert not checked("lite0", uploaded(sample(name))).foreign


def test_a_phantom_is_foreign_to_a_model_of_photographs_by_name_and_by_its_pixels():
    example = Example(data_set("phantoms:count=40"), 0)
    assert "Nothing like" in checked("lite0", example.picture(), example.name).sentence
    result = checked("lite0", uploaded(example.picture()))
    assert result.foreign
    assert "no color" in result.sentence


def test_a_scan_a_drawn_chest_and_an_even_drawing_are_foreign_to_a_model_of_photographs():
    scan = load(dicom(ramp()), "slice.dcm")
    assert isinstance(scan, Scan)
    assert "Nothing like a scan" in checked("lite0", scan.picture()).sentence
    assert checked("lite0", drawn_chest()).foreign
    pixels = np.full((120, 120, 3), (250, 240, 90), np.uint8)
    pixels[30:90, 30:90] = (20, 60, 200)
    result = checked("lite0", uploaded(Picture(pixels, (120, 120), (), "square")))
    assert "even" in result.sentence
    assert result.foreign


@pytest.mark.parametrize("name", ODD)
def test_a_picture_from_a_microscope_or_an_eye_is_foreign_to_a_model_of_photographs(name):
    assert checked("lite0", sample(name), name).foreign


@pytest.mark.parametrize("model", ["digits-mlp", "digits-cnn", MAKES_PHANTOMS])
@pytest.mark.parametrize("picture", ["chelsea", "camera"])
def test_a_photograph_is_foreign_to_a_model_of_digits_or_phantoms_by_its_p_value(model, picture):
    result = checked(model, sample(picture), picture)
    assert result.foreign
    assert result.p <= ALPHA


@pytest.mark.parametrize("model", ["digits-cnn", "mnist-cnn", MAKES_PHANTOMS])
def test_test_images_of_its_own_data_are_not_foreign(model):
    data = training_data_name(catalog.load(model))
    rows = [row_of(data, place) for place in range(0, 200, 40)]
    results = [checked(model, test_image.picture(), test_image.name) for test_image in rows]
    assert not any(result.foreign for result in results)
    assert all(result.p > ALPHA for result in results)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["digits-mlp", "digits-cnn", "mnist-cnn"])
def test_pixels_show_what_the_last_layer_does_not(model, measure):
    net = catalog.load(model)
    image = model_input(sample("chelsea"), Crop(), net)
    case = FamiliarCase(net, image, data_set(training_data_name(net)))
    values = {kind.title: float(kind()(case)["p"].values[0]) for kind in (KNN, ViM, Mahalanobis)}
    pixels = checked(model, sample("chelsea"), "chelsea").p
    summary = ", ".join(f"{name} {value:.3f}" for name, value in values.items())
    measure(
        f"anomaly: p-value of a photograph of a cat on {model}", f"{summary}, pixels {pixels:.3f}"
    )
    assert pixels <= ALPHA


def test_the_p_value_is_that_of_a_plain_search_in_pixels():
    data, test_image = data_set("digits"), row_of("digits", 7)
    picture = test_image.picture()
    net = catalog.load("digits-cnn")
    bank = bank_of(data, net.side)
    query = averaged_rows(model_input(picture, Crop(), net)[None])
    far = np.sort(np.linalg.norm(bank.fit - query, axis=1))[9]
    assert {"data": "digits", "side": 8}.items() <= BankCase("digits", 8).facts().items()
    assert bank.nbytes == 8 * (len(bank.fit) * 3 * 64 + len(bank.scores))
    expected = (1 + (bank.scores >= far - 1e-9).sum()) / (len(bank.scores) + 1)
    assert checked("digits-cnn", picture, test_image.name).p == pytest.approx(expected)


@pytest.mark.parametrize("each", [1, 2])
@pytest.mark.parametrize(
    ("count", "above", "kind", "words"),
    [
        (48, 0, "unmeasured", "Only 48 independent images of Digits"),
        (49, 0, "unusual", "(p = 0.02 among 49 held-out "),
        (49, 1, "usual", "(p = 0.04 among 49 held-out "),
    ],
)
def test_a_verdict_needs_49_images_or_groups_and_a_p_of_2_hundredths(
    count, above, kind, words, each
):
    """The image is √192 from the tenth of the images; held-out ones are nearer, but for `above`."""
    fit = np.repeat([[0.0], [2], [9]], [9, 1, 2], 0).repeat(192, 1)
    scores = np.where(np.arange(count) < above, 14.0, 13.8).repeat(each)
    groups = np.arange(count).repeat(2) if each == 2 else None
    bank = PixelBank(fit, scores, groups)
    result = check.image_p_value(bank, "digits", torch.ones(3, 8, 8), "")
    assert result.kind == kind
    assert words in result.sentence
    assert ("held-out groups" in result.sentence) == (each == 2 and count == 49)


def test_color_and_evenness_are_counted_pixel_by_pixel():
    for colored, difference, gray in ((1, 9, True), (2, 9, False), (100, 8, True)):
        image = torch.zeros(3, 10, 10)
        image[1].view(-1)[:colored] = difference / 255
        assert check.colorless(image) == gray
        # of a whole picture one pixel in nine is looked at
        pixels = np.random.default_rng(0).integers(0, 255, (28, 28, 3), np.uint8)
        pixels[::3, ::3] = np.rint(255 * image.numpy().transpose(1, 2, 0))
        assert check.is_gray(Picture(pixels, (28, 28), (), "")) == gray
    image = torch.tensor([[10.0, 10.3, 20], [9.8, 10, 20], [30, 30, 30]]).repeat(3, 1, 1) / 255
    for turned in (image, image.flip(0), image.transpose(1, 2)):
        assert check.evenness(turned) == 1 / 4  # one of four equals both its neighbors, in 8 bits
    levels = np.random.default_rng(0).integers(0, 2, (5, 6))
    even = [
        levels[y, x] == levels[y, x + 1] == levels[y + 1, x] for y in range(4) for x in range(5)
    ]
    some = torch.from_numpy(levels / 255.0).expand(3, -1, -1)
    assert check.evenness(some) == pytest.approx(np.mean(even))
    image[2, 1, 0] = 1  # in another channel it does not
    assert check.evenness(image) == 0


def test_a_chest_x_ray_is_gray_of_no_other_source_and_no_slice_of_a_ct():
    gray, ct = torch.zeros(3, 8, 8), SimpleNamespace(behind=SimpleNamespace(unit="HU"))
    colored, plain = gray + torch.tensor([0, 0, 0.1])[:, None, None], SimpleNamespace(behind=None)
    cases = ((gray, plain, ""), (colored, plain, ""), (gray, ct, ""), (gray, plain, "digits/3"))
    sentences = [check.among_xrays(*each).sentence for each in cases]
    words = ("speaks against", "has color", "slice of a CT", "Nothing like Digits")
    assert [[word in each for word in words] for each in sentences] == np.eye(4).tolist()


def test_a_patient_is_not_compared_with_itself():
    data = replace(data_set("digits").take(np.arange(120)), truth={"group": np.arange(120) // 4})
    bank = bank_of(data, 8)
    group = int(data.truth["group"][split(data)[1][0]])
    assert (bank.groups == group).any()
    assert not (bank.ruler(group).groups == group).any()


def test_of_weights_of_one_s_own_it_is_not_known_what_they_learned_from():
    net = catalog.load("lite0").twin()
    net.name = "file:123456"
    picture = sample("chelsea")
    result = in_distribution(net, model_input(picture, Crop(), net), picture, "")
    assert not result.foreign
    assert "is not known here" in result.sentence


def test_of_held_out_images_no_more_than_the_stated_share_is_called_foreign():
    bank = bank_of(data_set("digits"), 8)
    first, second = bank.scores[::2], bank.scores[1::2]
    p = (1 + (first[None] >= second[:, None]).sum(1)) / (len(first) + 1)
    assert (p <= ALPHA).mean() <= 2 * ALPHA
