"""Familiar? as a visitor meets it: one plain sentence, and what it rests on."""

import re
from copy import deepcopy

import numpy as np
import pytest
import torch

from components.views import FAMILIAR
from engine.anomaly import KNN, Compare, Conformal, FamiliarCase, ViM
from engine.core.run import digest
from engine.evaluation.detection.sources import unknown
from engine.vision.data import load, registry
from engine.vision.models import catalog, checkpoints
from engine.vision.models.card import card_of
from tests.visits import held_up, pills, problems, question_in, settled, unfolded, visit, words
from tests.visits import zipped as zip_of

DIGITS = {"image": "From a data set", "data": "Digits, 8 × 8", "model": "Digits MLP"}
SENTENCE = re.compile(r"(More unusual than|Nothing unusual)")


def opened(**link):
    at = visit(DIGITS | {name.replace("__", "."): value for name, value in link.items()}, FAMILIAR)
    return answered(at)


def answered(at):
    """The page once its sentence is there too."""
    return settled(at, lambda at: at.main.header and not at.main.get("progress"))


def case_of(item=1, name="digits-mlp", other="mnist-5k"):
    """What the page asks about the so-manieth test image."""
    model, data = catalog.load(name), load("digits")
    image = data.pixels(data.rows("test")[item - 1 : item])[0].contiguous()
    return FamiliarCase(model, image, data, unknown(other, data, model))


def noise(count, side=8):
    pictures = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    return zip_of({f"{number}.png": pixels for number, pixels in enumerate(pictures)})


def chosen_as_normal(at, content):
    """The page with a file of one's own among the normal images, which is chosen at once."""
    at.file_uploader(key="familiar.file").set_value(("mine.zip", content, "application/zip")).run()
    normal = at.selectbox(key="familiar.normal")
    assert normal.value == next(title for title in normal.options if title.startswith("Your data"))
    return answered(at)


def test_every_detector_goes_on_while_the_page_is_drawn_again(monkeypatch):
    hold = held_up(monkeypatch, Compare)
    at = visit(DIGITS, FAMILIAR)
    hold.begins(at)
    at.run()
    assert not hold.is_given_up(1)
    answered(at)


def test_four_photographs_are_too_few_for_a_verdict_and_the_score_and_what_is_missing_are_said():
    at = answered(visit(view=FAMILIAR))
    assert not problems(at)
    assert at.main.header[0].value.startswith(
        "Too few normal images for a verdict: they come from 4 photographs, and at least 20"
    )
    text = words(at)
    assert "This image's score is" in text
    assert "a zip of at least 67 normal pictures" in text
    for verdict in ("p-value among", "lies above the line", "most unusual", "false alarms;"):
        assert verdict not in text
    assert len(at.main.get("plotly_chart")) == 1  # what the score is made of


def test_a_digit_of_another_data_set_gets_a_verdict_that_its_p_value_bears_out():
    at = opened(data=registry.entry("mnist-5k").card.title, item="1", model="Digits CNN")
    sentence = at.main.header[0].value
    assert sentence.startswith("More unusual than")
    assert float(re.search(r"p = ([\d.]+)", sentence)[1]) <= 0.05
    assert "**This image lies above the line.**" in words(at)


def test_the_sentence_and_the_p_value_are_the_detector_s():
    at = opened(item="3")
    result = ViM()(case_of(3))
    total, _, least = (int(count) for count in result["counts"].values)
    sentence = at.main.header[0].value
    assert f"{least if 'Nothing' in sentence else total - least} of {total}" in sentence
    assert f"among all normal images: {result['p'].values[0]:.3g}" in words(at)
    assert f"can be reached here is {1 / (total + 1):.2g}" in words(at)


def test_another_detector_gives_its_own_answer_with_its_settings_and_its_lines_ask_it():
    at = opened(familiar__detector="KNN", familiar__KNN__k="5")
    result = KNN(k=5)(case_of())
    assert f"among all normal images: {result['p'].values[0]:.3g}" in words(at)
    assert "anomaly.KNN" in words(at)
    python = next(block.value for block in at.code if "anomaly.KNN" in block.value)
    assert question_in(python) == digest(KNN(k=5), case_of())
    pills(at, "familiar.detector").set_value("COSTARR").run()
    at = answered(at)
    assert "the logit decides alone" in words(at)
    assert "of what sets this image's features apart" in words(at)


def test_within_its_class_only_images_seen_alike_are_compared_with_and_the_band_is_said():
    at = opened(familiar__alpha="10 %")
    result = ViM()(case_of())
    ruler = Conformal(result["normal"].values.astype(float))
    alarms = int((result["held"].values > ruler.threshold(0.1)).sum())
    low, high = ruler.band(0.1)
    text = words(at)
    assert f"({alarms} false alarms)" in text
    assert f"between {100 * low:.3g} % and {100 * high:.3g} %" in text
    assert "finds this image most unusual" in text
    assert "Bonferroni" in text
    assert "seen as" not in text
    at.toggle(key="familiar.by-class").set_value(True).run()
    label = case_of().model.labels[int(result["subject"].predicted[0])]
    class_count = int(result["counts"].values[1])
    assert f"among {class_count} images seen as {label}: {result['p'].values[1]:.3g}" in words(at)
    at.toggle(key="familiar.Compare.odin").set_value(True).run()
    at = unfolded(answered(at))
    ranked = next(frame.value for frame in at.main.dataframe if "p-value" in frame.value.columns[0])
    assert "ODIN" in ranked.index


def test_a_promise_that_cannot_be_kept_is_one_sentence():
    at = opened(familiar__alpha="0.5 %")
    at = chosen_as_normal(at, noise(100))
    assert "With 30 normal images no false-alarm rate below 3.23 % can be promised" in words(at)


def test_unknown_images_can_be_others_made_worse_or_none():
    at = opened(familiar__unknown="Normal images with occlusion")
    area = ViM()(case_of(other="occlusion"))["measures"].values[0, 0]
    numbers = [element.value for element in at.main.table]
    assert any(area == pytest.approx(table.iloc[0, 0], abs=1e-5) for table in numbers)
    at.selectbox(key="familiar.unknown").set_value("none").run()
    at = answered(at)
    assert not problems(at)
    assert "**ROC**" not in words(at)


def test_the_slider_makes_the_image_worse_and_the_answer_moves():
    at = opened(familiar__closer="Made worse")
    assert "(p " in words(at)
    before = re.search(r"At this step the image scores ([−\d.e-]+)", words(at))[1]
    at.select_slider(key="familiar.severity").set_value("0.75").run()
    at = answered(at)
    assert before != re.search(r"At this step the image scores ([−\d.e-]+)", words(at))[1]
    assert "the model gets" in words(at)
    assert "From no noise to the most" in words(at)


def test_a_model_that_was_made_from_another_is_shown_beside_it(empty_home):
    parent = catalog.load("digits-mlp")
    child = deepcopy(parent)
    with torch.no_grad():
        for weight in child.parameters():
            weight[weight.abs() < 0.03] = 0
    child.__dict__.pop("fingerprint", None)
    card = card_of(child, title="cut", parent=parent, made_by="test", data="digits")
    name = checkpoints.put(card, child).name
    lines = visit(view=FAMILIAR).sidebar.selectbox(key="model").options
    (line,) = [line for line in lines if line.endswith(name[-4:])]
    at = opened(model=line, familiar__closer="Beside its parent")
    tables = [frame.value for frame in unfolded(at).main.dataframe]
    table = next(table for table in tables if table.index[0] == "cut")
    assert list(table.index) == ["cut", "Digits MLP (parent)"]
    child_result, other = ViM()(case_of(name=name)), ViM()(case_of())
    expected = [result["p"].values[0] for result in (child_result, other)]
    assert table.iloc[:, 0].tolist() == pytest.approx(expected, abs=1e-6)
    assert child_result["subject"].values[0] != other["subject"].values[0]
    parent = f"Digits MLP: {ViM().finding(case_of(), other)}"
    assert parent in [header.value for header in at.main.header]


def test_a_zip_of_one_s_own_can_be_normal_with_how_few_it_holds():
    at = chosen_as_normal(opened(), noise(6))
    title = at.selectbox(key="familiar.normal").value
    assert any(f"{title}”: 6 images of 1 class" in caption.value for caption in at.caption)
    assert not problems(at)
    assert re.match(r"Too few normal images for a verdict: \d can be", at.main.header[0].value)
    assert "4 normal images are too few for more than 2 directions" in words(at)
    assert "mine" not in str(dict(at.query_params))  # a link has no file's name


def test_a_folder_with_one_normal_image_or_none_is_one_sentence():
    at = opened()
    for content, reason in ((b"no zip", "is not a zip archive"), (noise(0), "holds no picture")):
        at.file_uploader(key="familiar.file").set_value(("bad.zip", content, "")).run()
        (problem,) = [error.value for error in at.error]
        assert reason in problem
        assert SENTENCE.match(at.main.header[0].value)
    at.file_uploader(key="familiar.file").set_value(("one.zip", noise(1), "application/zip")).run()
    assert any("at least two are needed" in sentence for sentence in problems(at))
