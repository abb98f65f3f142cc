"""Study as a visitor meets it: a kept study at once, table, claims, and one image's maps."""

import io
import re

import numpy as np
import pandas as pd
import pytest

from components.study import charts, ranking, view
from components.views import STUDY
from engine.attribution.study import NAMED, Study, StudyCase, study_case
from engine.attribution.study.findings import with_figure
from engine.attribution.study.ranking import SCORE, by_reliability
from engine.commands.gallery import shipped_answer
from engine.core.charts import labels
from engine.core.question import Question
from engine.core.run import digest
from tests.visits import pills, problems, question_in, settled, visit, words

FEW = ["Saliency", "Grad-CAM"]
SMALL = {"study.count": "2", "study.methods": FEW, "study.Study.draws": "1"}


@pytest.fixture(scope="module")
def default():
    """The study that ships, as the page has it."""
    question = Question(Study(), study_case())
    result = shipped_answer((question.method, question.case))
    assert result is not None
    return question, result


def test_the_kept_study_is_there_without_any_choice(default):
    query, result = default
    at = visit(view=STUDY)
    assert not problems(at)
    sentence = at.main.header[0].value.replace("\\", "")
    assert re.match(r"On these 8 scenes, rely first on .+, .+ and .+\.", sentence)
    text = words(at)
    assert "kept from before" in text
    assert "The paper found Occlusion, Grad-CAM and LIME the most reliable" in text
    for claim, note in zip(result["claims"].rows, result["claims"].notes, strict=True):
        assert claim in text
        assert note.split(";")[0].rstrip(".") in text
    assert "Random order" in text
    assert len(at.main.get("plotly_chart")) == 2
    assert "points at it" in text
    assert "<img" in text  # the maps of the first image are kept too
    python, shell = (block.value for block in at.code[:2])  # of the study, above those of its maps
    assert shell.startswith("python -m engine run attribution.Study")
    assert question_in(python) == digest(query.method, query.case)
    pills(at, "study.methods").set_value([]).run()
    assert problems(at) == ["Choose at least one method for the study."]
    at = visit({"study.source": "Brain phantoms"}, STUDY)  # whose study is kept too
    assert not problems(at)
    assert "<img" in words(at)
    assert at.main.header[0].value.startswith("On these 8 phantom slices")


def run_study(at):
    next(button for button in at.button if button.label.startswith("Run the study")).click().run()
    assert not [button for button in at.button if button.label.startswith("Run the study")]
    assert not problems(settled(at))
    return at


def test_a_network_with_a_map_of_its_own_is_studied_beside_the_others():
    link = {"study.source": "Large lesions, own map", "study.methods": ["Grad-CAM"]}
    at = run_study(visit(SMALL | link, STUDY))
    text = words(at)
    assert "The model's own map" in text
    assert "outline meets it" in text
    assert at.main.header[0].value.startswith("On these 2 phantom slices, rely first on")
    assert text.count("<img") == 2 * (1 + 2)  # of kind and rival: the slice and both maps


def test_another_question_waits_for_the_button_and_says_how_many_maps():
    at = visit({"study.count": "2", "study.methods": ["Magic", *FEW]}, STUDY)
    assert "“Magic” as Methods" in " ".join(problems(at))
    assert pills(at, "study.methods").value == FEW
    assert not at.main.header
    maps = study_case(count=2).pairs * (1 + Study().draws) * 2
    assert f"{maps:,} maps are made and measured" in words(at)
    assert any(button.label.startswith("Run the study") for button in at.button)


def test_a_small_study_is_run_and_then_looked_at_closely():
    text = words(at := run_study(visit(SMALL, STUDY)))
    assert "this study has fewer" in text
    assert "computed now" in text or "kept from before" in text
    first, second = StudyCase.from_arguments(count=2, methods=("Gradient", "GradCam")).images
    assert text.count("<img") == len(first.labels) * 3
    box = at.selectbox(key="study.image")
    box.set_value(box.options[1]).run()
    at = settled(at)
    assert words(at).count("<img") == len(second.labels) * 3


def test_the_table_has_a_row_for_each_method_and_time_as_a_multiple_of_the_fastest(default):
    table, ranks = default[1]["table"], default[1]["ranks"]
    html = ranking.ranking_table(table).html()
    assert html.count("<tr>") == 12
    assert html.count('scope="row"') == 11  # and one for the random order
    value = table.cell(by_reliability(table)[0], "pointing game")
    assert f"{100 * value:.0f} %" in html
    seconds = np.asarray(table["seconds"])
    fastest = table.rows[int(np.nanargmin(seconds))]
    for row in ("Lime", "Occlusion", fastest):
        times = table.cell(row, "seconds") / np.nanmin(seconds)
        expected = "1.0 ×" if row == fastest else f"{times:,.0f} ×"
        assert ranking.cell(table, ranks, row, NAMED["seconds"]).text == expected


def test_the_best_rank_has_the_most_color_and_the_last_none():
    tints = [ranking.tint(rank, 10) for rank in (1, 5, 10, np.nan)]
    assert tints[:3] == sorted(tints[:3], reverse=True)
    assert tints[0] == 1
    assert tints[2:] == [0, 0]


def test_names_in_the_cost_chart_cover_neither_each_other_nor_a_point():
    names = ["Integrated gradients", "LIME", "Grad-CAM", "Saliency", "SmoothGrad"]
    points = np.array([[150.0, 200], [198, 202], [12, 201], [12, 204], [116, 205]])
    dot, line, letter = labels.DOT, labels.LINE, labels.LETTER
    boxes = [(x - dot, y - dot, x + dot, y + dot) for x, y in points]
    for (x, y), name, (right, down) in zip(
        points, names, labels.label_spots(points, names), strict=True
    ):
        half = letter * len(name) / 2
        boxes.append((x + right - half, y + down - line / 2, x + right + half, y + down + line / 2))
    named = boxes[len(names) :]
    for at, box in enumerate(named):
        assert labels.outside(box) == pytest.approx(0)
        others = [*boxes[: len(names)], *named[:at]]
        assert max(labels.shared_area(box, other) for other in others) == 0


def test_a_random_order_stands_on_the_scale_of_the_points(default):
    _, result = default
    table = with_figure(result["table"], SCORE)
    figure = charts.cost_chart(result).figure(table)
    (line,) = figure.layout.shapes
    assert line.y0 == pytest.approx(100 * result["table"].cell("Random order", SCORE))
    assert list(figure.data[0].y) == pytest.approx((100 * table[SCORE]).tolist())
    low, high = figure.layout.yaxis.range
    assert low < min(figure.data[0].y) < line.y0 < high


def test_files_hold_the_numbers_and_the_names(default):
    query, result = default
    rows = pd.read_csv(io.StringIO(view.maps_csv(query, result["rows"])))
    assert len(rows) == query.case.pairs * 11
    assert set(rows["label"]) <= set(query.case.model.labels)
    average = rows[rows["method"] == "Grad-CAM"]["pointing game"].mean()
    assert average == pytest.approx(result["table"].cell("GradCam", "pointing game"), abs=1e-6)
