"""The sidebar: one image, one model, one target, and what is refused."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from streamlit.runtime.scriptrunner import RerunData, RerunException, get_script_run_ctx

from components.sidebar import pictures
from components.sidebar.examples import with_finding_first
from components.sidebar.pictures import read_crop
from engine.attribution import Gradient
from engine.core.run import digest
from engine.vision.case import ImageCase
from engine.vision.data.registry import add
from engine.vision.images import Crop
from engine.vision.images.samples import sample
from tests import tiny
from tests.hostile.archives import zipped
from tests.in_memory import written
from tests.visits import pills, problems, provenance, settled, visit


def jpeg(turned: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = turned
    return written(Image.fromarray(sample("coffee").pixels).save, "JPEG", quality=95, exif=exif)


def upload(at, name: str, content: bytes):
    return at.file_uploader(key="subject.file").upload(name, content).run()


def test_an_upload_is_read_shown_and_asked_about():
    at = upload(visit(), "cup.jpg", jpeg())
    assert at.selectbox(key="image").value == "Your image"
    assert all(line.endswith(" · espresso (logit)") for line in provenance(at))
    assert 'read(Path("your-image.png"))' in at.code[0].value
    assert at.session_state["subject"].arguments == {}  # no command can name it


@pytest.mark.parametrize(
    "link",
    [
        {"image": "From a data set", "data": "Digits, 8 × 8", "model": "Digits CNN"},
        {"image": "A cat (Chelsea)", "model": "Digits CNN", "crop": "0.25,0.5"},
    ],
)
def test_a_command_is_told_the_image_so_that_it_asks_about_the_same_pixels(link):
    subject = settled(visit(link)).session_state["subject"]
    case = subject.case.at("exact")
    again = ImageCase.from_arguments(**case.to_arguments(**subject.arguments))
    assert digest(Gradient(), again) == digest(Gradient(), case)


def test_the_rotation_that_a_camera_wrote_is_honored():
    at = upload(visit(), "cup.jpg", jpeg(turned=6))
    upright = sample("coffee").pixels.shape
    assert at.session_state["subject"].picture.pixels.shape == (upright[1], upright[0], 3)


def test_what_is_no_image_is_one_sentence_and_the_picture_stays_until_a_good_one_comes():
    at = visit()
    before = provenance(at)
    for name, content in {
        "cut.jpg": jpeg()[:5000],
        "page.png": b"<!doctype html><html><body>hello</body></html>",
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "archive.jpg": zipped({"a.txt": b"a"}),
        "noise.png": b"\x00\x01\x02" * 100,
        "empty.png": b"",
    }.items():
        at.file_uploader(key="subject.file").set_value((name, content, "")).run()
        (words,) = problems(at)
        assert name in words
        assert provenance(at) == before
        assert at.selectbox(key="image").value == "A cat (Chelsea)"
    at.file_uploader(key="subject.file").set_value(("cup.jpg", jpeg(), "image/jpeg")).run()
    assert not problems(at)
    assert at.selectbox(key="image").value == "Your image"


def test_a_link_to_data_of_another_person_s_file_is_refused_in_a_sentence():
    theirs = replace(tiny.data_set(("a", "b"), 8), name="upload-0123456789ab")
    add(theirs)
    for name in (theirs.name, f"{theirs.name}+noisy"):
        at = visit({"image": "From a data set", "data": name, "model": "Digits MLP"})
        assert at.selectbox(key="data").value == "Digits, 8 × 8"
        assert any(name in message for message in problems(at))
    plain = visit({"image": "From a data set", "data": "digits", "model": "Digits MLP"})
    assert plain.selectbox(key="data").options.count("Digits, 8 × 8") == 1


def test_an_upload_whose_reading_was_ended_half_way_is_read_in_the_next_run(monkeypatch):
    """As when the browser reports something else at that moment: Streamlit then begins anew."""
    at, read, ended = visit(), pictures.open_upload, []

    def taken(content, name):
        if not ended:
            ended.append(name)
            page = get_script_run_ctx().page_script_hash
            raise RerunException(RerunData(page_script_hash=page))
        read(content, name)

    monkeypatch.setattr(pictures, "open_upload", taken)
    upload(at, "cup.jpg", jpeg())
    assert ended
    assert at.selectbox(key="image").value == "Your image"
    assert all(line.endswith(" · espresso (logit)") for line in provenance(at))


def test_another_class_rival_or_reading_is_another_question():
    at = visit()
    at.selectbox(key="versus").set_value("lynx").run()
    assert all("Egyptian cat rather than lynx" in line for line in provenance(at))
    assert "versus=" in at.code[0].value
    assert "Egyptian cat" not in at.selectbox(key="versus").options
    at.selectbox(key="versus").set_value(None)
    at.selectbox(key="target").set_value("tabby").run()
    assert all(line.endswith(" · tabby (logit)") for line in provenance(at))
    for reading in ("probability", "margin"):
        pills(at, "reading").set_value(reading).run()
        assert all(f"tabby ({reading})" in line for line in provenance(at))


def test_a_link_opens_with_everything_that_it_names():
    link = {"image": "A cup of coffee", "target": "espresso", "versus": "eggnog"}
    at = visit(link | {"reading": "margin", "seed": "12", "crop": "0.1,0.5"})
    case = at.session_state["subject"].case
    assert case.target.words(case.model.labels) == "espresso rather than eggnog"
    assert (case.target.reading, case.seed) == ("margin", 12)
    assert at.session_state["subject"].crop == Crop(0.1, 0.5)
    assert not problems(at)


@pytest.mark.parametrize(
    ("key", "asked"),
    [
        ("image", "Your image"),
        ("model", "../../etc/passwd"),
        ("target", "no such class"),
        ("versus", "Egyptian cat"),  # it is what is asked about
        ("reading", "wild"),
        ("precision", "double"),
        ("seed", "-1"),
        ("heatmaps.methods", "No such method"),
    ],
)
def test_what_a_link_cannot_have_is_ignored_and_that_is_said(key, asked):
    at = visit({key: asked})
    (words,) = problems(at)
    assert f"The link asks for “{asked}” as" in words
    assert provenance(at)
    assert len(problems(at.run())) == 1


def test_a_crop_of_a_link_is_read_and_one_that_cannot_be_is_the_middle():
    for asked in ("", "a", "1", "2,0", "nan,0.5", "0.5,nan", "0.1,0.2,0.3", "-1,1"):
        assert read_crop(asked) == Crop(), asked
    assert read_crop("0.25,1") == Crop(0.25, 1.0)


def test_two_visitors_have_their_own_image():
    first, second = visit(), visit()
    upload(first, "cup.jpg", jpeg())
    second.run()
    assert second.selectbox(key="image").value == "A cat (Chelsea)"
    assert np.array_equal(second.session_state["subject"].picture.pixels, sample("chelsea").pixels)


def test_an_image_of_a_data_set_comes_with_its_mask_and_the_models_that_learnt_it():
    at = visit({"image": "From a data set", "data": "Digits, 8 × 8", "item": "3", "kind": "7"})
    assert at.number_input(key="item").value == 3
    assert any("class 7" in caption.value for caption in at.sidebar.caption)
    assert any("has not learned" in words for words in problems(at))
    at.button(key="examples.model").click().run()
    assert at.selectbox(key="model").value == "digits-mlp"
    assert not any("has not learned" in words for words in problems(at))
    assert "image='example:digits/" in at.code[0].value


@pytest.mark.parametrize(
    ("link", "refused"),
    [
        ({"data": "Digits, 8 × 8", "item": "90000"}, "“90000” as Image"),
        ({"data": "digits+nonsense"}, "“digits+nonsense” as Data set"),
        ({"data": "digits+noisy:colour=blue"}, "“digits+noisy:colour=blue” as Data set"),
        ({"data": "digits+poisoned:target=500"}, "“digits+poisoned:target=500” as Data set"),
    ],
    ids=["image", "change", "setting", "value"],
)
def test_what_a_data_set_has_not_is_refused_and_the_view_is_drawn(link, refused):
    at = visit({"image": "From a data set"} | link)
    assert any(refused in words for words in problems(at))
    assert at.selectbox(key="data").value == "Digits, 8 × 8"
    assert at.main.title


def test_a_link_may_name_a_data_set_with_a_change():
    at = visit({"image": "From a data set", "data": "digits+noisy:share=0.3"})
    assert not any("The link asks" in words for words in problems(at))
    assert at.session_state["subject"].chosen.example.data.name == "digits+noisy:share=0.3"
    select_box = at.selectbox(key="data")
    assert select_box.options[-1] == "Digits, 8 × 8 · wrong labels (share 0.3)"
    assert "digits+noisy:share=0.3" in at.query_params["data"]  # which can be read back
    select_box.select(select_box.options[1]).run()
    assert select_box.options[1] in at.query_params["data"]
    at.selectbox(key="image").select("A cup of coffee").run()
    assert "data" not in at.query_params


def test_a_data_set_opens_on_an_image_that_shows_its_finding():
    masks = np.zeros((6, 4, 4), bool)
    masks[[3, 5], 1, 1] = True
    rows = np.array([0, 2, 3, 5])
    result = SimpleNamespace(truth={"mask": masks})
    assert with_finding_first(result, rows).tolist() == [3, 0, 2, 5]
    assert with_finding_first(result, rows[:2]).tolist() == [0, 2]
    assert with_finding_first(SimpleNamespace(truth={}), rows).tolist() == rows.tolist()
