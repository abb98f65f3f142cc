"""Where is it odd? as a visitor meets it: the oddest place, the twin, and what answers a patch."""

import re
from dataclasses import replace

import numpy as np
import pytest

from components.views import WHERE_ODD
from components.where_odd import answers, form, nova
from engine.anomaly import FamiliarCase, LesionsCase, Nova, PaDiM, PatchCore
from engine.core.run import answer, digest
from engine.evaluation.detection import sources
from engine.evaluation.detection.healthy import TWINS
from engine.vision.case import model_input
from engine.vision.data.example import example
from engine.vision.data.folders import read_folders
from engine.vision.data.nova import read_nova
from engine.vision.images import Crop
from engine.vision.models import catalog
from tests.engine.vision.data import nova_files
from tests.visits import pills, problems, question_in, settled, visit, words, zipped

DIGITS = {"image": "From a data set", "data": "Digits, 8 × 8", "item": "1", "model": "Digits CNN"}


def opened(**link):
    at = visit(DIGITS | {name.replace("__", "."): value for name, value in link.items()}, WHERE_ODD)
    return answered(at)


def answered(at):
    return settled(at, lambda at: at.main.header and not at.main.get("progress"))


def case_of(normal="digits"):
    """What the page asks about the first test image."""
    model, data = catalog.load("digits-cnn"), sources.normal("digits")
    row = data.rows("test")[0]
    picture = example(f"digits/{data.ids[row]}").picture()
    return FamiliarCase(model, model_input(picture, Crop(), model), sources.normal(normal))


def test_the_sentence_the_threshold_and_the_question_are_the_localizer_s():
    at, case = opened(), case_of()
    result = PatchCore()(case)
    assert at.main.header[0].value == PatchCore().finding(case, result)
    python = next(block.value for block in at.code if "anomaly.PatchCore" in block.value)
    assert question_in(python) == digest(PatchCore(), case)
    patches = result["patches"]
    nearest = int(patches["image 1"][patches["distance"].argmax()])
    assert f"The nearest normal patch is in image {nearest}," in words(at)


def test_another_localizer_and_fewer_normal_images_are_another_answer():
    at = opened(where__localizer="PaDiM", where__PaDiM__normals="10")
    result = PaDiM(normals=10)(case_of())
    assert at.main.header[0].value == PaDiM(normals=10).finding(case_of(), result)
    assert "leans on its shrinkage" in words(at)
    pills(at, "where.localizer").set_value("DictAS, untrained").run()
    at = answered(at)
    assert "anomaly.DictAS" in next(block.value for block in at.code if "anomaly." in block.value)


def test_a_clicked_patch_is_the_one_whose_answers_are_shown():
    table = PatchCore()(case_of())["patches"]
    hot = answers.hottest(table)
    assert (np.diff(hot["distance"]) <= 0).all()
    assert hot["left"][0] == pytest.approx((hot["column"][0] + 0.5) / (table["column"].max() + 1))
    at = opened()
    at.session_state[answers.CHOSEN] = int(hot["row"][3] * hot["columns"][3] + hot["column"][3])
    at.run()
    assert f"This patch is at {hot['distance'][3]:.3g}" in words(at)


def test_what_is_cut_out_is_around_the_patch():
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[16:24, 40:48] = 255  # row 2, column 5 of eight
    result = answers.crop_around(pixels, (2, 5), (8, 8))
    bright = result[..., 0] > 0
    assert result.shape == (answers.SIDE, answers.SIDE, 3)
    assert bright.mean() == pytest.approx(1 / 25, abs=0.01)
    rows, columns = np.nonzero(bright)
    assert rows.mean() == pytest.approx(47.5, abs=1)
    assert columns.mean() == pytest.approx(47.5, abs=1)
    assert answers.crop_around(pixels, (0, 0), (8, 8)).shape == result.shape


def test_too_few_normal_images_have_no_threshold_and_a_folder_of_one_s_own_is_offered():
    at = opened()
    content = zipped(photographs(side=8) | {"notes.txt": b"no picture"})
    at.file_uploader(key="where.file").set_value(("mine.zip", content, "application/zip")).run()
    options = at.selectbox(key="where.normal").options
    mine = next(option for option in options if option.startswith("Your data"))
    assert at.selectbox(key="where.normal").value == mine  # it is chosen at once
    assert any("1 file was left out" in expander.label for expander in at.expander)
    at = answered(at)
    assert "too few for a threshold at 5 %" in at.main.header[0].value
    assert "no false-alarm rate below" in words(at)


def photographs(count=4, side=40):
    """A zip of noise, each picture of one brightness of its own."""
    noise = np.random.default_rng(0).integers(0, 100, (count, side, side, 3), dtype=np.uint8)
    return {f"{at}.png": drawn + np.uint8(30 * at) for at, drawn in enumerate(noise)}


def test_normal_photographs_are_offered_whole_and_cut_and_compared_as_was_chosen():
    content, at = zipped(photographs()), opened()
    at.file_uploader(key="where.file").set_value(("mine.zip", content, "application/zip")).run()
    at.toggle(key="where.cut").set_value(True).run()
    options = at.selectbox(key="where.normal").options
    mine = [option for option in options if option.startswith("Your data")]
    assert [label.split(" · ")[0].endswith(", cut") for label in mine] == [False, True]
    sentences = []
    for title, pieces, count in zip(mine, (0, form.PIECES), (4, 64), strict=True):
        at.selectbox(key="where.normal").set_value(title).run()
        at = answered(at)
        dataset = read_folders(content, "mine.zip", 8, classless=True, pieces=pieces).data
        assert len(dataset) == count
        case = replace(case_of(), normal=dataset)
        result = PatchCore()(case)
        assert at.main.header[0].value == PatchCore().finding(case, result)
        sentences.append(f"This patch is at {result['patches']['distance'].max():.3g} (")
        assert sentences[-1] in words(at)
    assert len(set(sentences)) == 2


def test_a_model_without_maps_is_told_with_the_reason():
    at = settled(visit(DIGITS | {"model": "Digits MLP"}, WHERE_ODD))
    assert any("needs layers whose output is a map" in sentence for sentence in problems(at))


def test_a_phantom_is_one_click_away_and_begins_with_its_healthy_twin_beside_it():
    sources.normal(TWINS)  # drawn here, since a visit waits for two minutes only
    at = opened()
    at.button(key="where.phantom").click().run()
    at = answered(at)
    assert at.selectbox(key="where.normal").value == "Healthy twins of the brain phantoms"
    assert "The same slice without the lesion" in words(at)
    assert re.match("The oddest place is the|Nothing stands out", at.main.header[0].value)
    assert not any(button.key == "where.phantom" for button in at.button)


def test_a_file_in_nova_s_format_gives_its_table_and_a_broken_one_a_sentence(monkeypatch):
    data = sources.normal("digits")
    for module, name in ((nova, "load"), (sources, "normal")):  # others take minutes to draw
        monkeypatch.setattr(module, name, lambda _: data)
    rows, images = [], []
    for at, image in enumerate(data.images[data.rows("test")[:8], 0]):
        odd = at % 2 == 0
        images.append(np.where(np.indices((8, 8)).max(0) < 3, 255, image) if odd else image)
        boxes = [nova_files.box(0, 0, 3, 3)] if odd else []
        rows.append(nova_files.row(at, boxes, kind="square" if odd else "nothing"))
    content = zipped(nova_files.files(rows, [image.astype(np.uint8) for image in images]))
    at = settled(visit(DIGITS | {"where.nova.seed": "1"}, WHERE_ODD))
    uploader = at.file_uploader(key="where.nova.file")
    uploader.set_value(("nova.zip", nova_files.with_table(b"broken"), "application/zip")).run()
    assert any("is no Parquet table" in sentence for sentence in problems(at))
    at.file_uploader(key="where.nova.file").set_value(("n.zip", content, "application/zip")).run()
    mine = next(o for o in at.selectbox(key="where.nova.data").options if o.startswith("Your"))
    at.selectbox(key="where.nova.data").set_value(mine).run()
    at.selectbox(key="where.nova.normal").set_value("Digits, 8 × 8").run()
    next(button for button in at.button if button.label == "Measure").click().run()
    at = settled(at, lambda at: any("boxes" in header.value for header in at.header))
    dataset = read_nova(content, "n.zip", 8).data
    case = LesionsCase(catalog.load("digits-cnn"), dataset, data, seed=1)
    result = answer(Nova(), case)
    assert any(header.value == Nova().finding(case, result) for header in at.header)
    assert f"AUROC of pixels {result['table'].cell('all', 'AUROC'):.2f}" in words(at)
    table, boxes = result["table"], result["boxes"]
    share = 100 * table.cell("all", "TP30") / table.cell("all", "boxes")
    assert f"All boxes together find {share:.3g} % of lesions" in words(at)
    assert pills(at, "where.nova.shown").options == list(result["picture"].columns)
    assert f"{int(boxes['known'][boxes['image'] == 0].sum())} known (dashed)" in words(at)


def test_nothing_is_measured_or_drawn_of_nova_s_protocol_until_it_is_unfolded(monkeypatch):
    monkeypatch.setattr(nova, "load", lambda name: 1 / 0)
    assert not [selectbox for selectbox in opened().selectbox if selectbox.key == "where.nova.data"]
