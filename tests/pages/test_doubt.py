"""Confusion or ignorance as a visitor meets it: the sentence, the masses, blends, and bad links."""

from dataclasses import replace

import numpy as np
import pytest

from components.doubt import view, words
from components.doubt.view import top_beliefs
from components.views import DOUBT
from engine.anomaly import FVR, Blends, FamiliarCase
from engine.anomaly.fvr.blends import ITS_CLASS, OTHER, OTHERS
from engine.anomaly.fvr.findings import NONE, SEVERAL, kind_of_doubt, which_rises
from engine.anomaly.fvr.method import RULES
from engine.core.result import Table
from engine.evaluation.detection.sources import unknown
from engine.vision.data import load
from engine.vision.models import catalog
from tests.components.sidebar.test_subject import jpeg
from tests.scans import dicom, ramp
from tests.visits import png, problems, settled, visit
from tests.visits import words as texts

DIGITS = {"image": "From a data set", "data": "Digits, 8 × 8", "model": "Digits CNN"}


def both(at):
    return len(at.main.header) > 2 and not at.main.get("progress")


def opened(link=None):
    return settled(visit(link, DOUBT), both)


def case_of(row):
    model, data = catalog.load("digits-cnn"), load("digits")
    image = data.pixels([row])[0].contiguous()
    return FamiliarCase(model, image, data, unknown("mnist-5k", data, model))


def test_a_model_that_cannot_be_asked_is_told_why_and_an_example_stands_instead():
    at = opened()
    assert not problems(at)
    assert "An example, as EfficientNet-Lite0 cannot be asked. Try Digits CNN" in texts(at)
    helps = " ".join(caption.proto.help for caption in at.main.caption)
    assert "cannot be asked: what it learned from is not here with its labels." in helps
    data, rows = load("digits"), load("digits").rows("test")
    case = case_of(int(rows[data.labels[rows] == 3][0]))
    first, _, second = (header.value.replace("\\", "") for header in at.main.header[:3])
    assert first == FVR().finding(case, FVR()(case))
    assert second == which_rises(Blends(toward="8")(case))


def test_the_image_of_the_sidebar_is_asked_about_and_blended_step_by_step():
    at = opened(DIGITS | {"doubt.toward": "9", "doubt.step": "100 %"})
    assert not problems(at)
    case = case_of(int(load("digits").rows("test")[0]))
    result = Blends(toward="9")(case)
    text = texts(at)
    assert at.main.header[0].value.replace("\\", "") == FVR().finding(case, FVR()(case))
    names = result["confusion"].labels
    assert f"100 % toward 9: {words.step(result['class'], 20, names)}" in text
    assert f"100 % toward noise: {words.step(result['noise'], 20, names)}" in text
    assert f"“9” {100 * result['class'][OTHER][20]:.0f} %" in text
    masses = FVR()(case)["masses"]
    drawn = top_beliefs(masses)
    assert drawn.units == ("share",)  # in percent, as the numbers on the bars
    assert drawn["mass"][0] == masses["mass"][:-2].max()


def drawn_eight():
    """A digit of the data set as a person's picture of it: larger, in color, a little off."""
    data = load("digits")
    large = np.kron(data.images[data.labels == 8][3, 0], np.ones((24, 24), np.uint8))
    return np.stack([large, large // 2 + 60, large], 2)


OWN_FILES = {
    "my-eight.png": png(drawn_eight()),
    "scan.dcm": dicom(np.uint8(ramp(32, 0, 255))),
    "cup.jpg": jpeg(),
    "tiny.png": png(np.uint8([[0, 255]])),
}


def test_a_file_of_one_s_own_has_masses_and_a_place_among_the_others():
    at = visit(DIGITS, DOUBT)
    for name, content in OWN_FILES.items():
        before = at.session_state["subject"].case.fingerprint
        at = settled(at.file_uploader(key="subject.file").upload(name, content).run(), both)
        assert not at.error, name
        assert not at.warning, name
        chosen = at.session_state["subject"]
        assert chosen.case.fingerprint != before
        assert chosen.case.image.shape[1:] == (catalog.load("digits-cnn").side,) * 2
        case = replace(case_of(0), image=chosen.case.image)
        result = FVR()(case)
        assert at.main.header[0].value.replace("\\", "") == FVR().finding(case, result), name
        masses = result["masses"]
        assert masses["mass"].sum() == pytest.approx(1, abs=1e-9)
        place = view.cloud(result)
        assert place.rows[-1] == "this image"
        for column, row in (("confusion", SEVERAL), ("ignorance", NONE)):
            assert place[column][-1] == pytest.approx(masses.cell(row, "mass"), abs=1e-6)
        blends = Blends()(case)
        corner = blends["ignorance"].weights[:, 0] == 1
        ignorance = blends["ignorance"].values[corner][0]
        assert ignorance == pytest.approx(place["ignorance"][-1], abs=1e-6)
        assert at.main.header[2].value.replace("\\", "") == which_rises(blends), name
        assert name not in str(dict(at.query_params))  # a link has no file's name


def test_a_file_that_is_no_picture_is_a_sentence_and_the_old_image_stays():
    at = opened(DIGITS)
    before = at.main.header[0].value
    at.file_uploader(key="subject.file").upload("a.png", b"no picture").run()
    assert "“a.png” is a text file" in " ".join(problems(at))
    assert settled(at, both).main.header[0].value == before


def test_a_link_to_a_class_that_is_not_there_is_a_sentence():
    at = visit(DIGITS | {"doubt.toward": "elephant"}, DOUBT)
    assert "one of the model's classes" in " ".join(problems(at))


def masses(belief, confusion, ignorance, chosen):
    count = len(belief)
    return Table.of(
        {
            "mass": ([*belief, confusion, ignorance], "mass"),
            "plausibility": ([*belief, 0, 0], "probability"),
            "in the answer": ([*chosen, 0, 0], ""),
            "line": ([0] * count + [0.3, 0.4], "mass"),
        },
        [*"38a"[:count], SEVERAL, NONE],
    )


@pytest.mark.parametrize(
    "table",
    [
        masses([0.2, 0.3], 0.45, 0.05, [1, 1]),
        masses([0.1, 0.1], 0.1, 0.7, [0, 0]),
        masses([0.9, 0.0], 0.05, 0.05, [1, 0]),
        masses([0.5, 0.0], 0.4, 0.1, [1, 0]),
    ],
)
def test_the_sentence_is_the_kind_of_doubt(table, snapshot):
    assert [kind_of_doubt(table, count) for count in (20, 19)] == snapshot


def way(confusion, ignorance):
    rest = [1 - c - i for c, i in zip(confusion, ignorance, strict=True)]
    zero = [0.0] * len(rest)
    columns = {"share": zero, ITS_CLASS: rest, OTHER: zero, OTHERS: zero}
    columns |= {SEVERAL: confusion, NONE: ignorance}
    return Table.of({name: (column, "mass") for name, column in columns.items()})


def test_each_sentence_says_whether_the_doubt_is_the_one_that_should_rise(snapshot):
    """Toward a class the largest bulge counts; in noise, what is there at the end."""
    right, wrong = way([0.1, 0.5, 0.2], [0.0, 0.1, 0.0]), way([0.1, 0.2, 0.1], [0.0, 0.6, 0.0])
    assert [words.to_class("8", {"class": steps}) for steps in (right, wrong)] == snapshot
    wrong, right = way([0.1, 0.1, 0.4], [0.0, 0.8, 0.2]), way([0.3, 0.1], [0.0, 0.5])
    lost = way([0.1, 0.2], [0.0, 0.3]).renamed({ITS_CLASS: OTHERS, OTHERS: ITS_CLASS})
    assert [words.to_noise({"noise": steps}) for steps in (wrong, right, lost)] == snapshot


def test_failed_claims_and_what_several_answers_gain_are_said(snapshot):
    columns = {
        "unknown images": ([0.9, 0.7], "AUROC"),
        "errors": ([0.97, 0.8], "AUROC"),
        "wrong answers": ([7, 7], "images"),
    }
    doubts = Table.of(columns, ["ignorance", "confusion"])
    columns = {
        "true class in the answer": ([0.80, 0.90, 0.95], "share"),
        "classes to an answer": ([1.0, 1.0, 1.2], ""),
        "normal images rejected": ([0.0, 0.1, 0.1], "share"),
        "unknown images rejected": ([0.0, 0.6, 0.6], "share"),
    }
    sets = Table.of(columns, RULES)
    assert [words.doubts({"doubts": doubts}), words.sets({"sets": sets})] == snapshot
