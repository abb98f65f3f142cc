"""Before and after as a visitor meets it: the worst pair, the thing that fades, what counts."""

import numpy as np
import pytest

from components.before_after import counted, evidence, pair, strategies
from components.before_after.counted import counted_once
from components.before_after.form import AS_SAID, KEY
from components.draw.drawing import draw
from components.views import BEFORE_AFTER, CONCEPTS
from engine.core.result import Table
from engine.core.run import answer, digest
from engine.evaluation.language.beaf import figures
from engine.evaluation.language.beaf.figures import beaf_figures, by_kind, worst
from engine.evaluation.language.beaf.method import layout_of, said_of
from engine.hallucination import BEAF, Greedy, ScenesCase
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.tiny_vlm.weights import HABIT, HONEST, load
from tests.visits import problems, question_in, settled, visit, words

SMALL = {f"{KEY}.count": "6"}


@pytest.fixture(scope="module")
def case():
    return ScenesCase(load(HABIT), Greedy(), 6, "biased")


@pytest.fixture(scope="module")
def result(case):
    return answer(BEAF(), case)


def captions_of(at):
    """Below the scenes."""
    return [image.proto.imgs[0].caption.replace("\\", "") for image in at.main.get("image")]


def sentence(at):
    return at.main.header[0].value.replace("\\", "")


def test_before_it_is_asked_the_view_says_what_will_be():
    at = visit({f"{KEY}.count": "7"}, BEFORE_AFTER)
    assert not problems(at)
    assert "Ask before and after" in " ".join(button.label for button in at.button)
    assert "Each thing of each scene is taken out once" in words(at)


def test_it_opens_on_the_pair_that_moved_most_against_the_truth(case, result):
    at = settled(visit(SMALL, BEFORE_AFTER))
    assert not problems(at)
    records = result["records"]
    assert sentence(at) == said_of("TinyVLM with a habit", beaf_figures(records), by_kind(records))
    first = worst(records)[0]
    assert at.selectbox(key=pair.PAIR).value == pair.name_of(records, first)
    assert figures.moved_against(records)[first] == figures.moved_against(records).max()
    category = CATEGORIES[int(records["asked"][first])]
    before, after = (100 * records[f"p {when}"][first] for when in ("before", "after"))
    captions = " ".join(captions_of(at))
    assert f"**Before**: {category}? ✓ yes (p(yes) {before:.0f} %)" in captions
    assert f"(p(yes) {after:.0f} %); it is not there." in captions
    assert "word by likeliest word" in words(at)
    call = next(block.value for block in at.code if "hallucination.BEAF" in block.value)
    assert question_in(call) == digest(BEAF(), case)


def test_a_link_leads_to_concepts_with_the_thing_the_model_and_the_same_scene(case, result):
    place = worst(result["records"])[0]
    opened = pair.OpenPair.of(layout_of(case), result["records"], place, None)
    link = pair.link_to_concepts(opened, case)
    at = visit(link | {"concepts.SAUCE.steps": "20"}, CONCEPTS)
    assert not problems(at)
    assert at.selectbox(key="concepts.SAUCE.concept").value == opened.asked
    original_scene = pair.asking.scene(case.kind, int(link["concepts.scene"]))
    assert np.array_equal(original_scene.image, opened.scene.image)
    assert at.sidebar.radio(key="concepts.model").value == case.vlm.title
    other = ScenesCase(case.vlm, Greedy(), 6, "biased", seed=3)
    assert "concepts.scene" not in pair.link_to_concepts(opened, other)


def test_the_slider_lets_the_thing_fade_and_the_caption_has_its_chance(case, result):
    at = settled(visit(SMALL | {f"{KEY}.fade": "25 %"}, BEFORE_AFTER))
    records = result["records"]
    opened = pair.OpenPair.of(layout_of(case), records, worst(records)[0], None)
    at_quarter = pair.asking.OPACITIES.index(0.25)
    (caption,) = [c for c in captions_of(at) if f"The {opened.removed} at 25 %" in c]
    faded_case = pair.asking.yes_when_faded(HABIT, opened.scene, opened.asked, opened.removed)
    faded = answer(pair.Cause(), faded_case)["images"]["yes against no"]
    assert f"p(yes) {100 * faded[1 + at_quarter]:.0f} %" in caption


def test_the_threshold_counts_again_without_asking_again(result):
    at = settled(visit(SMALL | {f"{KEY}.threshold": "p(yes) ≥ 95 %"}, BEFORE_AFTER))
    records = result["records"]
    counts = beaf_figures(records, 0.95), by_kind(records, 0.95)
    assert sentence(at) == said_of("TinyVLM with a habit", *counts)
    assert evidence.kind_words(result, 0.95) in words(at)
    assert beaf_figures(records, 0.95)["SB+"][0] <= beaf_figures(records)["SB+"][0]


def test_pairs_of_one_thing_are_listed_alone_and_one_in_no_scene_is_said_so(result):
    categories = {CATEGORIES[int(index)] for index in result["records"]["removed"]}
    category, missing = sorted(categories)[0], sorted(set(CATEGORIES) - categories)[0]
    at = settled(visit(SMALL | {f"{KEY}.thing": category}, BEFORE_AFTER))
    options = at.selectbox(key=pair.PAIR).options
    assert all(f"without the {category}:" in option for option in options)
    at = settled(visit(SMALL | {f"{KEY}.thing": missing}, BEFORE_AFTER))
    assert any("take out another thing" in notice.value for notice in at.info)
    assert sentence(at)


def test_a_link_opens_a_pair_and_refuses_what_there_is_not(result):
    records = result["records"]
    name = pair.name_of(records, worst(records)[3])
    at = settled(visit(SMALL | {pair.PAIR: name}, BEFORE_AFTER))
    assert at.selectbox(key=pair.PAIR).value == name
    keys = (pair.PAIR, f"{KEY}.threshold", f"{KEY}.thing", f"{KEY}.fade")
    at = settled(visit(SMALL | dict.fromkeys(keys, "dragon"), BEFORE_AFTER))
    assert len({message for message in problems(at) if "“dragon”" in message}) == len(keys)
    assert at.select_slider(key=f"{KEY}.threshold").value == AS_SAID


def test_every_drawing_says_its_figures(case, result):
    records = result["records"]
    opened = pair.OpenPair.of(layout_of(case), records, worst(records)[0], None)
    for drawing in evidence.drawings(opened, None):
        draw(drawing, result, f"test.{drawing.title}")
    rows = evidence.figure_rows(records, None)
    assert rows.rows == figures.FIGURES
    assert rows.cell("TU", "share") == beaf_figures(records)["TU"][0]
    assert f"TU {100 * beaf_figures(records)['TU'][0]:.0f} %" in evidence.figure_words(result, None)


def test_the_same_threshold_is_counted_once_and_another_anew(result, monkeypatch):
    records, calls = result["records"], []
    counted_once.clear()

    def noted(name, count):
        return lambda *arguments: calls.append((name, arguments[1])) or count(*arguments)

    counts = {name: noted(name, count) for name, count in counted.COUNTS.items()}
    monkeypatch.setattr(counted, "COUNTS", counts)
    copy = records.take(list(range(len(records))))  # as a kept answer is read from disk anew
    for source in (records, copy):
        for drawing in evidence.drawings(None, 0.35):
            draw(drawing, dict(result) | {"records": source}, f"test.{drawing.title}")
        strategies.strategy_table({"One": dict(result) | {"records": source}}, 0.35)
    assert sorted(calls) == [(name, 0.35) for name in ("figures", "kinds", "things")]
    counted.count_table("figures", records.take(list(range(len(records) - 1))), 0.35)
    counted.count_table("figures", records, 0.4)
    assert calls[3:] == [("figures", 0.35), ("figures", 0.4)]
    counted_once.clear()


def test_what_is_left_out_is_counted_in_pairs(result):
    """Two pairs lack an answer before or after, one of them both: three answers, two pairs."""
    records = result["records"]
    columns = {name: (records[name].copy(), "") for name in records.order}
    columns["says before"][0][:2] = np.nan
    columns["says after"][0][1] = np.nan
    text = evidence.figure_words(dict(result) | {"records": Table.of(columns)}, None)
    assert "Left out: 2 pairs with an answer that is neither yes nor no." in text


def test_two_axes_have_a_row_for_each_copy_and_a_frame_on_what_is_gone(result):
    records = result["records"]
    row = int(records["scene"][0])
    table = evidence.answers_of(result, row, None)
    scene_rows = evidence.scene_records(records, row)
    assert len(table) == 1 + len(set(scene_rows["removed"].tolist()))
    for at, name in enumerate(table.rows[1:], 1):
        category = name.removeprefix("without the ")
        of_it = [scene_rows[name] == CATEGORIES.index(category) for name in ("removed", "asked")]
        (place,) = np.flatnonzero(np.all(of_it, 0))
        assert table[category][at] == (scene_rows["says after"][place] == 0)
        assert table[category][0] == (scene_rows["says before"][place] == 1)
        assert (at, table.order.index(category)) in evidence.two_axes(result, row, None).outlined


def test_a_mark_that_is_pressed_opens_its_pair(result, monkeypatch):
    state = {}
    monkeypatch.setattr(pair.st, "session_state", state)
    records = result["records"]
    chart = evidence.before_after(result)
    for group, trace in enumerate(chart.figure(evidence.about_removed(records)).data):
        for at, (x, y) in enumerate(zip(trace.x, trace.y, strict=True)):
            chart.press({"selection": {"points": [{"curve_number": group, "point_index": at}]}})
            place = {pair.name_of(records, row): row for row in worst(records)}[state[pair.PAIR]]
            assert 100 * records["p before"][place] == pytest.approx(x)
            assert 100 * records["p after"][place] == pytest.approx(y)


def test_strategies_stand_beside_each_other_and_ranges_that_overlap_are_named(result):
    honest = answer(BEAF(), ScenesCase(load(HONEST), Greedy(), 6, "biased"))
    table = strategies.strategy_table({"One": result, "Other": honest}, None)
    assert table.cell("One", "SB+") == beaf_figures(result["records"])["SB+"][0]
    said_here = strategies.compare_words(table)
    best = table.rows[int(np.argmax(table["TU"]))]
    assert said_here.startswith(f"Most true understanding: {best}")
    twins = strategies.strategy_table({"One": result, "Other": result}, None)
    assert "overlaps with that of Other" in strategies.compare_words(twins)
