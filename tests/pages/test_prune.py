"""Prune as a visitor meets it: one sentence, figures that are the engine's, and bad input."""

import json
import re
import time
from dataclasses import replace
from threading import Event

import numpy as np
import pytest

from components.prune import accuracy, asked, before_after, layers, overlaps, view
from components.views import PRUNE
from engine import sparsity
from engine.core import run
from engine.core.charts.words import percent
from engine.core.result import Table
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.measures.drift import rank_correlation, top_overlap
from engine.sparsity.criteria.magnitude import Magnitude
from engine.sparsity.masks import pruning
from engine.sparsity.masks.compare import overlap
from engine.sparsity.prune import share_correct
from engine.vision.case import ImageCase
from engine.vision.case.prediction import Prediction
from engine.vision.case.target import Target
from engine.vision.data import load
from engine.vision.models import catalog, checkpoints
from engine.vision.training import Recipe, fresh
from engine.vision.training.loop import TrainingRun
from engine.vision.weights.course import course_words
from tests.in_memory import written
from tests.visits import problems, settled, unfolded, visit, words

DIGITS = {"image": "From a data set", "data": "Digits, 8 × 8", "model": "Digits CNN"}
GO = "prune.scores.main.0.go"
SENTENCE = re.compile(r"(Nothing is|[\d.]+ % of the weights are) taken out")


def opened(view=PRUNE, **link):
    settings = {f"prune.{name.replace('__', '.')}": value for name, value in link.items()}
    return settled(visit(DIGITS | settings, view))


@pytest.fixture(autouse=True)
def nothing_kept():
    """Some tests replace what scores or trains: no mask of theirs is there for another test."""
    yield
    asked.PRUNERS.clear()
    asked.PRUNED.clear()


@pytest.fixture(scope="module")
def digits():
    return sparsity.PruneCase(catalog.load("digits-cnn"), load("digits"))


def test_the_first_picture_is_there_without_any_choice_and_is_the_one_that_ships():
    at = visit(view=PRUNE)
    assert not at.main.get("progress")
    assert not problems(at)
    stays = "the answer stays Egyptian cat, and it looks at about the same place."
    assert at.main.header[0].value == f"30 % of the weights are taken out: {stays}"
    assert len(at.main.get("plotly_chart")) == 2
    at.button_group(key="prune.section").set_value("What is lost").run()
    assert "Which images pay first" in words(at)
    assert "Known: 40 squares cut from 4 photographs" in words(at)
    at.button_group(key="prune.section").set_value("Accuracy").run()
    assert "of 11 test images get the answer that they had" in words(at)
    assert not at.main.get("progress")
    at.button_group(key="prune.section").set_value("Keep it").run()
    assert "it needs images to learn from" in words(at)  # as photographs are none
    at = settled(at.button_group(key="prune.section").set_value("Before training").run())
    assert "Not available: it needs to know how the model was trained." in words(at)


def test_a_slow_answer_lets_the_charts_of_the_weights_be_drawn_before_it(monkeypatch):
    drawn = []
    for module, name in ((before_after, "show"), (layers, "draw_layers")):
        monkeypatch.setattr(module, name, lambda *_, name=name: drawn.append(name))
    at = opened()
    for long, expected in ((1.0, ["show", "draw_layers"]), (0.0, ["draw_layers", "show"])):
        monkeypatch.setattr(view, "LONG", long)
        drawn.clear()
        at.run()
        assert drawn == expected


@pytest.mark.parametrize("ratio", ["0.5", "0.95"])
def test_the_sentence_and_its_figures_are_the_engine_s(digits, ratio):
    at = opened(ratio=ratio)
    masks = sparsity.pruner_of(digits, "Magnitude", sparsity.MaskRules()).at(float(ratio))
    image = digits.data.pixels(digits.data.rows("test")[:1])[0].contiguous()  # the page's
    top = int(digits.model.logits(image[None])[0].argmax())
    networks = (digits.model, sparsity.pruned(digits.model, masks))
    cases = [ImageCase(net, image, Target(top)) for net in networks]
    answers = [Prediction()(case)["classes"].values for case in cases]
    heats = [GradCam()(case)["map"].values for case in cases]
    labels = digits.model.labels
    second = labels[int(answers[1].argmax())]
    stays = second == labels[top]
    verdict = f"stays {second}" if stays else f"changes from {labels[top]} to {second}"
    assert f"{100 * masks.sparsity:.3g} % of the weights are taken out" in words(at)
    assert f"the answer {verdict}" in words(at)
    metrics = {metric.label: metric.value for metric in at.main.metric}
    assert metrics["Confidence"] == f"{100 * answers[1][top]:.0f} %"
    assert metrics["Hottest tenth"] == f"{100 * top_overlap(*heats):.0f} %"
    assert metrics["Order"] == f"{rank_correlation(*heats):.2f}"
    assert f"{masks.kept:,} of {masks.total:,} weights stay" in words(at)


def test_the_slider_moves_masks_bars_and_answer_and_at_0_nothing_is_lost():
    at = opened(ratio="0.0")
    assert "Nothing is taken out: it says 1." in words(at)
    metrics = {metric.label: metric.value for metric in at.main.metric}
    assert (metrics["Hottest tenth"], metrics["Order"]) == ("100 %", "1.00")
    before = words(settled(at.slider(key="prune.ratio").set_value(0.3).run()))
    assert "SNIP ratio was made" not in before
    after = words(settled(at.slider(key="prune.ratio").set_value(0.97).run()))
    assert before != after
    assert "97 % of the weights are taken out" in after


@pytest.mark.parametrize("ratio", ["1", "1.0", "-0.1", "much"])
def test_a_ratio_that_cannot_be_is_a_sentence_and_the_page_stands(ratio):
    at = opened(ratio=ratio)
    assert any(f"“{ratio}” as Prune ▸ Ratio" in sentence for sentence in problems(at))
    assert SENTENCE.match(at.main.header[0].value)


def test_a_rule_that_cannot_be_met_is_a_sentence():
    at = opened(ratio="0.995", allocation="uniform+", structure="filter")
    assert any("uniform+ holds" in sentence for sentence in problems(at))
    at.slider(key="prune.ratio").set_value(0.5).run()
    assert SENTENCE.match(settled(at).main.header[0].value)


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({"ratio": "0.995", "allocation": "global"}, "99.5 % of the weights are taken out"),
        ({"structure": "N:M", "pattern": "1:4"}, "1:4 of every group stay"),
        ({"allocation": "SNIP ratio"}, "SNIP ratio was made for networks before training"),
    ],
)
def test_what_is_cut_is_said(link, sentence):
    at = opened(**link)
    assert sentence in words(at)
    assert SENTENCE.match(at.main.header[0].value)
    assert at.slider(key="prune.ratio").disabled == ("pattern" in link)  # it is its own ratio


def test_a_model_without_a_layer_to_prune_is_a_sentence(monkeypatch):
    unmet = classmethod(lambda _cls, _case: "it has no such layer.")
    monkeypatch.setattr(sparsity.Prune, "unmet", unmet)
    at = visit(DIGITS, PRUNE)
    assert problems(at) == ["Digits CNN cannot be pruned: it has no such layer."]
    assert not at.main.header


def test_a_kernel_opens_with_its_layer_s_histogram_and_what_it_makes_of_the_image(digits):
    at = opened(section="Kernels", ratio="0.8", layer="conv2")
    masks = sparsity.pruner_of(digits, "Magnitude", sparsity.MaskRules()).at(0.8)
    part = next(part for part in masks.parts if part.layer == "conv2")
    cut = part.size - int(masks.array(part.name).sum())
    assert f"{cut:,} of {part.size:,} weights of this layer are cut" in words(at)
    assert "of the image, before and after" in words(at)
    at.session_state["prune.filter"] = 5
    at.run()
    assert "**Filter 5 of the image, before and after**" in words(at)
    at.session_state["prune.filter"] = 10_000  # of another, larger layer
    at.run()


def test_patterns_fold_back_and_groups_are_told_in_words():
    at = opened(section="Patterns")
    assert "kernels of 3 × 3 show" in words(at)
    assert "every group of 4 weights keeps exactly 2" in words(at)
    assert "For each place of the kernel" in words(at)
    at.selectbox(key="prune.groups.pattern").set_value("1:8").run()
    assert "every group of 8 weights keeps exactly 1" in words(settled(at))


def test_a_pattern_is_learned_and_how_sharp_the_choice_got_is_told(monkeypatch, digits):
    quick = sparsity.LearnedPattern(epochs=1, each=5)
    monkeypatch.setattr("engine.sparsity.masks.pruning.criterion_of", lambda *_: quick)
    at = opened(section="Patterns", criterion="Learned N:M", structure="N:M")
    assert at.button(key=GO).label.startswith("Search for the mask at 2:4")
    assert "A search belongs to one pattern" in words(at)
    at = settled(at.button(key=GO).click().run())
    assert "every group of 4 weights keeps exactly 2" in words(at)
    assert course_words(run.answer(quick, digits)["course"]) in words(at)
    assert "that pattern only" not in words(at)
    at.selectbox(key="prune.structure").set_value("weight").run()
    assert "was learned for 2:4 and holds for that pattern only" in words(settled(at))


def test_two_criteria_are_compared_beside_chance(digits):
    at = opened(section="Two criteria", ratio="0.7", other="SNIP")
    rules = sparsity.MaskRules()
    masks = (sparsity.pruner_of(digits, name, rules).at(0.7) for name in ("Magnitude", "SNIP"))
    result = overlap(*masks)
    assert f"both keep {100 * result.iou:.1f} %" in words(at)
    assert f"chance would give {100 * result.chance:.1f} %" in words(at)


def test_masks_of_all_criteria_are_a_matrix_and_searched_ones_come_in(monkeypatch, digits):
    usual = pruning.criterion_of

    def quick(*given):
        method = usual(*given)
        return replace(method, epochs=1) if method.cost == "job" else method

    monkeypatch.setattr(pruning, "criterion_of", quick)
    at = opened(section="All criteria", ratio="0.7")
    assert not problems(at)
    assert "Most alike: " in words(at)
    assert "Learned N:M, 2:4" not in words(at)
    assert "Not here: Learned. It needs" in words(at)
    for title in ("Lottery Jackpot, 70 % cut", "Learned N:M, 2:4"):
        search = next(b for b in at.button if b.label.startswith(f"Search: {title}"))
        at = settled(search.click().run())
    assert "In the pieces that they are searched in: Learned N:M, 2:4." in words(at)
    frames = [frame.value for frame in unfolded(at).main.dataframe]
    tables = [frame for frame in frames if "SynFlow, " in " ".join(map(str, frame))]
    jackpot = sparsity.Prune(criterion="Lottery Jackpot", ratio=0.7).masks(digits)
    pattern = sparsity.Prune(criterion="Learned N:M", structure="N:M").masks(digits)
    expected = overlap(jackpot, pattern)
    for table, value in zip(tables, (expected.iou, expected.chance), strict=True):
        names = table.columns.tolist()
        result = names.index(f"Learned N:M, 2:4, {percent(pattern.density)} kept")
        row = result - (len(names) - len(table))
        column = f"Lottery Jackpot, {percent(jackpot.density)} kept"
        assert table[column].iloc[row] == pytest.approx(value, abs=1e-3)


def test_only_masks_that_keep_equal_shares_are_called_alike():
    names, units = ("A", "B", "C"), ("share",) * 3
    iou = Table.grid(np.array([[1, 0.2, 0.9], [0.2, 1, 0.8], [0.9, 0.8, 1]]), names, names, units)
    sentence = overlaps.sentence(iou, iou, (0.3, 0.3, 0.5))
    assert sentence.startswith("Most alike: A and B (20 %, by chance 20 %). Least: A and B ")
    assert sentence.endswith("Pairs that keep other shares are left out.")
    whole = overlaps.sentence(iou, iou, (0.3, 0.3, 0.301))
    assert whole.startswith("Most alike: A and C (90 %")
    assert "left out" not in whole
    assert overlaps.sentence(iou, iou, (0.3, 0.2, 0.5)).startswith("No two keep the same share")
    alone = Table.grid(np.eye(1), ("A",), ("A",), ("share",))
    assert overlaps.sentence(alone, alone, (0.3,)).startswith("No two keep")


def test_a_searched_mask_stands_in_its_own_pieces_where_others_are_cut():
    for cut, ratio in (
        (sparsity.Prune(structure="N:M", pattern="1:4"), 0.75),
        (sparsity.Prune(structure="filter", ratio=0.6), 0.6),
    ):
        plain, jackpot, learned = (
            overlaps.as_searched(replace(cut, criterion=title))
            for title in ("Magnitude", "Lottery Jackpot", "Learned N:M")
        )
        assert plain == cut
        assert (jackpot.structure, jackpot.ratio) == ("weight", ratio)
        assert learned.structure == "N:M"


def test_masks_from_a_file_are_compared_and_a_bad_file_is_a_sentence(digits):
    at = opened(section="Two criteria", ratio="0.7", other="Masks from a file")
    masks = sparsity.pruner_of(digits, "Magnitude", sparsity.MaskRules()).at(0.7)
    uploader = at.file_uploader(key="prune.masks")
    uploader.set_value(("m.npz", sparsity.masks_file(masks), "application/octet-stream")).run()
    assert "both keep 100.0 %" in words(at)
    at.file_uploader(key="prune.masks").set_value(("m.npz", b"no masks", "")).run()
    assert any("no file of masks" in sentence for sentence in problems(at))
    assert SENTENCE.match(at.main.header[0].value)


def test_the_curve_has_the_point_of_now_and_a_budget_that_is_stated(digits):
    at = opened(section="Accuracy", ratio="0.9")
    accuracy = float(sparsity.Level(ratio=0.9)(digits)["figures"].values[0])
    assert f"At this ratio **{100 * accuracy:.3g} %**" in words(at)
    at.slider(key="prune.Tradeoff.epochs").set_value(0).run()
    at.button(key="prune.Tradeoff.go").click().run()
    at = unfolded(settled(at))
    (table,) = [f.value for f in at.main.dataframe if "after pruning" in f.value.columns]
    expected = run.answer(sparsity.Tradeoff(epochs=0), digits)["levels"].values
    assert table["after pruning"].to_numpy() == pytest.approx(expected[:, 3])


def test_the_whole_model_of_a_pattern_s_curve_is_the_dense_one(digits):
    dense = 100 * share_correct(digits.model, digits)
    for pattern, end in (
        ("2:4", "Right after pruning up to 50 % may go without losing more."),
        ("1:16", "Right after pruning every level that was tried loses more than a point."),
    ):
        result = sparsity.Tradeoff(epochs=0, structure="N:M", pattern=pattern)(digits)
        sentence = accuracy.finding(result, "right")
        assert sentence == f"The whole model: {dense:.3g} % right (gray band: ± 1 point). {end}"


def test_a_curve_that_is_stopped_shows_its_levels_and_begins_again(monkeypatch):
    begun, until = Event(), time.monotonic() + 200

    def endless(_tradeoff, _case, _masks, progress):
        begun.set()  # the level before, of nothing cut, needs no training and is done
        while time.monotonic() < until:
            progress(0.5, "held up")
            time.sleep(0.01)

    monkeypatch.setattr(sparsity.Tradeoff, "again", endless)
    at = opened(section="Accuracy", Tradeoff__rate="0.02")
    at.button(key="prune.Tradeoff.go").click().run()
    assert begun.wait(100)
    at.run()
    at.button(key="prune.Tradeoff.stop").click().run()
    assert any("Stopped" in sentence for sentence in problems(at))
    assert "What was done by then" in words(at)
    assert at.button(key="prune.Tradeoff.again")
    assert SENTENCE.match(at.main.header[0].value)
    at = unfolded(at)
    assert [len(f.value) for f in at.main.dataframe if "stays" in f.value.columns] == [1]


def test_what_is_lost_is_the_engine_s(digits):
    at = opened(section="What is lost", ratio="0.95", Harm__images="50", Harm__maps="2")
    at = settled(at.button(key="prune.Harm.go").click().run())
    result = run.answer(sparsity.Harm(ratio=0.95, images=50, maps=2), digits)
    table, text = result["calibration"], words(at)
    assert f"Off by {100 * table['ECE'][1]:.1f} points on average (ECE" in text
    assert f"divided by {table['temperature'][1]:.2f}" in text
    changed = (result["images"].values[:, 2] != result["images"].values[:, 3]).sum()
    assert f"{changed} of 50 test images get another answer" in text
    table = run.answer(sparsity.Unknown(ratio=0.95), digits)["told"]
    dense, pruned_ = (100 * table.values[:, at_].mean() for at_ in (0, 1))
    assert f"{dense:.3g} % of the time in the whole model and {pruned_:.3g} % in" in text
    worse = (table.values[:, 4] < 0).sum()
    assert 0 < worse < len(table.rows)
    assert f"below 0) in {worse} and" in text
    assert "Known: 400 test images. Unknown: 200 × Shape scenes" in text


def test_cost_says_what_is_saved_in_theory_and_in_truth_and_measures_time(digits):
    at = opened(section="Cost and speed", ratio="0.9")
    cost = sparsity.Prune(ratio=0.9)(digits)["cost"]
    table = dict(zip(cost.rows, cost.values[:, 0], strict=True))
    theory = 1 - table["theoretical"] / table["dense"]
    assert f"{100 * theory:.3g} % of the multiply-adds would be" in words(at)
    assert "a zero is multiplied like any other number" in words(at)
    assert "this computer has none" in words(at)
    at.button(key="prune.latency.go").click().run()
    assert not [button for button in at.button if button.key == "prune.latency.go"]
    at = settled(at)
    assert re.search(r"1 at a time: masked × [\d.]+, channels taken out × [\d.]+", words(at))
    assert re.search(r"32 at a time: masked × [\d.]+", words(at))


def test_the_narrowed_network_becomes_an_onnx_file_that_was_compared():
    at = opened(section="Keep it", structure="group", ratio="0.5")
    assert "channels of" in words(at)
    at = settled(at.button(key="prune.onnx.go").click().run())
    (millionths,) = re.findall(r"differ from PyTorch’s by at most (\S+) millionths", words(at))
    assert 0 <= float(millionths) <= 10
    labels = [download.proto.label for download in at.main.get("download_button")]
    assert "Download the ONNX file" in labels


def test_the_pruned_model_is_kept_below_its_parent_and_is_the_sidebar_s_when_taken_along(
    empty_home,
):
    at = opened(section="Keep it", ratio="0.7")
    assert "masks" in " ".join(file.proto.label for file in at.main.get("download_button"))
    at = settled(at.button(key="prune.Prune.go").click().run())
    assert "Kept as a model: Digits CNN ▸ 70.0 % cut · Magnitude" in words(at)
    (stored,) = checkpoints.visible_models()
    assert json.loads(stored.card.as_json())["settings"]["ratio"] == 0.7
    assert sparsity.masks_in(catalog.load(stored.name)).sparsity == pytest.approx(0.7, abs=1e-4)
    at.button(key="prune.Prune.take.heatmaps").click().run()
    assert at.session_state["model"] == stored.name
    assert at.session_state["subject"].name.startswith("digits/")


def test_a_child_whose_parent_was_deleted_is_pruned_like_any_other(digits, empty_home):
    parent = checkpoints.load(sparsity.keep(sparsity.Prune(ratio=0.2)(digits)).name)
    child = sparsity.keep(sparsity.Prune(ratio=0.5)(sparsity.PruneCase(parent, digits.data)))
    name = next(entry.name for entry in checkpoints.visible_models() if entry.name != child.name)
    checkpoints.delete(name)
    lines = visit(view=PRUNE).sidebar.selectbox(key="model").options
    (line,) = [line for line in lines if line.endswith(child.name[-4:])]
    at = settled(visit(DIGITS | {"model": line, "prune.ratio": "0.7"}, PRUNE))
    assert "70 % of the weights are taken out" in words(at)
    assert "Handwritten digits" in words(at)


def test_a_pruned_model_taken_to_prune_is_cut_in_a_second_round(digits, empty_home):
    at = opened(section="Keep it", ratio="0.66")
    assert "This is round 1." in words(at)
    assert "Round 2" not in words(at)
    at = settled(at.button(key="prune.Prune.go").click().run())
    at = settled(at.button(key="prune.Prune.take.prune").click().run())
    assert "Round 2: 66 % of the weights were cut before and stay cut" in words(at)
    at = settled(at.slider(key="prune.ratio").set_value(0.9).run())
    first = checkpoints.load(checkpoints.visible_models()[0].name)
    masks = sparsity.Prune(ratio=0.9).masks(sparsity.PruneCase(first, digits.data))
    assert masks.inside(sparsity.masks_in(first))
    assert "90 % of the weights are taken out" in words(at)
    assert f"{masks.kept:,} of {masks.total:,} weights stay" in words(at)
    at = settled(at.slider(key="prune.ratio").set_value(0.2).run())
    assert "66 % of the weights are taken out" in words(at)  # what was cut stays cut
    assert "were cut in an earlier round and stay cut" in words(at)


def test_learned_scores_are_opened_from_a_file_and_cut_by_them(digits):
    at = visit(DIGITS | {"prune.criterion": "Learned", "prune.ratio": "0.5"}, PRUNE)
    assert "Nothing is learned on this page" in at.main.info[0].value
    assert not at.main.header
    scores = Magnitude()(digits)["scores"].values
    out = written(np.savez, **{name: -score for name, score in scores.items()})
    at.file_uploader(key="prune.scores").set_value(("s.npz", out, "")).run()
    at = settled(at)
    assert "50 % of the weights are taken out" in words(at)
    at.file_uploader(key="prune.scores").set_value(("s.npz", b"tea", "")).run()
    assert any("no file of scores" in sentence for sentence in problems(at))


def test_retraining_is_a_job_with_its_curves_and_the_model_is_kept(empty_home):
    at = opened(section="Keep it", ratio="0.95", Retrain__epochs="2")
    at = settled(at.button(key="prune.Retrain.go").click().run())
    assert "test accuracy right after pruning" in words(at)
    assert "After 2 of 2 epochs" in words(at)
    assert "Kept as a model" in words(at)
    (stored,) = checkpoints.visible_models()
    assert sparsity.masks_in(catalog.load(stored.name)).sparsity == pytest.approx(0.95, abs=1e-4)


def test_retraining_that_is_stopped_keeps_its_curves_and_can_be_resumed(monkeypatch, empty_home):
    report = TrainingRun.report
    # a quiet machine is through with fifty epochs before anybody could press Stop
    monkeypatch.setattr(
        TrainingRun, "report", lambda *given, **more: time.sleep(0.05) or report(*given, **more)
    )
    at = opened(section="Keep it", ratio="0.95", Retrain__epochs="50")
    at.button(key="prune.Retrain.go").click().run()
    at = settled(at, lambda at: re.search(r"After [1-9]\d* of 50 epochs", words(at)))
    at.button(key="prune.Retrain.stop").click().run()
    assert any("Stopped" in sentence for sentence in problems(at))
    assert "What was done by then" in words(at)
    assert re.search(r"After \d+ of 50 epochs", words(at))
    assert any(button.label == "Resume" for button in at.button)


def test_scores_are_computed_once_for_all_ratios(digits, monkeypatch):
    counted = []
    call = Magnitude.__call__
    monkeypatch.setattr(Magnitude, "__call__", lambda *given: counted.append(1) or call(*given))
    at = opened(ratio="0.3")
    first = len(counted)
    for ratio in (0.4, 0.5, 0.6):
        at.slider(key="prune.ratio").set_value(ratio).run()
    assert len(counted) == first <= 1


@pytest.fixture
def quick(monkeypatch):
    """The recipe of every model, for one epoch; no case of it is kept, before or after."""
    recipe = Recipe("lenet", epochs=1, batch=64, rate=0.05)
    monkeypatch.setattr("engine.vision.weights.case.recipe_of", lambda model: recipe)
    monkeypatch.setattr(view, "case_of", lambda model, _, seed: sparsity.prune_case(model, seed))
    return recipe


def test_what_another_seed_changes_stands_beside_what_pruning_changes(quick):
    at = opened(section="What is lost", ratio="0.9", Harm__images="40", Harm__maps="2")
    at = settled(at.button(key="prune.Harm.go").click().run())
    assert "dense network of another seed" not in words(at)
    at = settled(at.button(key="prune.Seeds.go").click().run())
    case = replace(sparsity.PruneCase(catalog.load("digits-cnn"), load("digits")), recipe=quick)
    result = run.kept_answer(sparsity.Seeds(ratio=0.9, images=40), case)
    assert result, "the page has asked something else"
    cut, differences = 100 * result["networks"].values[:, 2], 100 * result["pairs"].values[:, 0]
    assert f"Pruning changes {cut.mean():.1f} % of the answers" in words(at)
    assert f"two dense networks of other seeds differ in {differences.mean():.1f} %" in words(at)
    assert "another most frequent (modal) answer" in words(at)
    table = result["classes"]
    worse = (table["change"] < np.minimum(table["lowest other seed"], 0)).sum()
    more = f"{worse} of 10 classes lose" if worse else "No class loses"
    assert f"{more} more than" in words(at)


def test_four_criteria_prune_before_training_beside_a_network_with_nothing_cut(quick):
    at = opened(section="Before training", ratio="0.9", untrained__epochs="1")
    at = settled(at.button(key="prune.Untrained.go").click().run())
    text = words(at)
    case = sparsity.PruneCase(fresh(load("digits"), quick, 0), load("digits"))
    rate = Recipe().rate
    for criterion in ("SNIP", "GraSP", "SynFlow", "Random"):
        result = sparsity.RetrainPruned(criterion=criterion, ratio=0.9, epochs=1, rate=rate)(case)
        assert f"{criterion} {100 * result['figures'].values[0]:.1f} %" in text


def test_both_sides_are_shared_with_their_files_and_go_into_the_tray_as_they_are_shown():
    at = opened(ratio=0.3)
    assert {"prune.before.pin", "prune.after.pin"} <= {str(button.key) for button in at.button}
    assert any("sparsity.Prune" in code.value and "0.3" in code.value for code in at.code)
    at.button(key="prune.after.pin").click().run()
    (pin,) = at.session_state["report.tray"]
    assert pin.sentence == at.main.header[0].value
    assert len(pin.maps) == 1
    assert {"What it says", "Where it was taken out"} <= {exhibit.title for exhibit in pin.exhibits}
