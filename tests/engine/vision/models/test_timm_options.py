"""Weights of timm's networks that were made with other options than their names say."""

import pytest
import timm
import torch

from engine.core.errors import BadModel
from engine.vision.models import own_file
from engine.vision.models.card import card_of, weights_of
from engine.vision.models.format_search import FormatCase, FormatSearch, formats_in
from engine.vision.models.input_format import LUMA, fixed_side, format_of, with_format
from engine.vision.models.own_file import open_alike, open_model
from engine.vision.models.rebuild import model_bytes, read_model
from tests import plain_loop, tiny
from tests.plain_loop import PlainTraining

GRAY = PlainTraining(channels="gray", made=(("in_chans", 1),))
SMALL = PlainTraining("test_vit3", made=(("img_size", 32),), rate=2e-3, epochs=4)
OTHERS = [
    ("resnet10t", {"in_chans": 1}),
    ("vit_tiny_patch16_224", {"img_size": 96}),
    ("vit_tiny_patch16_224", {"img_size": 32, "patch_size": 4, "in_chans": 1}),
    ("deit_tiny_distilled_patch16_224", {"img_size": 64}),
    ("mixer_s16_224", {"img_size": 64}),
]


def by_hand(network, model, pixels):
    """Logits of the network itself, for pixels as the model's format has them."""
    form = format_of(model)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (form.mean, form.std))
    if form.channels == "gray":
        pixels = (pixels * torch.tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
        mean, std = mean[:, :1], std[:, :1]
    with torch.no_grad():
        return network((pixels - mean) / std)


def drawn(architecture, **options):
    """A network of timm's whose answers differ from image to image."""
    torch.manual_seed(0)
    network = timm.create_model(architecture, num_classes=5, **options).eval()
    with torch.no_grad():
        for weights in network.get_classifier().parameters() if "dist" not in architecture else ():
            weights.normal_()
    return network


@pytest.mark.parametrize(("architecture", "options"), OTHERS, ids=str)
def test_a_network_made_with_other_options_opens_and_answers_as_itself(
    architecture, options, monkeypatch
):
    network, built = drawn(architecture, **options), []
    content, real = plain_loop.weights(network), timm.create_model

    def create(*given, **named):
        built.append(real(*given, **named))
        return built[-1]

    monkeypatch.setattr(timm, "create_model", create)
    model = open_model(content, "a.pt", architecture)
    assert len(built) == 2
    assert all(weight.is_meta for weight in built[0].parameters())  # known before it takes memory
    side = options.get("img_size", 176)
    assert (model.side, fixed_side(model.network)) == (side, options.get("img_size"))
    pixels = torch.rand(3, 3, side, side, generator=tiny.seeded(1))
    expected = by_hand(network, model, pixels)
    assert expected.std(0).max() > 0  # not one answer for all
    torch.testing.assert_close(model.logits(pixels), expected, rtol=1e-4, atol=1e-4)
    again = open_alike(content, "b.pt", model)
    torch.testing.assert_close(again.logits(pixels), expected, rtol=1e-4, atol=1e-4)


def test_one_channel_has_one_mean_and_spread():
    model = open_model(plain_loop.weights(drawn("resnet10t", in_chans=1)), "a.pt", "resnet10t")
    assert format_of(model).words == "176 × 176 px, gray, mean 0.485, spread 0.229"
    assert with_format(model, format_of(model)) is model


def test_a_transformer_of_another_size_that_is_kept_opens_again():
    network = drawn("vit_tiny_patch16_224", img_size=96)
    model = open_model(plain_loop.weights(network), "a.pt", "vit_tiny_patch16_224")
    again = read_model(model_bytes(card_of(model), weights_of(model)), "a.safetensors", "own")
    assert again.fingerprint == model.fingerprint
    pixels = torch.rand(2, 3, 96, 96, generator=tiny.seeded(1))
    torch.testing.assert_close(again.logits(pixels), model.logits(pixels))


@pytest.mark.parametrize(
    ("architecture", "options", "sentence"),
    [
        ("resnet10t", {"in_chans": 4}, "takes 4 channels, and networks for 1 .gray. or 3 .RGB."),
        ("vit_tiny_patch16_224", {"img_size": (96, 64)}, "25 positions in pos_embed, which are no"),
        ("vit_tiny_patch16_224", {"img_size": 1040}, "is for images of 1040 pixels, and 8 to 1024"),
    ],
    ids=str,
)
def test_images_that_are_not_read_are_a_sentence_and_nothing_is_built(
    architecture, options, sentence, monkeypatch
):
    content = plain_loop.weights(drawn(architecture, **options))
    monkeypatch.setattr(own_file, "with_memory", None)
    with pytest.raises(BadModel, match=rf"^a\.pt.*{sentence}.*\.$"):
        open_model(content, "a.pt", architecture)


def test_the_format_of_a_gray_network_is_found_and_has_one_mean():
    network = plain_loop.trained(GRAY)
    model = open_model(plain_loop.weights(network), "a.pt", GRAY.architecture)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FormatSearch, "usual_sides", (28, 64))
        answer = FormatSearch(images=128)(FormatCase(model, plain_loop.data_set()))
    formats, table = formats_in(answer["formats"]), answer["formats"]
    assert formats[0].words == "32 × 32 px, gray, −1 … 1"
    assert {form.channels for form in formats} == {"gray"}
    assert all(len(set(form.mean)) == len(set(form.std)) == 1 for form in formats)
    assert len(set(formats)) == len(formats)
    counted = plain_loop.accuracy(network, GRAY)
    assert counted > 0.9
    assert table["right 0"][0] / 128 == pytest.approx(counted, abs=0.08)


def test_a_network_of_one_size_is_tried_at_that_size_alone():
    network = plain_loop.trained(SMALL)
    model = open_model(plain_loop.weights(network), "a.pt", SMALL.architecture)
    answer = FormatSearch(images=128)(FormatCase(model, plain_loop.data_set(28)))
    table = answer["formats"]
    assert {pixel_format.side for pixel_format in formats_in(table)} == {32}
    assert answer["tried"]["planned"][0] < len(FormatSearch.usual_sides) * 4
    counted = plain_loop.accuracy(network, SMALL)
    assert counted > 0.6
    assert table["right 0"][0] / 128 == pytest.approx(counted, abs=0.1)
