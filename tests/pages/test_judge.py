"""Judge a model as a visitor meets it: the example, own files, and what does not fit."""

import numpy as np
import pytest

from components.forget import judge
from components.forget.judge import as_board
from components.forget.words import percent
from components.views import FORGET, JUDGE
from engine.commands.openings.unlearning import FORGOTTEN, board, forgotten
from engine.core.run import answer
from engine.unlearning import AfterCase, GivenCase, Judged, Relearn, Retrain, StillThere
from engine.unlearning.protocol.scoreboard import Scoreboard
from engine.vision.data import title_of
from engine.vision.data.folders import read_folders
from engine.vision.models import embedded
from engine.vision.models.card import ModelCard, card_of, weights_of
from engine.vision.models.rebuild import model_bytes, rebuilt
from engine.vision.training import Recipe, fresh
from tests.in_memory import torch_file
from tests.visits import pills, problems, settled, visit, words, zipped


@pytest.fixture(scope="module")
def files():
    case = forgotten()
    results = {"original": embedded.file_of(FORGOTTEN.model).read_bytes()}
    for name, method in (("unlearned", FORGOTTEN.best()), ("retrained", Retrain())):
        view = answer(method, case)["model"]
        results[name] = model_bytes(ModelCard.from_json(view.card), view.weights)
    return results


@pytest.fixture
def brief(monkeypatch):
    """Without the parts below the verdict, which other tests have, and which take long."""
    for part in ("charts", "look_closer"):
        monkeypatch.setattr(judge, part, lambda *_: None)


def state_of(method):
    """Weights alone of what a way made, as torch saves them."""
    return torch_file(rebuilt(answer(method, forgotten())["model"]).network.state_dict())


def opened(files, at=None):
    """The page with these files opened; the data are known, as the original ships."""
    at = at or visit(view=JUDGE)
    for name, content in files.items():
        ending = "pt" if content.startswith(b"PK") else "safetensors"
        at.file_uploader(key=f"judge.{name}").set_value((f"{name}.{ending}", content, ""))
    at.button(key="judge.open").click().run()
    return at


def judged(at, label="3"):
    """The page once the models were judged, and the accuracies said to be right."""
    at = settled(at.multiselect(key="judge.classes").set_value([label]).run())
    for button in [button for button in at.button if button.key == "judge.confirm"]:
        button.click().run()  # it is gone where it was said before
    return settled(at)


def relearned(at):
    """The page once the judged models learned the images again, if they did not before."""
    if any(button.key == "judge.relearned.go" for button in at.button):
        at.button(key="judge.relearned.go").click().run()
    return settled(at)


def test_it_opens_with_the_figures_that_forget_opens_with():
    at = visit(view=JUDGE)
    assert not at.main.get("progress")
    assert not problems(at)
    case = AfterCase(forgotten(), FORGOTTEN.best())
    theirs = as_board(answer(Judged(), case)["figures"], case)
    forgets = answer(Scoreboard(), board())["table"]
    rows = {judge.UNLEARNED: FORGOTTEN.best.short, "Retrain": "Retrain", "NoOp": "NoOp"}
    for label, row in rows.items():
        for name in ("UA", "RA", "TA", "MIA", "gap", "gap without MIA", "informative"):
            assert theirs.cell(label, name) == pytest.approx(forgets.cell(row, name), abs=1e-12)
    sentence = at.main.header[0].value
    assert sentence.startswith("The unlearned model forgot class 3 as well as retraining: it rec")
    test = percent(theirs.cell(judge.UNLEARNED, "TA"))
    assert f"{test} of the test" in sentence.replace("\\", "")
    assert "This is a built-in example" in words(at)
    forget = visit(view=FORGET).main.header[0].value
    assert sentence.split(": ")[1] in forget  # the same figures in the same words


def test_three_files_are_judged_as_forget_judges_them(files):
    at = opened(files)
    assert at.selectbox(key="judge.data").value == "Digits, 8 × 8"
    assert "Choose what was to be forgotten." in problems(at)
    assert "This is about the built-in example, not about the files below." in problems(at)
    assert "This is a built-in example" in words(at)  # until the question is whole
    at = relearned(judged(at))
    assert not problems(at)
    case = AfterCase(forgotten(), FORGOTTEN.best())
    gap = as_board(answer(Judged(), case)["figures"], case).cell(judge.UNLEARNED, "gap without MIA")
    probe = answer(StillThere(), case)["figures"].cell("unlearned", "probe")
    steps = answer(Relearn(), case)["needed"].cell("unlearned", "steps")
    assert "example" not in words(at)
    assert "forgot class 3 as well as retraining" in at.main.header[0].value
    for figure in (f"{100 * gap:.1f} points", percent(probe), f"after {steps:.0f} steps"):
        assert figure in words(at)
    assert_every_part_stands(at)


def assert_every_part_stands(at):
    for part in judge.PARTS:
        pills(at, "judge.section").set_value(part).run()
        assert not problems(settled(at)), part


def test_weights_alone_are_read_into_the_network_of_the_original(files, brief):
    at = judged(opened(files | {"unlearned": state_of(FORGOTTEN.best())}))
    assert not problems(at)
    assert "forgot class 3 as well as retraining" in at.main.header[0].value
    at = opened({name: state_of(Retrain()) for name in ("original", "unlearned")})
    assert any("say for which architecture they are" in sentence for sentence in problems(at))
    buffer = torch_file(rebuilt(answer(Retrain(), forgotten())["model"]).network)
    at = opened(files | {"unlearned": buffer})
    assert any("holds more than weights (pickled code)" in sentence for sentence in problems(at))


def test_swapped_files_are_another_verdict(files, brief):
    swapped = {"original": files["unlearned"], "unlearned": files["original"]}
    at = opened(swapped | {"retrained": files["retrained"]})
    at.selectbox(key="judge.data").select("Digits, 8 × 8").run()
    at = judged(at)
    assert "did not forget class 3" in at.main.header[0].value


def test_two_files_are_figures_without_a_verdict(files):
    at = judged(opened({name: files[name] for name in ("original", "unlearned")}))
    sentence = at.main.header[0].value.replace("\\", "")
    assert "recognizes 0 % of class 3 (original: 100 %)" in sentence
    assert "Without a retrained model this cannot be called right or wrong" in sentence
    assert "open one to get gaps and a verdict" in words(at)
    assert_every_part_stands(at)


def test_what_does_not_fit_is_a_sentence_and_what_was_judged_stays(files):
    at = judged(opened(files))
    sentence = at.main.header[0].value
    models = at.session_state["judge.case"].given
    summary = ", ".join(f"{name} {model.fingerprint[:6]}" for name, model in models.items())
    assert list(models) == ["original", "unlearned", "retrained"]
    assert f"Judged: {summary}." in words(at)
    assert not any("not about the files below" in message for message in problems(at))
    for content in (b"\x80\x04pickle", b"1234", b""):
        at.file_uploader(key="judge.retrained").set_value(("retrained.safetensors", content, ""))
        at.button(key="judge.open").click().run()
        assert "cannot be read as weights: it is damaged or empty" in " ".join(problems(at))
        assert at.main.header[0].value == sentence
    other = embedded.file_of("digits-mlp").read_bytes()
    at.file_uploader(key="judge.retrained").set_value(("other.safetensors", other, ""))
    at.button(key="judge.open").click().run()
    assert "The retrained model does not fit the original" in " ".join(problems(at))
    assert at.main.header[0].value == sentence
    about = f"This is about the models judged before ({summary}), not about the files below."
    assert about in problems(at)
    at.multiselect(key="judge.classes").set_value([]).run()
    assert any("This is about the models judged before" in message for message in problems(at))


def test_a_forget_set_or_a_zip_that_cannot_be_is_a_sentence_and_pictures_in_a_zip_are_found(files):
    at, data = opened(files), forgotten().data
    for kind, key, value, expected in (
        ("images by id", "judge.ids", "0, 999999", "has no image with id 999999"),
        ("images by id", "judge.ids", "one, two", "“one” is no id"),
        ("whole classes", "judge.classes", list("0123456789"), "are to be forgotten: leave some"),
    ):
        pills(at, "judge.what").set_value(kind).run()
        widget = at.multiselect if isinstance(value, list) else at.text_input
        widget(key=key).set_value(value).run()
        assert expected in " ".join(problems(at))
        assert "forgot class 3" in at.main.header[0].value  # the example
    for content, expected in ((b"no zip", "is not a zip archive"), (in_zip([]), "holds no model")):
        at.file_uploader(key="judge.unlearned").set_value(("many.zip", content, ""))
        at.button(key="judge.open").click().run()
        assert expected in " ".join(problems(at))
    assert at.session_state["judge.opened"].first.keys() == files.keys()  # what was open stays
    rows = data.rows("train")[:3]
    pills(at, "judge.what").set_value("images in a zip").run()
    content = zipped({f"{row}.png": data.images[row, 0] for row in rows})
    at.file_uploader(key="judge.pictures").set_value(("some.zip", content, "")).run()
    case = at.session_state["judge.case"]
    assert isinstance(case, GivenCase)
    np.testing.assert_array_equal(np.sort(case.case.request.ids), np.sort(data.ids[rows]))
    before = problems(at)
    at.file_uploader(key="judge.pictures").set_value(("some.zip", b"no zip", "")).run()
    assert set(problems(at)) - set(before)


def test_data_of_another_size_are_brought_to_the_model_s_and_of_other_classes_are_a_sentence(files):
    at = opened({"original": files["unlearned"], "unlearned": files["retrained"]})
    assert "Choose the data that the models learned from." in problems(at)
    at.selectbox(key="judge.data").select(title_of("mnist-5k")).run()
    at = settled(at.multiselect(key="judge.classes").set_value(["3"]).run())
    assert "Images of 28 × 28 px are brought to 8 × 8 px." in words(at)
    assert at.session_state["judge.case"].case.data.side == 8
    assert "forgot" not in at.main.header[0].value  # it never learned them: nothing is said yet
    at.selectbox(key="judge.data").select(title_of("bars")).run()
    classes = at.multiselect(key="judge.classes")
    classes.set_value(classes.options[:1]).run()
    assert any("tells 10 apart" in sentence for sentence in problems(at))


def test_files_that_are_missing_or_the_same_are_told(files):
    at = opened({"original": files["original"]})
    assert problems(at) == ["Give two files at least: the original and the unlearned model."]
    at = opened({"original": files["original"], "unlearned": files["original"]})
    assert "Two of these files hold the same weights." in words(at)


def test_a_zip_of_class_folders_is_judged_by_ids_in_a_file(files):
    """Two networks that learned nothing: own data and ids go through, and no verdict follows."""
    pixels = np.random.default_rng(0).integers(0, 255, (50, 32, 32, 3), np.uint8)
    folders = [f"{'train' if at < 40 else 'test'}/{'ab'[at % 2]}" for at in range(50)]
    content = zipped({f"{folders[at]}/{at:02}.png": pixels[at] for at in range(50)})
    data = read_folders(content, "mine.zip", 32).data
    models = [fresh(data, Recipe("lenet"), seed) for seed in (0, 1)]
    exported = [model_bytes(card_of(model, title="Mine"), weights_of(model)) for model in models]
    at = opened(dict(zip(("original", "unlearned"), exported, strict=True)))
    at.file_uploader(key="judge.file").set_value(("mine.zip", content, "")).run()
    assert at.selectbox(key="judge.data").value == f"Your data ({data.fingerprint[:4]})"
    assert "40 training images and 10 test images of 2 classes" in words(at)
    pills(at, "judge.what").set_value("images by id").run()
    ids = data.ids[data.rows("train")][:4]
    text = "id\n" + "\n".join(map(str, ids))
    at.file_uploader(key="judge.ids.file").set_value(("ids.csv", text.encode(), "")).run()
    at = settled(at)
    case = at.session_state["judge.case"]
    assert isinstance(case, GivenCase)
    np.testing.assert_array_equal(np.sort(case.case.request.ids), np.sort(ids))
    expected = data.ids[data.rows("test")]  # of the folder test
    np.testing.assert_array_equal(case.case.data.ids[case.case.splits.test], expected)
    assert at.main.header[0].value.startswith("Cannot judge: the original gets ")


def in_zip(models):
    """Models in a zip, as Blindspot exports them."""
    cards = [card_of(model, title="Mine", data="digits", made_by="lab.Train") for model in models]
    files = [model_bytes(*pair) for pair in zip(cards, map(weights_of, models), strict=True)]
    return zipped({f"{number:03}.safetensors": file for number, file in enumerate(files)})


def test_zips_of_too_few_models_are_judged_by_the_first_and_what_klom_needs_is_told(brief):
    case = forgotten()
    first = {"original": case.model} | {
        name: rebuilt(answer(way, case)["model"])
        for name, way in (("unlearned", FORGOTTEN.best()), ("retrained", Retrain()))
    }
    others = iter([fresh(case.data, Recipe("lenet"), seed) for seed in range(6)])
    groups = {kind: (model, next(others), next(others)) for kind, model in first.items()}
    at = visit(view=JUDGE)
    for name, models in groups.items():
        at.file_uploader(key=f"judge.{name}").set_value((f"{name}.zip", in_zip(models), ""))
    at.button(key="judge.open").click().run()
    at.selectbox(key="judge.data").select("Digits, 8 × 8").run()
    assert "Open: 3 original, 3 unlearned, 3 retrained; the first of each" in words(at)
    at = judged(at)
    (few,) = problems(at)
    assert "at least 20 original, 20 unlearned and 40 retrained models" in few
    assert "3 original, 3 unlearned and 3 retrained were opened" in few
    judged_case = at.session_state["judge.case"]
    for kind, models in groups.items():
        ours = [opened_model.fingerprint for opened_model in judged_case.groups[kind]]
        assert ours == [model.fingerprint for model in models]
