"""Networks of a plain PyTorch loop, judged through the page as their owner would."""

import numpy as np
import pytest

from components.forget import judge
from components.views import JUDGE
from engine.vision.models import format_rounds
from engine.vision.models.format_search import FormatSearch
from tests.plain_loop import TRAINED, PlainTraining, accuracy, trained, untrained, weights, zipped
from tests.visits import problems, settled, visit, words

ORIGINAL = PlainTraining()
RETRAINED = PlainTraining(without=3, seed=1)
UNLEARNED = PlainTraining(without=3, seed=2)  # it really never saw them
TRAINING_ROWS = slice(0, 300)  # of the images that they learned from
HELD_OUT = slice(TRAINED, TRAINED + 150)


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Without the parts below the verdict, which other tests have, and with fewer formats."""
    for part in ("charts", "look_closer"):
        monkeypatch.setattr(judge, part, lambda *_: None)
    monkeypatch.setattr(FormatSearch, "usual_sides", (28,))  # beside those of data and card
    for name, number in {"BEST_SIDES": 1, "FINALISTS": 2}.items():
        monkeypatch.setattr(format_rounds, name, number)


def opened(models, *, test=True):
    """The page with these networks and the digits, after the formats were tried."""
    at = visit(view=JUDGE)
    for name, network in models.items():
        at.file_uploader(key=f"judge.{name}").set_value((f"{name}.pt", weights(network), ""))
    at.text_input(key="judge.arch").set_value("test_efficientnet")
    at.button(key="judge.open").click().run()
    assert not [line for line in problems(at) if "fit" in line]
    training = zipped(TRAINING_ROWS)
    at.file_uploader(key="judge.file").set_value(("train.zip", training, "")).run()
    if test:
        at.file_uploader(key="judge.test").set_value(("test.zip", zipped(HELD_OUT), "")).run()
    return settled(at)


def name_class(at):
    """The page once the class to be forgotten was named, up to the person's word."""
    return settled(at.multiselect(key="judge.classes").set_value(["3"]).run())


def judged(at):
    """The page once the person said that the accuracies are right."""
    return settled(at.button(key="judge.confirm").click().run())


def headline(at):
    return at.main.header[0].value.replace("\\", "")


def three(**others):
    """The original, one that really never saw the threes, and the retrained one."""
    ways = {"original": ORIGINAL, "unlearned": UNLEARNED, "retrained": RETRAINED} | others
    return {name: trained(how) for name, how in ways.items()}


def test_a_model_that_really_never_saw_them_is_judged_as_if_retrained_but_not_in_a_wrong_format():
    at = name_class(opened(three()))
    (tried,) = [frame.value for frame in at.main.dataframe if "Format" in frame.value]
    assert tried["Format"][0] == "32 × 32 px, RGB, −1 … 1"
    case = at.session_state["judge.case"]
    assert (case.case.model.side, case.case.data.side) == (32, 32)
    assert "judge.Judged.go" not in [button.key for button in at.button]
    assert "example" not in words(at)
    at = judged(at)
    assert "forgot class 3" in headline(at)
    assert "did not" not in headline(at)
    assert "recognizes 0 % of those (retrained: 0 %)" in headline(at)
    at.selectbox(key="judge.format").set_value("another format").run()
    at = settled(at.number_input(key="judge.side").set_value(64).run())
    assert at.session_state["judge.case"].case.model.side == 64
    assert "forgot" not in headline(at)
    assert headline(at).startswith("Cannot judge: the original gets ")
    assert headline(at).endswith("Check size, normalization, class order.")
    assert not [button for button in at.button if button.key == "judge.confirm"]


def test_a_model_that_was_not_unlearned_at_all_is_said_not_to_have_forgotten():
    at = judged(name_class(opened(three(unlearned=PlainTraining(seed=4)))))
    assert headline(at).startswith("The unlearned model did not forget class 3")


@pytest.mark.slow
def test_without_test_images_nothing_is_said_of_strangers():
    at = judged(name_class(opened(three(), test=False)))
    assert not len(at.session_state["judge.case"].case.splits.test)
    assert "of the kept training images" in headline(at)
    assert "No test images were given: the attack" in words(at)
    assert f"{TRAINING_ROWS.stop} training images and no test images of 10 classes" in words(at)


def test_three_networks_that_learned_nothing_get_no_verdict():
    drawn = [untrained(PlainTraining(seed=seed)) for seed in range(3)]
    at = name_class(opened(dict(zip(("original", "unlearned", "retrained"), drawn, strict=True))))
    assert headline(at).startswith("Cannot judge: the ")
    assert not [button for button in at.button if button.key == "judge.confirm"]


@pytest.mark.slow
def test_an_unlearned_model_that_knows_nothing_is_called_broken():
    at = judged(name_class(opened(three() | {"unlearned": untrained(ORIGINAL)})))
    assert "it is broken rather than unlearned" in headline(at)


@pytest.mark.slow
def test_the_order_of_the_classes_is_found_and_said_to_be_a_guess():
    order = tuple(np.random.default_rng(3).permutation(10).tolist())
    how = PlainTraining(order=order)
    assert accuracy(trained(how), how) > 0.9
    at = opened({name: trained(how) for name in ("original", "unlearned")})
    assert at.selectbox(key="judge.order").value == "as the answers suggest"
    assert "so it is a guess" in words(at)
    at = name_class(at)
    names = tuple(str(place) for place in order)
    assert at.session_state["judge.case"].case.data.classes == names
    assert [button for button in at.button if button.key == "judge.confirm"]
    at.selectbox(key="judge.order").set_value("in an order of your own").run()
    assert tuple(at.text_area(key="judge.typed").value.splitlines()) == names
    at = settled(at.text_area(key="judge.typed").set_value("\n".join(names[::-1])).run())
    assert at.session_state["judge.case"].case.data.classes == names[::-1]
    assert headline(at).startswith("Cannot judge: the original gets ")
