"""The in-distribution check, on the images and the models that the page opens with."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.anomaly import KNN, FamiliarCase, Mahalanobis, ViM
from engine.anomaly.protocol.in_distribution import (
    ALPHA,
    among_photographs,
    among_xrays,
    colorless,
    evenness,
    group_of,
    image_p_value,
    in_distribution,
    is_gray,
)
from engine.anomaly.protocol.pixel_bank import PixelBank, averaged_rows, bank_of
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


@pytest.mark.parametrize(
    ("difference", "colored", "gray"), [(8, 1, True), (9, 1, False), (9, 0, True)]
)
def test_a_picture_is_gray_where_hardly_a_pixel_s_channels_differ_by_more_than_8(
    difference, colored, gray
):
    pixels = np.full((30, 30, 3), 100, np.uint8)  # one in nine: rows and columns 0, 3, …
    pixels[3 : 6 * colored, 3:27, 1] -= np.uint8(difference)  # 8 of 100 pixels that are looked at
    pixels[1::3] = (200, 0, 90)  # these are not
    assert is_gray(Picture(pixels, (30, 30), (), "gray")) == gray


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
    assert bank.nbytes == 8 * (len(bank.fit) * 3 * 64 + len(bank.scores))
    expected = (1 + (bank.scores >= far - 1e-9).sum()) / (len(bank.scores) + 1)
    assert checked("digits-cnn", picture, test_image.name).p == pytest.approx(expected)


@pytest.mark.parametrize("each", [1, 2])
@pytest.mark.parametrize(
    ("count", "above", "kind", "p"),
    [(48, 0, "unmeasured", None), (49, 0, "unusual", 0.02), (49, 1, "usual", 0.04)],
)
def test_a_verdict_needs_49_held_out_images_or_groups_and_a_p_of_at_most_2_hundredths(
    count, above, kind, p, each
):
    """The image is √192 from ten of the images; the held-out ones are nearer, but for `above`."""
    fit = np.concatenate([np.zeros((9, 192)), np.full((1, 192), 2.0), np.full((2, 192), 9.0)])
    scores = np.where(np.arange(count) < above, 14.0, 13.8).repeat(each)
    groups = np.arange(count).repeat(2) if each == 2 else None
    result = image_p_value(PixelBank(fit, scores, groups), "digits", torch.ones(3, 8, 8), "")
    assert result.kind == kind
    word = "groups" if each == 2 else "images"
    title = data_set("digits").card.title
    if p:
        assert result.p == pytest.approx(p)
        assert f"(p = {p} among {count} held-out {word} of {title})" in result.sentence
    else:
        assert f"Only 48 independent images of {title} were held out" in result.sentence


def test_only_an_image_of_the_same_data_has_a_group_there():
    phantoms = "phantoms:count=40"
    assert group_of(phantoms, f"{phantoms}/17") == data_set(phantoms).truth["group"][17] > 0
    assert group_of("phantoms:count=41", f"{phantoms}/17") is None
    assert group_of("digits", "digits/17") is None
    assert group_of(phantoms, "chelsea") is group_of(phantoms, "") is None


def image_of(*rows):
    """Red as given, of 255, green of 128 and blue of 0."""
    red = torch.tensor(rows) / 255
    return torch.stack([red, torch.full_like(red, 128 / 255), torch.zeros_like(red)])


def test_color_and_evenness_are_counted_pixel_by_pixel():
    for colored, difference, gray in ((1, 9, True), (2, 9, False), (100, 8, True)):
        image = torch.zeros(3, 10, 10)
        image[1].view(-1)[:colored] = difference / 255
        assert colorless(image) == gray
    rows = [[10.0, 10.3, 20], [9.8, 10, 20], [30, 30, 30]]
    assert evenness(image_of(*rows)) == 1 / 4  # the first alone equals both neighbors, in 8 bits
    assert evenness(image_of(*rows).flip(0)) == 1 / 4
    assert evenness(image_of(*rows).transpose(1, 2)) == 1 / 4
    other = image_of(*rows)
    other[2, 1, 0] = 1  # in another channel it does not
    assert evenness(other) == 0
    plain = Picture(np.zeros((3, 3, 3), np.uint8), (3, 3), (), "")
    half = image_of([10.0, 10, 10], [10, 10, 10], [30, 30, 30])
    assert among_photographs(half, plain, "").sentence.endswith("drawings and screenshots.")
    assert among_photographs(image_of(*rows), plain, "").kind == "unmeasured"


def test_a_chest_x_ray_is_gray_of_no_other_source_and_no_slice_of_a_ct():
    gray, plain = (
        torch.rand(1, 8, 8).expand(3, -1, -1),
        Picture(np.zeros((8, 8, 3)), (8, 8), (), ""),
    )
    slices = {unit: SimpleNamespace(behind=SimpleNamespace(unit=unit)) for unit in ("HU", "")}
    results = {
        "speaks against": among_xrays(gray, plain, ""),
        "no X-rays ship": among_xrays(gray, slices[""], ""),
        "has color": among_xrays(image_of([9.0, 9], [9, 9]), plain, ""),
        "slice of a CT": among_xrays(gray, slices["HU"], ""),
        "Nothing like Digits": among_xrays(gray, plain, "digits/3"),
    }
    assert [result.foreign for result in results.values()] == [False, False, True, True, True]
    for words, result in results.items():
        assert words in result.sentence


def test_of_held_out_images_no_more_than_the_stated_share_is_called_foreign():
    bank = bank_of(data_set("digits"), 8)
    first, second = bank.scores[::2], bank.scores[1::2]
    p = (1 + (first[None] >= second[:, None]).sum(1)) / (len(first) + 1)
    assert (p <= ALPHA).mean() <= 2 * ALPHA


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
