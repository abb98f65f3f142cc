"""The lab as a visitor meets it: data, a training, and the models that come of it."""

import re
import time
from dataclasses import dataclass, fields
from itertools import count

import numpy as np
import pytest

from components.lab.train import nearest_stop
from components.sidebar.pictures import FROM_DATA
from components.views import DATA_AND_MODELS, HEATMAPS
from engine.core.lane import lanes
from engine.vision.data import entries, load, phantoms
from engine.vision.data.folders import read_folders
from engine.vision.lab import TrainCase, under_way
from engine.vision.models import checkpoints, embedded
from engine.vision.training import Recipe, Regime, loop, train, unfinished
from engine.vision.training.fresh import fresh
from engine.vision.training.state import state_file
from tests.changed_files import medmnist
from tests.visits import pills, problems, settled, visit, words, zipped

MLP = {"lab.part": "Train", "lab.recipe.architecture": "mlp", "lab.recipe.epochs": "2"}
SEEDS = count(100)
pytestmark = pytest.mark.usefixtures("empty_home")


def opened(**link):
    return visit({name.replace("_", "."): value for name, value in link.items()}, DATA_AND_MODELS)


def picture(value):
    return np.full((16, 16, 3), value, np.uint8)


def trained():
    """The page after a training that nobody has asked for yet."""
    at = visit(MLP | {"lab.seed": str(next(SEEDS))}, DATA_AND_MODELS)
    at.button(key="lab.training.Train.go").click().run()
    return settled(at, lambda at: at.success)


def test_every_data_set_opens_with_its_card_and_its_numbers():
    few = {
        f"lab.{entry.name}.count": str(spec.metadata["control"].low)
        for entry in entries()
        for spec in fields(entry.recipe)
        if spec.name == "count"
    }
    for title in visit({}, DATA_AND_MODELS).radio(key="lab.data").options:
        at = visit(few | {"lab.data": title.replace("\\", "")}, DATA_AND_MODELS)
        assert title.replace("\\", "") in at.main.header[0].value.replace("\\", "")
        assert "License" in words(at)
        assert "Fingerprint" in words(at)
        assert len(at.main.dataframe)


def test_a_link_opens_a_data_set_with_its_settings_and_its_changes():
    link = {"lab.data": "Brain phantoms", "lab.phantoms.count": "40", "lab.noisy.share": "0.5"}
    link |= {"lab.phantoms.contrast": "0.5", "lab.variants": ["Wrong labels", "Long tail"]}
    at = visit(link, DATA_AND_MODELS)
    data = load("phantoms:count=40,contrast=0.5+noisy:share=0.5+long-tailed")
    sizes = np.bincount(data.labels)
    assert at.main.header[0].value == (
        f"Brain phantoms · wrong labels · long tail: {len(data)} images of {len(data.classes)} "
        f"classes, {sizes.min()} to {sizes.max()} of each."
    )
    assert data.fingerprint[:12] in words(at)
    assert not problems(at)


def test_of_phantoms_only_the_first_are_made_until_all_are_asked_for(monkeypatch):
    monkeypatch.setattr(phantoms, "FIRST", 40)
    link = {"lab.data": "Brain phantoms", "lab.phantoms.count": "60", "lab.show": "One by one"}
    at = visit(link | {"lab.image": "2"}, DATA_AND_MODELS)
    assert "40 images of 96 × 96 px" in words(at)
    assert "Label: **ring**" in words(at)
    assert "Group (patient or bag): **0**" in words(at)
    at.button(key="lab.all").click().run()
    assert "60 images of 96 × 96 px" in words(at)


@pytest.mark.parametrize("number", ["9" * 5000, "9" * 19, "inf", "nan"])
def test_a_link_to_an_image_beyond_all_numbers_is_refused_in_a_sentence(number):
    at = visit({"lab.show": "One by one", "lab.image": number, "lab.page": number}, DATA_AND_MODELS)
    assert any("it must be the id of an image of" in words for words in problems(at))
    assert any("it must be from 1 to" in words for words in problems(at))


def test_wrong_labels_are_told_beside_the_image():
    link = {"lab.variants": "Wrong labels", "lab.noisy.share": "0.9", "lab.show": "One by one"}
    at = visit(link, DATA_AND_MODELS)
    data = load("digits+noisy:share=0.9")
    wrong = int(data.ids[np.flatnonzero(data.labels != data.truth["clean_label"])[0]])
    at.number_input(key="lab.image").set_value(wrong).run()
    (row,) = data.places(np.array([wrong]))
    clean = data.classes[data.truth["clean_label"][row]]
    assert f"Label before it was made wrong: **{clean}**" in words(at)


def test_wrong_labels_and_poison_can_be_framed_in_the_contact_sheet():
    at = visit({"lab.variants": ["Wrong labels", "Poison"]}, DATA_AND_MODELS)
    assert pills(at, "lab.frame").options == ["wrong label", "poisoned", "nothing"]
    pills(at, "lab.frame").set_value("poisoned").run()
    pills(at, "lab.part").set_value("Data").run()
    at.multiselect(key="lab.variants").set_value(["Wrong labels"]).run()
    assert pills(at, "lab.frame").value == "wrong label"


def test_a_change_that_does_not_fit_is_one_sentence():
    link = {"lab.classes.first": "9", "lab.classes.count": "5", "lab.variants": "Some classes"}
    assert problems(visit(link, DATA_AND_MODELS)) == ["Digits, 8 × 8 has no class after 9: 9."]


def test_a_page_beyond_the_last_of_another_class_is_mended():
    at = visit({"lab.show": "One by one"}, DATA_AND_MODELS)
    at.number_input(key="lab.page").set_value(75).run()
    at.selectbox(key="lab.class").set_value("3: 3").run()
    assert at.number_input(key="lab.page").value == 8


def test_a_zip_of_class_folders_opens_and_lists_what_it_left_out():
    at = visit({}, DATA_AND_MODELS)
    pets = [("cat", at, at) for at in range(6)] + [("dog", at, 200 + at) for at in range(6)]
    files = {f"{name}/{at}.png": picture(gray) for name, at, gray in pets}
    content = zipped(files | {"dog/broken": b"no picture"})
    at.file_uploader(key="lab.file").set_value(("<b>pets*.zip", content, "application/zip")).run()
    assert not problems(at)
    assert "12 images of 64 × 64 px" in words(at)
    assert re.match(r"Your data \([0-9a-f]{4}\): ", at.main.header[0].value)
    assert "pets" not in str(dict(at.query_params))  # a link has no file's name
    # its owner reads it
    assert any("\\<b>pets\\*.zip is" in caption.value for caption in at.caption)
    assert any("1 file was left out" in expander.label for expander in at.expander)


def test_a_training_on_somebody_s_file_is_resumed_by_those_who_have_opened_it_alone():
    content = zipped(
        {f"{name}/{at}.png": picture(20 * at) for name in ("ann", "bob") for at in range(6)}
    )
    data = read_folders(content, "family.zip", 32).data
    begin(TrainCase(data, Recipe(architecture="mlp", epochs=3), seed=5), 0.5)
    (training,) = unfinished()

    assert data.name not in words(visit({"lab.part": "Train"}, DATA_AND_MODELS))
    owner = visit({"lab.part": "Train"}, DATA_AND_MODELS)
    owner.number_input(key="lab.side").set_value(32).run()
    owner.file_uploader(key="lab.file").set_value(("family.zip", content, "")).run()
    assert f"lab.resume.{training.name}" in [button.key for button in owner.button]


def test_a_medmnist_file_opens():
    at = visit({}, DATA_AND_MODELS)
    at.file_uploader(key="lab.file").set_value(("tiny.npz", medmnist(), "")).run()
    assert not problems(at)
    assert "36 images of 8 × 8 px" in words(at)


def test_a_bad_file_is_one_sentence_and_what_was_there_stays():
    at = visit({"lab.data": "MNIST, 5000 digits"}, DATA_AND_MODELS)
    for name, content, sentence in (
        ("a.zip", b"no zip", "“a.zip” is not a zip archive, or is damaged: save it again."),
        ("a.zip", zipped({"../x.png": b"1"}), "reaches outside its folder"),
        ("a.npz", zipped({"x": b"1"}), "has no array “train_images”"),
        ("one.zip", zipped({"cat/1": picture(1)}), "pictures of one class only"),
    ):
        at.file_uploader(key="lab.file").set_value((name, content, "")).run()
        (problem,) = problems(at)
        assert sentence in problem
        assert at.main.header[0].value.startswith("MNIST, 5000 digits: ")


def header_of_models():
    return visit({"lab.part": "Models"}, DATA_AND_MODELS).main.header[0].value


def test_a_training_ends_as_a_model_that_every_page_offers_and_goes_only_when_told():
    shipped = len(embedded.stored())
    assert f": {shipped} ship with Blindspot, none made here, " in header_of_models()
    at = trained()
    assert "Kept as a model: Digits, 8 × 8 · MLP" in at.success[0].value
    (stored,) = checkpoints.visible_models()
    assert [metric.label for metric in at.metric][2] == "Test"
    right = f"{at.metric[2].value} of the test images right."
    assert at.main.header[0].value == f"MLP names {right}"
    assert f": {shipped} ship with Blindspot, 1 made here, " in header_of_models()
    picker = visit().sidebar.selectbox(key="model")
    (line,) = [option for option in picker.options if option.endswith(f" · {stored.name[-4:]}")]
    heatmaps = visit({"model": line, "heatmaps.methods": ["Gradient"]}, HEATMAPS)
    assert heatmaps.sidebar.selectbox(key="model").value == stored.name
    assert not problems(heatmaps)

    at.session_state["model"] = stored.name
    pills(at, "lab.part").set_value("Models").run()
    lines = at.selectbox(key="lab.model").options
    (line,) = [option for option in lines if option.endswith(stored.name[-4:])]
    at.selectbox(key="lab.model").select(line).run()
    at.button(key="lab.model.delete").click().run()
    assert checkpoints.visible_models() == ()
    assert at.session_state["model"] == "lite0"
    pills(at, "lab.part").set_value("Train").run()  # it does not come back by itself
    assert problems(at) == ["This training was done before; its model is not among the models."]
    assert checkpoints.visible_models() == ()
    at.button(key="lab.training.Train.keep").click().run()
    assert checkpoints.visible_models()


def test_a_trained_model_is_taken_along_and_exported_and_comes_back_but_no_hostile_file():
    at = trained()
    assert "image" not in at.session_state
    at.button(key="lab.training.Train.take.heatmaps").click().run()
    (stored,) = checkpoints.visible_models()
    assert at.session_state["model"] == stored.name
    assert at.session_state["image"] == FROM_DATA
    assert at.session_state["data"] == "Digits, 8 × 8"
    assert at.session_state["subject"].name.startswith("digits/")
    content = checkpoints.export(stored.name)
    checkpoints.delete(stored.name)
    at = visit({"lab.part": "Models"}, DATA_AND_MODELS)
    at.file_uploader(key="lab.weights").set_value(("m.safetensors", b"\x80\x04pickle", "")).run()
    assert problems(at) == ["m.safetensors cannot be read as weights: it is damaged or empty."]
    assert checkpoints.visible_models() == ()
    at.file_uploader(key="lab.weights").set_value(("m.safetensors", content, "")).run()
    assert at.success[0].value == "Imported: Digits, 8 × 8 · MLP."
    assert [entry.name for entry in checkpoints.visible_models()] == [stored.name]


def test_an_unfinished_training_is_resumed_or_dropped():
    case = TrainCase(load("digits"), Recipe(architecture="mlp", epochs=3), seed=5)
    begin(case, 0.5)
    at = visit({"lab.part": "Train"}, DATA_AND_MODELS)
    (training,) = unfinished()
    assert not under_way(training)
    assert "MLP on digits, seed 5" in words(at)
    at.button(key=f"lab.resume.{training.name}").click().run()
    settled(at, lambda at: at.success)
    assert len(checkpoints.visible_models()) == 1
    assert unfinished() == ()

    begin(TrainCase(case.data, case.recipe, seed=6), 0.5)
    at.run()
    (training,) = unfinished()
    at.button(key=f"lab.drop.{training.name}").click().run()
    assert unfinished() == ()


@dataclass(frozen=True)
class Sparse(Regime):
    """A training that the form cannot ask for."""


def test_an_unfinished_training_of_an_experiment_is_not_resumed_as_a_plain_one():
    begin(TrainCase(load("digits"), Recipe(architecture="mlp", epochs=3), regime=Sparse()), 0.5)
    (training,) = unfinished()
    at = visit({"lab.part": "Train"}, DATA_AND_MODELS)
    assert training.name not in " ".join(str(button.key) for button in at.button)


def test_an_image_of_its_data_that_is_there_already_stays():
    link = {"image": FROM_DATA, "data": "Digits, 8 × 8", "kind": "3", "item": "2"}
    at = visit(link | {"model": "Digits MLP"})
    at.query_params.update({"lab.part": "Models", "lab.model": "Digits CNN"})
    at.switch_page(str(DATA_AND_MODELS.path))
    at.run()
    at.button(key="lab.model.take.heatmaps").click().run()
    assert at.session_state["model"] == "digits-cnn"
    assert (at.session_state["kind"], at.session_state["item"]) == ("3", 2)


def test_a_model_of_no_data_of_ours_leaves_the_image_as_it_is():
    at = visit({"image": "A cup of coffee", "lab.part": "Models"})
    at.switch_page(str(DATA_AND_MODELS.path)).run()
    at.button(key="lab.model.take.heatmaps").click().run()
    assert at.selectbox(key="image").value == "A cup of coffee"


def test_a_stopped_training_is_resumed_and_a_dropped_one_begun(monkeypatch):
    monkeypatch.setattr(loop, "KEEP_SECONDS", 0.0)
    at = visit(MLP | {"lab.recipe.epochs": "200", "lab.seed": str(next(SEEDS))}, DATA_AND_MODELS)
    at.button(key="lab.training.Train.go").click().run()
    (job,) = (job for lane in lanes() for job in lane.jobs() if job.title.startswith("Training"))
    for _ in range(240):
        if job.partial and unfinished():
            break
        time.sleep(0.05)
    at.button(key="lab.training.Train.stop").click().run()
    assert job.wait(20)
    at.run()
    assert at.button(key="lab.training.Train.again").label == "Resume"
    (training,) = unfinished()
    at.button(key=f"lab.drop.{training.name}").click().run()
    assert at.button(key="lab.training.Train.go").label.startswith("Train")
    assert not [button for button in at.button if button.key == "lab.training.Train.again"]


def begin(case, until):
    """A training that is left in its middle."""

    def leave(done, words="", partial=None):
        if done > until:
            raise KeyboardInterrupt

    model = fresh(case.data, case.recipe, case.seed)
    more = {"keep": state_file(f"{case.fingerprint}-1"), "note": case.facts(), "progress": leave}
    with pytest.raises(KeyboardInterrupt):
        train(model, case.data, case.recipe, case.seed, **more)


def test_the_recipe_of_a_model_that_ships_fills_the_form(monkeypatch):
    monkeypatch.setattr("components.lab.train.cached", lambda _name: None)  # another test made them
    at = visit({"lab.part": "Train"}, DATA_AND_MODELS)
    at.selectbox(key="lab.plan").select("Phantom CNN").run()
    assert at.radio(key="lab.data").value == "Brain phantoms"
    assert at.selectbox(key="lab.recipe.architecture").value == "scene_cnn"
    assert at.select_slider(key="lab.recipe.rate").value == 0.002
    assert nearest_stop([0.01, 0.02, 0.05], 0.03) == 0.02  # a rate between two stops
    assert at.button(key="lab.all").label == "Make the images"


def test_the_form_keeps_its_settings_while_another_page_is_open():
    at = visit(MLP | {"lab.variants": "Poison"}, DATA_AND_MODELS)
    at.switch_page(str(HEATMAPS.path)).run()
    at.switch_page(str(DATA_AND_MODELS.path)).run()
    assert at.selectbox(key="lab.recipe.architecture").value == "mlp"
    assert at.multiselect(key="lab.variants").value == ["Poison"]


def test_what_a_link_asks_wrongly_is_told():
    at = visit({"lab.data": "Nothing", "lab.part": "Everything"}, DATA_AND_MODELS)
    assert len(problems(at)) == 2
