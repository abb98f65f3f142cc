"""Charts of level sets: one scale, true places, no label read as HTML, nothing made up."""

import json
from collections import Counter

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from components.charts.style import inked
from components.level_sets import plane_chart, star_chart, tube_chart
from engine.result import Field
from tests.components.level_sets.results import plane, star, tube
from tests.visits import unfolded


def texts(figure) -> str:
    return json.dumps(figure.to_plotly_json(), default=lambda array: np.asarray(array).tolist())


def star_of(result):
    return star_chart.star_figure(result["limbs"], result["controls"], result["figures"].rows)


def plane_of(result):
    return plane_chart.GROUND.chart(result).figure(result["field"])


@pytest.fixture(params=["star", "plane", "tube"])
def figure(request):
    match request.param:
        case "star":
            return star_of(star())
        case "plane":
            return plane_of(plane())
    return tube_chart.tube_surface(tube()["low"], tube()["confidence"])


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


def test_labels_are_text_in_every_place_of_the_star():
    text = texts(star_of(star()))
    assert "<img" not in text
    assert "&lt;img" in text


@pytest.mark.parametrize("count", [4, 5, 12])
def test_limbs_are_spread_evenly_and_end_at_length_one(count):
    result = star(tuple(f"class {at}" for at in range(count)))
    read = star_of(result).data[-1]  # the points to read on the limbs
    tips = np.column_stack([read.x, read.y]).reshape(count, 5, 2)[:, -1]
    assert np.linalg.norm(tips, axis=1) == pytest.approx(1)
    turns = np.diff(np.unwrap(np.arctan2(tips[:, 1], tips[:, 0])))
    assert turns == pytest.approx(-2 * np.pi / count)


def test_colors_along_a_limb_are_its_values():
    result = star()
    colors = star_of(result).data[4].marker.color
    limb_length = len(colors) // 4
    assert colors[2 * limb_length : 3 * limb_length : star_chart.FINE] == pytest.approx(
        result["limbs"].values[2]
    )


def test_an_unknown_point_of_a_limb_has_no_color_and_is_said():
    result = star()
    values = result["limbs"].values.copy()
    values[1, 2] = np.nan
    field = Field(values, result["limbs"].x, result["limbs"].y, "", "", "probability")
    figure = star_chart.star_figure(field, result["controls"], result["figures"].rows)
    assert np.isfinite(figure.data[4].marker.color).all()
    assert "no value" in figure.data[-1].hovertext[7]


def test_the_star_says_its_lowest_and_the_control_s():
    words = star_chart.star_words(star())
    assert "2 of 4 ways to blind spots hold: the probability is nowhere below 0.75" in words
    assert "it falls to 0.00" in words


def test_the_plane_says_how_low_each_way_falls():
    words = plane_chart.sentence(plane())
    assert "nowhere below 0.90" in words
    assert "falls to 0.00" in words


def test_the_ways_lie_where_their_points_are_each_in_the_color_of_its_own_value():
    result = plane()
    figure = plane_of(result)
    marks = [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "markers"]
    for trace, name in zip(marks, ("line", "walk"), strict=True):
        assert np.column_stack([trace.x, trace.y]) == pytest.approx(result[name].places)
        assert trace.marker.color == pytest.approx(result[name].values)
    assert marks[1].hovertext[2] == "walk, point 2: 0.90"


def test_the_profile_keeps_every_point_of_both_ways():
    result = plane()
    table = plane_chart.profile(result)
    for name, words in plane_chart.NAMES.items():
        for (x, _), value in zip(result[name].places, result[name].values, strict=True):
            row = int(np.abs(table[plane_chart.ACROSS] - x).argmin())
            assert table[words][row] == pytest.approx(value)


def test_the_tube_is_mirrored_about_the_walk():
    surface = tube_chart.tube_surface(tube()["low"], tube()["confidence"]).data[0]
    assert surface.y == pytest.approx([-2, -1, -0.5, 0, 0.5, 1, 2])
    assert surface.z == pytest.approx(surface.z[::-1])
    assert surface.z[3] == pytest.approx([0.95] * 3)


def test_the_flat_tube_tells_its_lines_apart_without_color():
    lines = tube_chart.lines(tube()).figure(tube_chart.by_step(tube())).data
    looks = Counter((line.line.dash, line.marker.symbol) for line in lines)
    assert len(lines) == 4
    assert max(looks.values()) == 1


def page() -> None:
    from components.draw.drawing import draw
    from components.level_sets import plane_chart, star_chart, tube_chart
    from tests.components.level_sets import results

    star_chart.star(results.star(), "star")
    draw(plane_chart.GROUND, results.plane(), "plane")
    draw(plane_chart.PROFILE, results.plane(), "profile")
    tube_chart.tube(results.tube(), "tube")


def test_every_chart_is_drawn_with_its_twin_and_its_words():
    at = AppTest.from_function(page, default_timeout=30).run()
    assert not at.exception
    assert [expander.label for expander in at.expander] == ["The numbers as a table"] * 4
    assert not at.dataframe
    assert len(unfolded(at).dataframe) == 2 + 3 + 1 + 2
    assert len(at.caption) == 4


def test_the_tube_can_be_seen_flat():
    at = AppTest.from_function(page, default_timeout=30).run()
    at.button_group(key="tube.look").set_value(tube_chart.LINES).run()
    assert not at.exception
    assert "dashdot" in str(at.get("plotly_chart")[-1].proto)


def test_the_tube_s_words_tell_the_least_distance_and_the_largest_from_their_own_rows():
    words = tube_chart.tube_words(tube())
    assert "stay above 0.70 at distance 0.5 and above 0.10 at distance 2." in words
