"""Charts and animations of level sets: one scale, true places, no label read as HTML."""

import csv
import io
import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageSequence

from components.charts.style import inked
from components.draw.drawing import draw
from components.level_sets import animation, plane_chart, star_chart, tube_chart
from engine.core.result import Curve, Field
from tests.components.level_sets.results import plane, star, tube
from tests.components.level_sets.walks import walked
from tests.components.pages import page_of
from tests.visits import unfolded


def star_of(result):
    return star_chart.star_figure(result["limbs"], result["controls"], result["figures"].rows)


def plane_of(result):
    return plane_chart.GROUND.chart(result).figure(result["field"])


def surface_of(result):
    return tube_chart.tube_surface(result["low"], result["confidence"])


@pytest.fixture(params=["star", "plane", "tube"])
def figure(request):
    figures = {"star": (star_of, star), "plane": (plane_of, plane), "tube": (surface_of, tube)}
    draw_figure, result = figures[request.param]
    return draw_figure(result())


def test_probability_is_on_the_one_scale(figure):
    axis = figure.layout.coloraxis
    assert (axis.cmin, axis.cmax) == (0, 1)
    assert axis.colorscale[0][1] == "rgb(0,34,78)"


def test_every_text_takes_the_ink_and_colors_of_their_own_stay(figure):
    layout = inked(figure.to_dict(), "#123456")["layout"]
    assert layout["font"]["color"] == layout["legend"]["font"]["color"] == "#123456"
    colors = [note["font"]["color"] for note in layout.get("annotations", ())]
    assert set(colors) <= {"#123456", "#fff"}
    axes = [layout["xaxis"], layout["yaxis"], layout["coloraxis"]["colorbar"]]
    axes += [layout["scene"][f"{letter}axis"] for letter in "xyz" if "scene" in layout]
    for axis in axes:
        assert axis["tickfont"]["color"] == axis["title"]["font"]["color"] == "#123456"


@pytest.mark.parametrize("count", [4, 5, 12])
def test_limbs_are_spread_evenly_and_end_at_length_one(count):
    result = star(tuple(f"class {at}" for at in range(count)))
    read = star_of(result).data[-1]  # the points to read on the limbs
    tips = np.column_stack([read.x, read.y]).reshape(count, 5, 2)[:, -1]
    assert np.linalg.norm(tips, axis=1) == pytest.approx(1)
    turns = np.diff(np.unwrap(np.arctan2(tips[:, 1], tips[:, 0])))
    assert turns == pytest.approx(-2 * np.pi / count)


def test_colors_along_a_limb_are_its_values_unknown_points_have_none_and_labels_are_text():
    result = star()
    text = json.dumps(star_of(result).to_plotly_json(), default=np.ndarray.tolist)
    assert "<img" not in text
    assert "&lt;img" in text
    colors = star_of(result).data[4].marker.color
    limb_length = len(colors) // 4
    third = colors[2 * limb_length : 3 * limb_length : star_chart.FINE]
    assert third == pytest.approx(result["limbs"].values[2])
    values = result["limbs"].values.copy()
    values[1, 2] = np.nan
    field = Field(values, result["limbs"].x, result["limbs"].y, "", "", "probability")
    figure = star_chart.star_figure(field, result["controls"], result["figures"].rows)
    assert np.isfinite(figure.data[4].marker.color).all()
    assert "no value" in figure.data[-1].hovertext[7]


def test_star_and_plane_say_how_low_each_way_falls():
    words = star_chart.star_words(star())
    assert "2 of 4 ways to blind spots hold: the probability is nowhere below 0.75" in words
    assert "it falls to 0.00" in words
    words = plane_chart.sentence(plane())
    assert "nowhere below 0.90" in words
    assert "falls to 0.00" in words


def test_both_ways_lie_where_their_points_are_and_the_profile_keeps_every_one():
    result = plane()
    figure = plane_of(result)
    marks = [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "markers"]
    for trace, name in zip(marks, ("line", "walk"), strict=True):
        assert np.column_stack([trace.x, trace.y]) == pytest.approx(result[name].places)
        assert trace.marker.color == pytest.approx(result[name].values)
    assert marks[1].hovertext[2] == "walk, point 2: 0.90"
    table = plane_chart.profile(result)
    for name, words in plane_chart.NAMES.items():
        for (x, _), value in zip(result[name].places, result[name].values, strict=True):
            row = int(np.abs(table[plane_chart.ACROSS] - x).argmin())
            assert table[words][row] == pytest.approx(value)


def test_the_tube_is_mirrored_and_its_flat_lines_are_told_apart_without_color():
    surface = surface_of(tube()).data[0]
    assert surface.y == pytest.approx([-2, -1, -0.5, 0, 0.5, 1, 2])
    assert surface.z == pytest.approx(surface.z[::-1])
    assert surface.z[3] == pytest.approx([0.95] * 3)
    lines = tube_chart.lines(tube()).figure(tube_chart.by_step(tube())).data
    looks = Counter((line.line.dash, line.marker.symbol) for line in lines)
    assert len(lines) == 4
    assert max(looks.values()) == 1


def draw_charts():
    star_chart.star(star(), "star")
    draw(plane_chart.GROUND, plane(), "plane")
    draw(plane_chart.PROFILE, plane(), "profile")
    tube_chart.tube(tube(), "tube")


def test_every_chart_is_drawn_with_its_twin_and_its_words_and_the_tube_can_be_seen_flat():
    at = page_of(draw_charts)
    assert [expander.label for expander in at.expander] == ["The numbers as a table"] * 4
    assert not at.dataframe
    assert len(unfolded(at).dataframe) == 2 + 3 + 1 + 2
    assert len(at.caption) == 4
    at.button_group(key="tube.look").set_value(tube_chart.LINES).run()
    assert "dashdot" in str(at.get("plotly_chart")[-1].proto)


def test_the_tube_s_words_tell_the_least_distance_and_the_largest_from_their_own_rows():
    words = tube_chart.tube_words(tube())
    assert "stay above 0.70 at distance 0.5 and above 0.10 at distance 2." in words


def opened(body: bytes) -> list[tuple[Image.Image, int]]:
    frames = ImageSequence.Iterator(Image.open(io.BytesIO(body)))
    return [(frame.convert("RGB"), frame.info["duration"]) for frame in frames]


@pytest.mark.parametrize("make", [animation.as_gif, animation.as_webp])
def test_every_image_is_there_and_the_ends_stand_longer(make):
    walk = walked(side=96)
    played = opened(make(walk.views, "A walk"))
    assert len(played) == 6
    assert played[0][1] == animation.HOLD_MS > played[1][1]
    want = walk.views["path"].frames[3].astype(np.float32).transpose(1, 2, 0) * 255
    image = played[3][0]
    left = (image.width - 96) // 2
    back = np.asarray(image.crop((left, 0, left + 96, 96)), np.float32)
    assert np.abs(back - want).mean() < 35  # noise in few colors


def test_the_caption_says_step_class_and_distance_and_small_images_are_enlarged():
    views = walked().views
    assert animation.caption(views, 0)[:2] == ("step 0 of 20", "cat <b> 0.70")
    assert animation.caption(views, 5) == ("step 20 of 20", "cat <b> 0.90", "RMSE to target 0.000")
    plain, named = animation.scenes(views)[0].image, animation.scenes(views, "A walk")[0].image
    assert named.height > plain.height
    first, last = animation.scenes(views)[0].image, animation.scenes(views)[-1].image
    strip = (0, 224, 224, first.height)
    assert ImageChops.difference(first.crop(strip), last.crop(strip)).getbbox()
    views = walked(side=8).views
    image = np.asarray(animation.scenes(views)[0].image)[:224, :224]
    assert (image[:28, :28] == image[0, 0]).all()


def test_a_long_label_keeps_its_number_and_a_heavy_gif_goes_in_fewer_colors():
    font = animation.typeface(bold=True)
    label = "a very long name of a class, with synonyms and more of them 0.98"
    short = animation.ellipsize(label, font, 200)
    assert short.endswith("0.98")
    assert font.getlength(short) <= 200
    assert len(animation.as_gif(walked(side=224, frames=24).views)) <= animation.GIF_LIMIT


def test_the_table_has_a_row_for_every_step_and_without_images_there_is_no_animation():
    views = dict(walked().views)
    curve = views["source confidence"]
    y = curve.y.copy()
    y[1] = np.nan
    views["source confidence"] = Curve(curve.x, y, curve.x_label, curve.y_label, curve.unit)
    rows = list(csv.DictReader(io.StringIO(animation.statistics_csv(views))))
    assert [int(row["step"]) for row in rows] == list(range(21))
    assert rows[1]["source confidence"] == ""
    to_source = [float(row["rmse to source"]) for row in rows]
    assert to_source == pytest.approx(views["rmse to source"].y)
    curves = [name for name, view in views.items() if isinstance(view, Curve)]
    assert list(rows[0]) == ["step", *curves]
    with pytest.raises(ValueError, match="no images"):
        animation.as_gif({})
    assert animation.statistics_csv({}) == "step\n"
