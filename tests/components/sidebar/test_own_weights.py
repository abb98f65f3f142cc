"""What a visitor states about their weights and classes is for that visitor's eyes."""

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from components import input_formats
from components.sidebar import models, own_weights, targets
from engine.core.result import Scores, Table
from engine.vision.images import Crop, load
from engine.vision.models import embedded
from tests import plain_loop, tiny
from tests.components.pages import page_of
from tests.in_memory import written
from tests.plain_loop import PlainTraining
from tests.visits import settled


def choosing():
    """The sidebar of a visitor whose model and class names are files of their own."""
    own_model = tiny.cnn()
    own_model.name, own_model.title = "file:123456", "Own weights 123456 (cnn)"
    own_model.labels = tuple(f"Secretum {index}" for index in range(4))
    st.session_state.setdefault("models.own", {own_model.name: own_model})
    note = {"title": "Smith's network", "file": "Patient Smith.pt", "format": "stated"}
    st.session_state.setdefault("models.notes", {own_model.name: note})
    st.session_state.setdefault("models.whose", "Smith's network")
    model = models.choose()
    assert model is not None
    assert model.name == own_model.name
    own_weights.draw_format(model, load(picture()), Crop())
    values = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    target = targets.choose_target(Scores(values, model.labels, "probability"), model)
    st.text(f"{target.index} rather than {target.versus}")


def test_a_link_has_neither_the_name_of_a_file_nor_its_class_names():
    at = page_of(choosing)
    assert any("Patient Smith.pt" in caption.value.replace("\\", "") for caption in at.caption)
    at.selectbox(key="target").set_value("Secretum 2").run()
    at.selectbox(key="versus").set_value("Secretum 1").run()
    assert at.text[0].value == "2 rather than 1"
    linked = {box.proto.query_param_key: box.proto.options for box in at.selectbox}
    assert not {"target", "versus", "model"} & linked.keys()
    assert "Smith" not in str([options for key, options in linked.items() if key])
    (source_radio,) = [radio for radio in at.radio if radio.key == "models.whose"]
    assert source_radio.proto.options == ["Smith's network", "from the list"]
    assert not source_radio.proto.query_param_key  # the name is this session's alone
    assert any(" px, RGB, " in caption.value for caption in at.caption)


def picture() -> bytes:
    return written(Image.new("RGB", (40, 40), "teal").save, "PNG")


def asking() -> None:
    """A page that asks the chosen model about an image; it stands alone: tests of pages run it."""
    import streamlit as st

    from components.sidebar import models, own_weights
    from engine.vision.images import Crop, load
    from tests.components.sidebar.test_own_weights import picture

    model = models.choose()
    assert model is not None
    st.text(model.name)
    if model.name.startswith("file:"):
        own_weights.draw_format(model, load(picture()), Crop())


def captions(at: AppTest) -> str:
    return " ".join(caption.value for caption in at.caption)


def opening(at: AppTest, content: bytes, suffix: str, called: str, architecture: str) -> AppTest:
    """The page after one press on the form."""
    at.file_uploader(key="models.weights").set_value((f"Patient Smith.{suffix}", content, ""))
    at.text_input(key="models.arch").set_value(architecture)
    at.text_input(key="models.called").set_value(called)
    at.button(key="models.open").click().run()
    return at


def test_one_press_opens_names_and_asks_weights_of_one_s_own():
    network = plain_loop.untrained(PlainTraining())
    at = page_of(asking)
    default_model = at.text[0].value
    at = opening(at, plain_loop.weights(network), "pt", "My network", "test_efficientnet")
    assert at.radio(key="models.whose").value == "My network"  # nothing else was pressed
    model_name = at.text[0].value
    assert model_name.startswith("file:")
    assert "My" not in model_name
    assert "takes 160 × 160 px, RGB, ImageNet" in captions(at)
    at.radio(key="models.whose").set_value("from the list").run()
    assert at.text[0].value == default_model
    at.session_state["model"] = "digits-mlp"  # as another page chooses one
    at.radio(key="models.whose").set_value("My network").run()
    assert at.text[0].value in {model_name, "digits-mlp"}
    at = opening(at, embedded.file_of("digits-cnn").read_bytes(), "safetensors", "My network", "")
    assert at.radio(key="models.whose").value == "My network (2)"
    assert "takes 8 × 8 px" in captions(at)
    assert "its card says so" in captions(at)
    titles = {name: model.title for name, model in at.session_state["models.own"].items()}
    assert "network" not in str(titles)  # records and jobs have the title
    assert "Smith" not in str(titles)


def test_a_file_that_does_not_fit_is_a_sentence_and_the_model_stays():
    at = page_of(asking)
    default_model = at.text[0].value
    for content, suffix, expected in (
        (b"junk", "safetensors", "damaged"),
        (plain_loop.weights(plain_loop.untrained(PlainTraining())), "pt", "architecture"),
    ):
        at = opening(at, content, suffix, "", "")
        assert any(expected in error.value.replace("\\", "") for error in at.error)
        assert at.text[0].value == default_model


def test_the_format_can_be_stated_and_is_compared_on_the_image_in_sight():
    content = plain_loop.weights(plain_loop.untrained(PlainTraining()))
    at = opening(page_of(asking), content, "pt", "Mine", "test_efficientnet")
    at.session_state["models.format.open"] = True
    at.run()
    at.toggle(key="models.compare").set_value(True).run()
    (table,) = [frame.value for frame in at.dataframe if "Probability" in frame.value]
    assert "32 × 32 px, RGB, ImageNet" in list(table["Format"])
    assert len(set(table["Probability"])) > 1  # formats matter
    side = next(field for field in at.number_input if field.key.startswith("models.stated."))
    side.set_value(32).run()
    at.button(key="models.read").click().run()
    assert at.radio(key="models.whose").value == "Mine"
    (model,) = at.session_state["models.own"].values()
    assert model.side == 32
    assert "takes 32 × 32 px, RGB, ImageNet" in captions(at)
    assert len(at.session_state["models.own"]) == 1


def test_a_network_of_one_channel_opens_and_has_one_mean():
    how = PlainTraining(channels="gray", made=(("in_chans", 1),))
    content = plain_loop.weights(plain_loop.untrained(how))
    at = opening(page_of(asking), content, "pt", "Mine", "test_efficientnet")
    assert "takes 160 × 160 px, gray, mean 0.485" in captions(at)
    at.session_state["models.format.open"] = True
    at.run()
    (channels,) = [box for box in at.selectbox if box.key.endswith(".channels")]
    assert channels.options == ["gray"]
    key = next(field.key for field in at.text_input if field.key.endswith(".Mean"))
    assert at.text_input(key=key).value == "0.485"
    at.text_input(key=key).set_value("0.1 0.2 0.3").run()
    assert any("give one number; this network takes 1" in error.value for error in at.error)
    at.text_input(key=key).set_value("0.25").run()
    at.button(key="models.read").click().run()
    assert "gray, mean 0.25, spread 0.229" in captions(at)


@pytest.mark.slow
def test_labeled_images_show_the_right_format_and_name_the_classes():
    how = PlainTraining()
    at = page_of(asking)
    at = opening(at, plain_loop.weights(plain_loop.trained(how)), "pt", "Mine", "test_efficientnet")
    at.session_state["models.format.open"] = True
    at.run()
    images = plain_loop.zipped(slice(0, 300))
    at.file_uploader(key="models.labeled").set_value(("some.zip", images, "")).run()
    at = settled(at)
    (table,) = [frame.value for frame in at.dataframe if "Format" in frame.value]
    assert table["Format"][0] == "32 × 32 px, RGB, −1 … 1"
    at.button(key="models.read").click().run()
    (model,) = at.session_state["models.own"].values()
    assert model.side == 32
    assert model.labels == plain_loop.CLASSES


CLASSES = ("ant", "bee", "cat")


def choosing_order():
    """The order of the classes of a model that is right in that of the data, and a cut search."""
    counts = {"right 0": ([9], ""), "right by assignment": ([9], ""), "images": ([10], "")}
    orders = {input_formats.AS_IN_THE_DATA: (0, 1, 2)}
    st.text(str(input_formats.choose_order(orders, Table.of(counts), CLASSES, "k")))
    for tried in (20, 63):
        st.text(input_formats.left_out(Table.of({"tried": ([tried], ""), "planned": ([63], "")})))


def test_a_detected_order_is_confirmed_or_typed():
    at = page_of(choosing_order)
    assert at.selectbox(key="k.order").value == "as in the data"
    assert at.text[0].value == "(0, 1, 2)"
    assert "Only 20 of 63 formats were tried" in at.text[1].value
    assert not at.text[2].value
    at.selectbox(key="k.order").set_value("in an order of your own").run()
    assert at.text_area(key="k.typed").value == "ant\nbee\ncat"  # to be changed, not begun
    assert at.text[0].value == "(0, 1, 2)"
    at.text_area(key="k.typed").set_value("cat\nant\nbee").run()
    assert at.text[0].value == "(2, 0, 1)"
    at.text_area(key="k.typed").set_value("cat\nant\ndog").run()
    assert at.text[0].value == "None"
    assert "no class of these images" in at.error[0].value
    assert 0 < at.text_area(key="k.typed").proto.max_chars < 200
