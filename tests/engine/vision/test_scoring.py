"""Renders come to the model as they were drawn, in any layout, and batches that fit."""

import pytest
import torch

from engine.core.errors import BlindspotError
from engine.core.method import quiet
from engine.vision.case import ImageCase
from engine.vision.case.scoring import as_drawn, in_memory, laid_out, render_logits
from engine.vision.case.target import Target
from engine.vision.models.pace import Pace
from tests import tiny

LAYOUTS = pytest.mark.parametrize("channels_last", [False, True])


def case_at(batch, channels_last=False):
    case = tiny.cnn_case()
    case.model._paces["exact"] = Pace(batch, channels_last, "exact", 0.0)
    return case


@LAYOUTS
def test_what_is_drawn_number_by_number_is_what_the_model_sees(channels_last):
    case = case_at(3, channels_last)
    images = torch.rand(7, 3, tiny.SIDE, tiny.SIDE, generator=tiny.seeded(2))

    def draw(index, out):
        in_memory(out).copy_(in_memory(as_drawn(case, images[index])))

    torch.testing.assert_close(render_logits(case, 7, draw, quiet), case.model.logits(images))


@LAYOUTS
def test_a_plane_laid_out_meets_its_own_pixels(channels_last):
    case = case_at(1, channels_last)
    plane = torch.arange(tiny.SIDE**2).view(tiny.SIDE, tiny.SIDE)
    order = in_memory(laid_out(case, plane.expand(3, -1, -1)))
    image = as_drawn(case, plane.expand(3, -1, -1))
    assert torch.equal(in_memory(image), order.float())
    assert torch.equal(image, plane.expand(3, -1, -1).float())


def test_batches_too_large_for_the_memory_are_halved_and_drawn_again(monkeypatch):
    case = case_at(8)
    plenty = case.model.runner("exact")

    def scarce(pixels):
        if len(pixels) > 2:
            raise torch.OutOfMemoryError
        return plenty(pixels)

    monkeypatch.setattr(case.model, "runner", lambda *_arguments: scarce)
    images = torch.rand(11, 3, tiny.SIDE, tiny.SIDE, generator=tiny.seeded(2))
    shares = []

    def draw(index, out):
        out.copy_(images[index])

    logits = render_logits(case, 11, draw, lambda done, *_words: shares.append(done))
    torch.testing.assert_close(logits, case.model.logits(images))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_model_that_does_not_fit_at_all_is_told_in_a_sentence(monkeypatch):
    case = ImageCase(tiny.cnn(), tiny.image(), Target(0))

    def never(_pixels):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(case.model, "runner", lambda *_arguments: never)
    with pytest.raises(BlindspotError, match="memory"):
        case.score(case.image[None])
