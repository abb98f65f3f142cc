"""What is taken along of a walk: every image with its words, every number."""

import csv
import io

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageSequence

from components.level_sets.animation import (
    GIF_LIMIT,
    HOLD_MS,
    as_gif,
    as_webp,
    caption,
    ellipsize,
    scenes,
    statistics_csv,
    typeface,
)
from engine.result import Curve
from tests.components.level_sets.walks import walked


def opened(body: bytes) -> list[tuple[Image.Image, int]]:
    image = Image.open(io.BytesIO(body))
    return [
        (frame.convert("RGB"), frame.info["duration"]) for frame in ImageSequence.Iterator(image)
    ]


@pytest.mark.parametrize("make", [as_gif, as_webp])
def test_every_image_is_there_and_the_ends_stand_longer(make):
    walk = walked(side=96)
    played = opened(make(walk.views, "A walk"))
    assert len(played) == 6
    assert played[0][1] == HOLD_MS > played[1][1]
    want = walk.views["path"].frames[3].astype(np.float32).transpose(1, 2, 0) * 255
    image = played[3][0]
    left = (image.width - 96) // 2
    back = np.asarray(image.crop((left, 0, left + 96, 96)), np.float32)
    assert np.abs(back - want).mean() < 35  # noise in few colors


def test_the_caption_says_step_class_and_distance():
    views = walked().views
    assert caption(views, 0)[:2] == ("step 0 of 20", "cat <b> 0.70")
    assert caption(views, 5) == ("step 20 of 20", "cat <b> 0.90", "RMSE to target 0.000")


def test_a_title_adds_a_line_and_other_words_draw_another_strip():
    views = walked().views
    plain, named = scenes(views)[0].image, scenes(views, "A walk")[0].image
    assert named.height > plain.height
    first, last = scenes(views)[0].image, scenes(views)[-1].image
    strip = (0, 224, 224, first.height)
    assert ImageChops.difference(first.crop(strip), last.crop(strip)).getbbox()


def test_small_images_are_enlarged_pixel_by_pixel():
    views = walked(side=8).views
    image = np.asarray(scenes(views)[0].image)[:224, :224]
    assert (image[:28, :28] == image[0, 0]).all()


def test_a_long_label_keeps_its_number():
    font = typeface(bold=True)
    short = ellipsize("a very long name of a class, with synonyms and more of them 0.98", font, 200)
    assert short.endswith("0.98")
    assert font.getlength(short) <= 200


def test_a_heavy_gif_goes_in_fewer_colors():
    assert len(as_gif(walked(side=224, frames=24).views)) <= GIF_LIMIT


def test_the_table_has_a_row_for_every_step_and_a_column_for_every_curve():
    views = dict(walked().views)
    curve = views["source confidence"]
    y = curve.y.copy()
    y[1] = np.nan
    views["source confidence"] = Curve(curve.x, y, curve.x_label, curve.y_label, curve.unit)
    rows = list(csv.DictReader(io.StringIO(statistics_csv(views))))
    assert [int(row["step"]) for row in rows] == list(range(21))
    assert rows[1]["source confidence"] == ""
    assert [float(row["rmse to source"]) for row in rows] == pytest.approx(
        views["rmse to source"].y
    )
    curves = [name for name, view in views.items() if isinstance(view, Curve)]
    assert list(rows[0]) == ["step", *curves]


def test_without_images_there_is_no_animation_and_an_empty_table():
    with pytest.raises(ValueError, match="no images"):
        as_gif({})
    assert statistics_csv({}) == "step\n"
