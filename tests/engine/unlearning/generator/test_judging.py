"""What is counted of a sheet, how real images are divided, what the shipped generators draw.

Slow: what SalUn does to them over three seeds, for docs/measured.md. A class is taken as forgotten
when at most a tenth of its samples are read as it, and the others as kept when at most five points
fewer of theirs are read as asked than before.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.evaluation.measures.frechet import frechet
from engine.unlearning import GeneratorCase, GeneratorSalUn, Samples
from engine.unlearning.generator.judging import (
    PICTURED_SAMPLES,
    JudgedSheet,
    RealImages,
    as_pictures,
    features_of,
    for_judge,
    judge_samples,
    read_by,
)
from engine.unlearning.generator.sampling import SampleSettings
from engine.unlearning.generator.weights import plan
from engine.unlearning.salun.generator import AFTER, BEFORE, CHANCE
from engine.vision.models import embedded
from tests import tiny
from tests.outcomes import mean_sd

LABELS = ("a", "b", "c")


def sheet(read):
    """A sheet of gray images; the brightness says class and place."""
    read = np.array(read)
    places = np.arange(read.size).reshape(read.shape)
    images = np.broadcast_to(places[..., None, None], (*read.shape, 4, 4)).astype(np.uint8)
    return JudgedSheet(images, read, np.random.default_rng(0).normal(size=(*read.shape, 5)))


def test_shares_and_words_are_counted_by_hand():
    judged_sheet = sheet([[0, 0, 1, 2], [1, 1, 1, 1], [0, 0, 0, 1]])
    assert judged_sheet.readings.tolist() == [[0.5, 0.25, 0.25], [0, 1, 0], [0.75, 0.25, 0]]
    assert judged_sheet.agreed.tolist() == [0.5, 1.0, 0.0]
    assert judged_sheet.told(0, LABELS) == "2 of 4 read as a, 1 as b"
    assert judged_sheet.told(1, LABELS) == "4 of 4 read as b"
    assert judged_sheet.told(2, LABELS) == "0 of 4 read as c, 3 as a"


def test_a_strip_has_the_first_samples_and_the_forgotten_class_has_the_first_row():
    judged_sheet = sheet(np.zeros((2, 9), int))
    strip = judged_sheet.strip(1)
    assert strip.shape == (4, PICTURED_SAMPLES * 5 - 1, 1)
    assert strip[0, ::5, 0].tolist() == [9, 10, 11, 12, 13, 14]
    assert (strip[:, 4::5] == 255).all()
    sheets = {"before": sheet([[0, 0], [1, 1], [2, 0]]), "after": sheet([[1, 1], [1, 1], [2, 2]])}
    result = as_pictures(sheets, LABELS, "found", first=2)
    assert result.rows == ("asked for c", "asked for a", "asked for b")
    assert result.columns == ("before", "after")
    assert result.caption(0, 0) == "1 of 2 read as c, 1 as a"
    assert result.caption(1, 1) == "0 of 2 read as a, 2 as b"
    assert np.array_equal(result.images[0, 1], sheets["after"].strip(2))


def test_the_judge_reads_what_is_drawn_at_its_own_size():
    case = tiny.generator_case()
    images = torch.rand(5, 1, 8, 8, generator=tiny.seeded())
    assert torch.equal(for_judge(case.judge, images), images.expand(-1, 3, -1, -1))
    larger = for_judge(tiny.cnn(), images)
    assert larger.shape == (5, 3, 32, 32)
    assert 0 <= larger.min() <= larger.max() <= 1
    pixels = images.expand(-1, 3, -1, -1)
    assert read_by(case.judge, images).tolist() == case.judge.logits(pixels).argmax(1).tolist()
    result = judge_samples(case.generator, case, SampleSettings(passes=5, each=4))
    assert result.read.shape == (4, 4)
    again = torch.from_numpy(result.images[2] / np.float32(255))[:, None]
    assert np.allclose(features_of(case.judge, again), result.features[2], atol=0.05)


def test_real_images_are_divided_and_a_class_can_be_left_out():
    case = tiny.generator_case()
    every, some = RealImages.of(case, 5), RealImages.of(case, 500, without=1)
    train = case.data.rows("train")
    assert (len(every.part), len(every.rest)) == (5, len(train) - 5)
    others = int((case.data.labels[train] != 1).sum())
    assert len(some.part) == others // 2
    assert len(some.part) + len(some.rest) == others
    assert some.floor == pytest.approx(frechet(some.part, some.rest))
    assert not np.isin(np.round(some.part, 5), np.round(some.rest, 5)).all(1).any()


def test_the_judge_is_tried_on_test_images_of_the_classes_that_are_left():
    """Two test images are given another class than is seen in them; training images keep theirs."""
    case = tiny.generator_case()
    test = case.data.rows("test")
    labels = case.data.labels.copy()
    wrong = test[labels[test] == 1][:2]
    labels[wrong] = 2
    other = replace(case, data=replace(case.data, labels=labels))
    images = torch.from_numpy(case.data.images[test] / np.float32(255))
    predicted = read_by(case.judge, images)
    every, some = (RealImages.of(other, 5, without).right for without in (None, 1))
    assert every == pytest.approx(np.mean(predicted == labels[test]))
    is_kept = labels[test] != 1
    assert some == pytest.approx(np.mean(predicted[is_kept] == labels[test][is_kept]))
    assert every < RealImages.of(case, 5).right


def test_the_distance_leaves_the_forgotten_class_out():
    case = tiny.generator_case()
    real = RealImages.of(case, 8, without=1)
    features = np.random.default_rng(1).normal(size=(4, 6, real.rest.shape[1]))
    other = features.copy()
    other[1] += 100
    first, second = (
        JudgedSheet(np.zeros((4, 6, 8, 8), np.uint8), np.zeros((4, 6), np.int64), sheet_features)
        for sheet_features in (features, other)
    )
    assert real.distance(first, without=1) == pytest.approx(real.distance(second, without=1))
    assert real.distance(first) < real.distance(second)


def strip_images(view, row, column):
    """The single images of a strip, (n, 1, side, side) in [0, 1]."""
    strip = view.images[row, column, :, :, 0]
    side = len(strip)
    images = np.stack([strip[:, at * (side + 1) :][:, :side] for at in range(PICTURED_SAMPLES)])
    return torch.from_numpy(images / np.float32(255))[:, None]


@pytest.fixture(scope="module")
def samples_result():
    return Samples()(GeneratorCase.from_arguments(model="digits-generator"))


def test_samples_are_read_as_asked_by_another_judge():
    """An MLP that never judged them reads the pictures themselves."""
    result = Samples(each=8)(GeneratorCase.from_arguments(model="digits-generator"))
    judge, rows = embedded.load("digits-mlp"), range(10)
    right = [read_by(judge, strip_images(result["sheet"], row, 0)) == row for row in rows]
    assert np.mean(right) >= 0.85
    assert result["read"].values.diagonal().mean() >= 0.9
    assert np.allclose(result["read"].values.sum(1), 1)


def test_the_floor_lies_below_the_samples_and_the_sentence_has_the_figures(samples_result):
    figures = samples_result["figures"]
    floor, far = (figures.cell(name, "distance") for name in ("real images", "samples"))
    assert 0 < floor < far
    assert figures["images compared"].tolist() == [200, 200]
    assert figures.cell("real images", "read as asked") > 0.95
    case = GeneratorCase.from_arguments(model="digits-generator")
    sentence = Samples().finding(case, samples_result)
    assert f"{100 * figures.cell('samples', 'read as asked'):.0f} % of the samples" in sentence
    assert f"{far:.1f}" in sentence


def test_without_guidance_for_a_class_any_class_is_drawn():
    result = Samples(guidance=0.0, each=8)(GeneratorCase.from_arguments(model="digits-generator"))
    assert result["read"].values.diagonal().mean() < 0.4


COLUMNS = ("forgotten class", "other classes", "distance of the others")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("name", "label", "share"),
    [
        ("digits-generator", "3", 0.5),
        ("digits-generator", "3", 0.1),
        ("digits-generator", "3", 0.02),
        ("mnist-generator", "3", 0.5),
    ],
)
def test_a_class_is_forgotten_and_how_a_chance_mask_does(name, label, share, measure):
    """The seed is that of the noise, of the images at each step and of the chance mask."""
    method = GeneratorSalUn(label=label, share=share)
    cases = (GeneratorCase.from_arguments(model=name, seed=seed) for seed in range(3))
    figures = [method(case)["figures"] for case in cases]
    results = {
        (row, column): [figure.cell(row, column) for figure in figures]
        for row in ("real images", BEFORE, AFTER, CHANCE)
        for column in COLUMNS
    }
    for row in (BEFORE, AFTER, CHANCE):
        forgotten, others, far = (mean_sd(results[row, column], 2) for column in COLUMNS)
        measure(
            f"{plan(name).title}, class {label}, share {share:g}, 3 seeds: {row}",
            f"read as itself {forgotten}; others as asked {others}; distance of the others {far}",
        )
    floor = mean_sd(results["real images", COLUMNS[2]], 2)
    measure(f"{plan(name).title}, class {label}: distance of real images", floor)
    assert min(results[BEFORE, COLUMNS[0]]) >= 0.5
    if share == 0.5:
        assert max(results[AFTER, COLUMNS[0]]) <= 0.1
        lost = np.subtract(results[BEFORE, COLUMNS[1]], results[AFTER, COLUMNS[1]])
        assert max(lost) <= 0.05
