"""Protect data as a visitor meets it: the answer, the slider, copies, and a zip of one's own."""

from urllib.parse import parse_qs

import numpy as np
import pytest

from components.protect import trained
from components.protect.view import PRIVACY, left_words
from components.views import PROTECT_DATA
from engine.core.lane import lanes
from engine.core.pictures import as_bytes
from engine.core.run import answer
from engine.unlearning import (
    Copies,
    CudaExperiment,
    EasyImage,
    ErrorMinimizing,
    ProtectImage,
    Salm,
    UnlearnableClusters,
)
from engine.unlearning.protection import own_set
from engine.unlearning.protection.own_folders import protected_folders
from engine.unlearning.protection.protected_pair import figures, noise_picture, pair_of, verdict
from engine.vision.case.opening import about_first
from engine.vision.training import Recipe
from tests.engine.unlearning.protection.test_own_folders import COLORS, FILES, zipped
from tests.visits import pills, problems, settled, visit, words

CUDA = "protect.ProtectImage"


def with_zip(at, files, name="pets.zip"):
    at.file_uploader(key="protect.zip.file").set_value((name, zipped(files), "")).run()
    return at


def pressed(at, button):
    return settled(at.button(key=f"protect.{button}.go").click().run())


def downloads(at):
    return [download.proto.label for download in at.get("download_button")]


@pytest.fixture
def quick(monkeypatch):
    """A surrogate that learns in no time."""
    monkeypatch.setattr(own_set, "SURROGATE", Recipe("mlp", epochs=1, batch=32))


@pytest.fixture(scope="module")
def case():
    return about_first("chelsea")


def before_and_after(method, case):
    clean = as_bytes(case.image)
    return clean, method.apply(clean)


def test_sentence_picture_figures_and_copies_are_those_of_the_image(case):
    at = settled(visit(view=PROTECT_DATA))
    pair = before_and_after(ProtectImage(), case)
    text = words(at)
    assert at.main.header[0].value == f"CUDA, strength 1: {verdict(figures(*pair))}."
    assert noise_picture(*pair).finding in text
    assert PRIVACY in text
    result = answer(Copies(), pair_of(case, pair[1]))
    assert at.main.header[1].value == Copies().finding(case, result)
    assert left_words(result) in text
    at.slider(key="protect.Copies.quality").set_value(20).run()
    result = answer(Copies(quality=20), pair_of(case, pair[1]))
    assert at.main.header[1].value == Copies(quality=20).finding(case, result)
    assert "20)" in at.main.header[1].value
    assert "Protected image (PNG)" in downloads(at)


def test_at_zero_nothing_is_changed_and_the_slider_moves_the_answer(case):
    at = settled(visit({f"{CUDA}.strength": "0"}, PROTECT_DATA))
    assert at.main.header[0].value == "CUDA, strength 0: nothing is changed."
    assert "there is no noise to copy" in words(at)
    at.slider(key=f"{CUDA}.strength").set_value(0.5).run()
    half = figures(*before_and_after(ProtectImage(strength=0.5), case))
    assert at.main.header[0].value == f"CUDA, strength 0.5: {verdict(half)}."


def test_a_bad_link_is_a_sentence():
    link = {f"{CUDA}.strength": "7", "protect.Copies.quality": "dragon", "protect.method": "magic"}
    at = settled(visit(link, PROTECT_DATA))
    text = " ".join(problems(at))
    for word in ("7", "dragon", "magic"):
        assert f"“{word}”" in text


def test_a_zip_comes_back_protected_and_anew_when_the_settings_change():
    at = with_zip(settled(visit(view=PROTECT_DATA)), FILES)
    for strength in (1.0, 0.3):
        at.slider(key=f"{CUDA}.strength").set_value(strength).run()
        at = pressed(at, "zip")
        expected = protected_folders(zipped(FILES), "pets.zip", ProtectImage(strength=strength))
        (result,) = at.session_state["protect.zip"].values()
        assert result.content == expected.content
        assert f"3 images of 2 classes, protected by CUDA, strength {strength:g}" in words(at)
        assert f"by more than {expected.most} of 255 gray levels" in words(at)
    assert "2 files were left out" in [box.label for box in at.expander]
    at.file_uploader(key="protect.zip.file").set_value(None).run()
    assert "protect.zip" not in at.session_state  # nothing is held of a zip that was taken away


def test_a_zip_that_cannot_be_protected_is_a_sentence_and_a_folder_s_name_no_markdown():
    at = settled(visit(view=PROTECT_DATA))
    for files, sentence in (
        ({"dog/1.png": COLORS}, "one class only"),
        ({}, "holds no picture"),
        ({"*dog*/1.png": COLORS}, r"“\*dog\*”"),
    ):
        at = pressed(with_zip(at, files), "zip")
        assert sentence in " ".join(warning.value for warning in [*at.warning, *at.error])


def test_a_zip_that_is_no_training_set_is_read_once_and_said_again(monkeypatch):
    at = settled(visit({"protect.method": "SALM", "protect.SALMImage.steps": "1"}, PROTECT_DATA))
    read = []
    monkeypatch.setattr(trained, "own_set", lambda *a: read.append(1) or own_set.own_set(*a))
    with_zip(at, {"dog/1.png": COLORS, "dog/2.png": COLORS})
    for _ in range(2):
        at.run()
        assert "one class only" in " ".join(problems(at))
    assert len(read) == 1


def test_noise_of_a_set_takes_the_settings_that_mean_the_same():
    image_method = EasyImage(epsilon=3, steps=7, step=0.2)
    same = {"epsilon": 3, "steps": 7, "step": 0.2}
    assert trained.shared_settings(ErrorMinimizing, image_method) == same
    assert trained.shared_settings(UnlearnableClusters, image_method) == {"epsilon": 3}


def test_whoever_takes_the_zip_away_stops_what_is_computed_of_it():
    at = settled(visit({"protect.method": "SALM", "protect.SALMImage.steps": "1"}, PROTECT_DATA))
    with_zip(at, FILES).button(key="protect.set.SALM.go").click().run()
    (job,) = [job for lane in lanes() for job in lane.jobs() if Salm.title in job.title]
    at.file_uploader(key="protect.zip.file").set_value(None).run()
    assert job.cancelled
    assert job.wait(60)
    assert "protect.set" not in at.session_state


def test_fewer_clusters_can_be_chosen_where_there_are_few_images(quick):
    at = with_zip(settled(visit(view=PROTECT_DATA)), FILES)
    pills(at, "protect.zip.way").set_value("Unlearnable Clusters").run()
    at.number_input(key="protect.set.side").set_value(16).run()
    at = pressed(at, "set.UC")
    assert "4 different training images cannot be put into 10 clusters" in " ".join(problems(at))
    at.slider(key="protect.UC.clusters").set_value(2).run()
    at.slider(key="protect.UC.epsilon").set_value(3).run()
    at = pressed(at, "set.UC")
    assert any("by more than 3 of 255" in header.value for header in at.main.header)


def test_the_way_to_the_experiment_takes_the_settings_along():
    at = settled(visit({f"{CUDA}.strength": "0.5", f"{CUDA}.size": "15"}, PROTECT_DATA))
    (link,) = [each for each in at.get("page_link") if "Train a network" in each.proto.label]
    assert link.proto.page.endswith("unlearning-experiments")
    query = parse_qs(link.proto.query_string)
    assert query["experiments.chosen"] == [CudaExperiment.title]
    assert query["experiments.CUDA.strength"] == ["0.5"]
    assert "experiments.CUDA.size" not in query  # the experiment's images are too small for 15 px


def test_salm_shows_its_mask_and_makes_the_noise_of_a_zip_for_all_images(quick):
    settings = {"steps": "2", "kappa": "0.2"}
    link = {f"protect.SALMImage.{name}": value for name, value in settings.items()}
    at = settled(visit(link | {"protect.method": "SALM"}, PROTECT_DATA))
    assert at.main.header[0].value.startswith("SALM, noise ε 8/255: the protection is hard to see")
    assert "may change (mask)" in words(at)
    with_zip(at, FILES).number_input(key="protect.set.side").set_value(16).run()
    at = pressed(at, "set.SALM")
    (result,) = at.session_state["protect.set"].values()
    data = result.data
    assert data.images.shape == (4, 3, 16, 16)
    noise = answer(Salm(kappa=0.2, steps=2), own_set.surrogate_case(data))["noise"].levels
    assert 0 < (noise.any(1).mean((1, 2))).max() <= 0.2
    assert "1 file was left out" in [box.label for box in at.expander]
    assert "Download the zip" in downloads(at)


def test_a_zip_is_protected_by_clusters_without_its_labels(quick):
    link = {"protect.method": "Random noise", "protect.RandomNoiseImage.epsilon": "12"}
    at = settled(visit(link, PROTECT_DATA))
    images = np.random.default_rng(0).integers(0, 256, (30, 16, 16, 3), dtype=np.uint8)
    with_zip(at, {f"{'ab'[row // 15]}/{row}.png": image for row, image in enumerate(images)})
    pills(at, "protect.zip.way").set_value("Unlearnable Clusters").run()
    at.number_input(key="protect.set.side").set_value(16).run()
    at = pressed(at, "set.UC")
    (result,) = at.session_state["protect.set"].values()
    method, set_case = UnlearnableClusters(epsilon=12), own_set.surrogate_case(result.data)
    outcome = answer(method, set_case)
    assert method.finding(set_case, outcome) in [header.value for header in at.main.header]
    assert np.abs(outcome["noise"].levels).max() <= 12
    assert "Protected images, and where the clusters have gone" in words(at)
