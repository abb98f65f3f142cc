"""Forget as a visitor meets it: one sentence, the engine's figures, and bad input."""

import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from components.forget import each_image, extremes, keep, train, view
from components.forget.ranks import SETS, cases, gaps, ranks_finding
from components.forget.verdict import closest_method
from components.forget.view import PARTS
from components.forget.words import time as short
from components.sidebar.examples import BY_ID
from components.views import FORGET
from components.widgets import browser_secret
from engine import unlearning
from engine.commands.openings.unlearning import FORGOTTEN
from engine.core.run import answer, kept_answer
from engine.unlearning import (
    SSD,
    AfterCase,
    BoardCase,
    Confidence,
    FineTune,
    ForgetCase,
    MembershipAttack,
    NoOp,
    Relearn,
    SalUn,
    Scoreboard,
    Timing,
    WhatMoved,
    WorstCase,
    forget_case,
    hardest,
    request,
)
from engine.unlearning.case import recipe_of
from engine.unlearning.ssd.damping import damped
from engine.vision.data import add, load
from engine.vision.data.folders import read_folders
from engine.vision.models import catalog, checkpoints, embedded
from engine.vision.models.card import card_of
from engine.vision.models.owners import Owner
from engine.vision.training import Recipe, fresh
from engine.vision.training import train as learn
from engine.vision.weights.case import PruneCase
from tests.visits import pills, problems, settled, visit, words, zipped

NEAREST = FORGOTTEN.best.title


def opened(**link):
    query = {f"forget.{name.replace('__', '.')}": value for name, value in link.items()}
    return settled(visit(query, FORGET))


def in_section(at, name):
    return settled(at.button_group(key="forget.section").set_value(name).run())


def pressed(at, method="Scoreboard"):
    return settled(at.button(key=f"forget.{method}.go").click().run())


def board_of(case):
    """The scoreboard of one epoch of fine-tuning, which the page has computed."""
    return kept_answer(Scoreboard(), BoardCase(case, (NoOp(), FineTune(epochs=1))))["table"]


@pytest.fixture(scope="module")
def shipped():
    """What the view opens with, from the engine."""
    data = load(FORGOTTEN.data)
    case = forget_case(catalog.load(FORGOTTEN.model), data, request.of_class(data, 3))
    board = BoardCase(case, (NoOp(), *(kind() for kind in FORGOTTEN.ways)))
    return case, answer(Scoreboard(), board)["table"]


def test_the_first_picture_is_there_without_any_choice_and_is_the_engine_s(shipped):
    case, table = shipped
    at = visit(view=FORGET)
    assert not at.main.get("progress")
    assert not problems(at)
    assert closest_method(table) == FORGOTTEN.best.short  # whose answers ship
    assert at.main.header[0].value.startswith(f"{NEAREST} forgot class 3 as well as retraining")
    assert "new last layer, taught half of them, finds" in words(at)
    for way in table.rows:
        assert f"{100 * table.cell(way, 'TA'):.0f}" in words(at)
    images = answer(Confidence(), AfterCase(case, FORGOTTEN.best()))["images"]
    middle = 100 * np.median(images["unlearned"])
    assert f"falls from 100 % to {middle:.0f} %" in words(at)


def test_what_cannot_be_forgotten_is_a_sentence():
    at = visit(view=FORGET)
    for what, ids, expected in (
        ("wrong labels", "", "does not say which labels are wrong"),
        ("planted images", "", "has nothing planted in it"),
        ("a group (patient)", "", "which images belong together"),
        ("picked images", "", "choose at least one image"),
        ("picked images", "x", "“x” is no id"),
        ("picked images", "0, 0", "twice"),
    ):
        at.selectbox(key="forget.what").select(what).run()
        if ids:
            at.text_input(key="forget.ids").set_value(ids).run()
        assert expected in " ".join(problems(at))
    data = load(FORGOTTEN.data)
    ids = ", ".join(map(str, data.ids[data.rows("train")[:3]]))
    at = settled(at.text_input(key="forget.ids").set_value(ids).run())
    assert "3 of 898 training images" in words(at)
    assert at.button(key="forget.Scoreboard.go")


def test_another_way_is_looked_at_and_a_link_opens_it(page):
    page.selectbox(key="forget.way").select("Fine-tune").run()
    assert page.main.header[0].value.startswith("Fine-tune did not forget class 3")
    page.selectbox(key="forget.way").select(NEAREST).run()
    at = opened(way="Fine-tune")
    assert at.main.header[0].value.startswith("Fine-tune did not forget class 3")
    assert "was not looked at yet" in words(at)
    assert not problems(at)


@pytest.mark.parametrize("share", ["0", "1.5", "much"])
def test_a_share_that_cannot_be_is_a_sentence(share):
    at = visit({"forget.what": "images at random", "forget.random": share}, FORGET)
    assert any(f"“{share}” as Share" in sentence for sentence in problems(at))


MINUTES = ("Sparser originals", "KLoM", "Datamodel")
SECTIONS = (
    ("Frontier", unlearning.Frontier(), "The upper right corner is the retrained model"),
    ("Confusion", unlearning.Confusion(), "are still called so"),
    ("Attack", MembershipAttack(), "hardly more than by chance: this says nothing"),
    ("Still there", unlearning.StillThere(), "What it takes them to be like now"),
    ("Inside", unlearning.Similarity(), "parts most from the original at"),
    ("Relearn", Relearn(), "The unlearned model knows them again"),
    ("All figures", unlearning.Judged(), "All figures of the three models"),
    ("KLoM", unlearning.KLoM(), "On the middle forgotten image"),
    ("Datamodel", unlearning.DMDirect(), None),  # about the request, not about a way
    ("Closed form", unlearning.ClosedForm(), None),
)


@pytest.fixture(scope="module")
def page():
    return settled(visit(view=FORGET))


@pytest.mark.parametrize(("section", "method", "expected"), SECTIONS)
def test_each_part_answers_at_once_from_what_ships(page, shipped, section, method, expected):
    about = shipped[0] if expected is None else AfterCase(shipped[0], FORGOTTEN.best())
    result = kept_answer(method, about)
    assert result
    page.button_group(key="forget.section").set_value(section).run()
    assert not page.main.get("progress")
    assert (expected or method.finding(about, result)) in words(page)
    assert not problems(page)


def test_ssd_s_lines_move_and_its_figures_are_the_engine_s(page, shipped):
    at = in_section(page, "SSD's line")
    before = words(at)
    at.select_slider(key="forget.SSD.live.ratio").set_value(2.0).run()
    result = damped(shipped[0], SSD(ratio=2.0))
    assert words(at) != before
    assert f"{result.chosen:,} of {result.total:,} weights" in words(at)
    metrics = {metric.label: metric.value for metric in at.main.metric}
    assert metrics["Test right"] == f"{100 * result.test:.0f} %"
    before = len(at.main.dataframe)
    at.session_state["forget.SSD.numbers"] = True  # unfolded
    at.run()
    assert len(at.main.dataframe) == before + 1


def test_parts_figures_are_the_engine_s_and_heat_maps_are_of_the_three_models(page, shipped):
    after = AfterCase(shipped[0], FORGOTTEN.best())
    attacked = answer(MembershipAttack(), after)["figures"]["MIA"][0]
    sentence = f"It takes {100 * attacked:.0f} % of the forgotten images"
    assert sentence in words(in_section(page, "Attack"))
    steps = answer(Relearn(), after)["needed"].cell("unlearned", "steps")
    assert f"after {steps:.0f} step" in words(in_section(page, "Relearn"))
    layers = answer(WhatMoved(), after)["layers"]
    share = (layers["moved"] * layers["weights"]).sum() / layers["weights"].sum()
    sentence = f"{100 * share:.0f} % of the weights are others than before"
    assert sentence in words(in_section(page, "Weights"))
    at = in_section(page, "Heat maps")
    assert "Asked of all three: what speaks for 3?" in words(at)
    assert not problems(at)


BRIEF = Recipe("mlp", epochs=3, batch=32)


@pytest.fixture
def settings(monkeypatch):
    monkeypatch.setattr("engine.unlearning.case.recipe_of", lambda _: BRIEF)
    return {"model": "Digits MLP", "random": "0.05", "ways": "Fine-tune", "FT__epochs": "1"}


def test_the_hardest_images_are_found_when_told_and_are_the_engine_s(settings):
    at = opened(what="hardest images", **settings)
    assert "The hardest are those of lowest loss" in words(at)
    assert "are to be forgotten" not in words(at)
    at = pressed(at, "WorstCase")
    assert "45 of 898 training images of Digits, 8 × 8 are to be forgotten" in words(at)
    model, data = catalog.load("digits-mlp"), load(FORGOTTEN.data)
    result = answer(WorstCase("hardest", share=0.05), PruneCase(model, data))["images"]
    assert set(result["id"]) == set(hardest(model, data, 0.05).ids)
    at = pressed(at)
    assert "45 images hard to forget" in at.main.header[0].value
    at.selectbox(key="forget.what").select("easiest images").run()
    assert "The easiest are those of highest loss" in words(at)
    assert not problems(at)


def test_hard_random_and_easy_sets_stand_beside_each_other_and_rank_the_ways_when_told(settings):
    at = in_section(pressed(opened(what="images at random", **settings)), "Hard and easy")
    at = settled(at.slider(key="forget.sets.share").set_value(0.05).run())
    model, data = catalog.load("digits-mlp"), load(FORGOTTEN.data)
    case = PruneCase(model, data)
    sets = {set_name: answer(WorstCase(set_name, share=0.05), case) for set_name in SETS}
    assert extremes.sentence(data, sets) in words(at)
    assert "Hard: lowest losses first" in words(at)
    assert extremes.balance_finding(extremes.balance(data, sets)) in words(at)
    at = settled(at.button(key="forget.sets.ranks.go").click().run())
    whole = ForgetCase(model, data, request.at_random(data, 0.05), BRIEF)
    tables = {name: board_of(set_case) for name, set_case in cases(whole, sets).items()}
    assert ranks_finding({"gaps": gaps(tables)}) in words(at)
    assert not problems(at)


@pytest.mark.parametrize(
    ("what", "variant", "changes"),
    [
        ("wrong labels", "noisy", {"architecture": "mlp", "epochs": 60}),
        ("planted images", "poisoned", {"architecture": "mlp", "epochs": 8}),
    ],
)
def test_images_that_must_be_learnt_first_are_trained_chosen_and_forgotten(
    what, variant, changes, monkeypatch, empty_home
):
    """Wrong labels take a network long to learn by heart; a planted patch does not.

    Both are trained by the recipe of the model but for that, for a small network, and for moving
    the images.
    """
    monkeypatch.setattr(train, "recipe_of", lambda model: replace(recipe_of(model), **changes))
    at = opened(what=what, ways="Fine-tune", FT__epochs="1", **{f"{variant}__share": "0.1"})
    assert f"train one on Digits, 8 × 8 with {what}" in words(at)
    at = pressed(at, "Train")
    (stored,) = checkpoints.visible_models()
    assert stored.card.data == f"digits+{variant}:share=0.1"
    recipe = replace(embedded.plan(FORGOTTEN.model).recipe, shift=0, **changes)
    assert stored.card.recipe == recipe.as_dict()
    assert not problems(at)
    assert "0.1" in at.selectbox(key="forget.data").value
    at = pressed(at)
    data = load(stored.card.data)
    forget_request = (request.wrong_labels if variant == "noisy" else request.planted)(data)
    table = board_of(forget_case(catalog.load(stored.name), data, forget_request))
    assert what in at.main.header[0].value
    assert f"{len(forget_request.ids)} of 898 training images" in words(at)
    assert f"{100 * table.cell('Retrain', 'TA'):.0f}" in words(at)
    assert table.cell("NoOp", "UA") < 0.1
    assert table.cell("Retrain", "UA") > 0.9
    for section in PARTS if variant == "poisoned" else ():
        at.button_group(key="forget.section").set_value(section).run()
        assert not at.error, section
    at = at.selectbox(key="forget.data").select("Digits, 8 × 8").run()
    assert at.button(key="forget.train.choose").click().run()
    assert "0.1" in at.selectbox(key="forget.data").value


def test_a_mode_of_a_class_is_learnt_as_part_of_it_and_what_stays_of_the_class_is_judged(
    monkeypatch, empty_home
):
    changes = {"architecture": "mlp", "epochs": 10}
    monkeypatch.setattr(train, "recipe_of", lambda model: replace(recipe_of(model), **changes))
    at = opened(what="a mode of a class", ways="Fine-tune", FT__epochs="1")
    assert "does not say which modes its classes have" in "".join(problems(at))
    assert "with merged classes, by the recipe of Digits CNN (10 epochs). It is kept" in words(at)
    at = pressed(at, "Train")
    (stored,) = checkpoints.visible_models()
    assert stored.card.data == "digits+merged"
    recipe = replace(embedded.plan(FORGOTTEN.model).recipe, **changes)
    assert stored.card.recipe == recipe.as_dict()  # images are moved as before
    assert at.selectbox(key="forget.mode").options == ["0", "2", "4", "6", "8"]
    at = pressed(settled(at.selectbox(key="forget.mode").select("4").run()))
    model, data = catalog.load(stored.name), load("digits+merged")
    table = board_of(forget_case(model, data, request.of_mode(data, 0, "4")))
    assert "mode 4 of class 0 or 2 or 4 or 6 or 8" in at.main.header[0].value
    for name in ("mode still right", "rest of the class", "other classes"):
        assert name in words(at)
        assert f"{100 * table.cell('Retrain', name):.0f}" in words(at)
    assert table.cell("NoOp", "mode still right") > table.cell("Retrain", "mode still right") + 0.2
    assert not problems(at)
    at = settled(at.selectbox(key="forget.label").select("1 or 3 or 5 or 7 or 9").run())
    assert at.selectbox(key="forget.mode").options == ["1", "3", "5", "7", "9"]
    assert not problems(at)


def test_a_mark_that_is_clicked_puts_its_image_in_sight_with_its_page_of_pictures(
    shipped, monkeypatch
):
    images = answer(Confidence(), AfterCase(shipped[0], FORGOTTEN.best()))["images"]
    state, at = {}, each_image.PAGE + 5
    monkeypatch.setattr(each_image.st, "session_state", state)
    ids = images["id"].astype(int).tolist()
    shift = each_image.shift({"images": images})
    shift.press({"selection": {"points": [{"x": at + 1}]}})
    assert state["forget.image"] == ids[at]
    assert each_image.selected_place(ids) == at
    assert state["forget.images.page"] == 2
    shift.press({"selection": {"points": []}})
    assert each_image.selected_place(ids) == at
    lines, *marks = shift.figure(each_image.probability_table(images)).data
    for trace, name in zip(marks, each_image.MODELS, strict=True):
        assert trace.x[at] == at + 1
        assert trace.y[at] == pytest.approx(100 * images[name][at], abs=1e-4)
    both = 100 * np.stack([images["original"], images["unlearned"]], 1).ravel()
    assert [line for line in lines.y if not np.isnan(line)] == pytest.approx(both, abs=1e-4)


def test_other_ways_wait_for_a_button_and_a_failed_one_is_told():
    at = opened(ways="Gradient ascent", GA__rate="0.5", GA__epochs="1")
    assert not at.main.header
    at = pressed(at)
    assert at.main.header[0].value.startswith("Gradient ascent (")


def test_the_model_that_forgot_is_kept_below_its_parent_and_taken_along(empty_home):
    at = opened(section="Take it along")
    at = settled(at.button(key="forget.keep").click().run())
    (stored,) = checkpoints.visible_models()
    assert f"forgot class 3 · {FORGOTTEN.best.short}" in stored.card.trail
    assert stored.card.parent == catalog.load(FORGOTTEN.model).fingerprint
    at.button(key="forget.take.heatmaps").click().run()
    assert at.session_state["model"] == stored.name
    example = at.session_state["subject"].chosen.example
    assert example.data.name == FORGOTTEN.data
    assert int(example.data.ids[example.row]) in request.of_class(load(FORGOTTEN.data), 3).ids


REQUESTS = {
    "class": lambda data: request.of_class(data, 3),
    "a share of it": lambda data: request.of_class(data, 2, 0.1, 5),
    "at random": lambda data: request.at_random(data, 0.05, 1),
    "by id": lambda data: request.of_ids(data, data.ids[data.rows("train")[[40, 7]]]),
}


@pytest.mark.parametrize("kind", REQUESTS)
@pytest.mark.parametrize("name", ["digits", "digits+noisy"])
def test_whatever_was_forgotten_one_of_it_is_what_another_view_opens(kind, name):
    data = load(name)
    forget_request = REQUESTS[kind](data)
    case = SimpleNamespace(case=SimpleNamespace(request=forget_request))
    closer = SimpleNamespace(data=data, case=case)
    link = {word: str(value) for word, value in keep.image_from(closer).items()}
    at = visit(link | {"model": "Digits CNN"})
    assert not problems(at)
    example = at.session_state["subject"].chosen.example
    assert example.data.name == name
    assert int(example.data.ids[example.row]) in forget_request.ids
    assert "may have learned from" in at.number_input(key="item").label


@pytest.mark.parametrize("word", ["99999", "9" * 400, "-1", "x", ""])
def test_an_image_by_an_id_that_is_not_there_is_said(word):
    link = {"image": "From a data set", "data": "Digits, 8 × 8", "kind": f"{BY_ID}{word}"}
    at = visit(link | {"model": "Digits CNN"})
    assert any("as Class" in sentence for sentence in problems(at))
    assert at.session_state["subject"].name.startswith("digits/")


def test_what_is_stopped_keeps_the_rows_that_are_done():
    at = opened(ways="Fine-tune", FT__epochs="50")
    at.button(key="forget.Scoreboard.go").click().run()
    for _ in range(200):
        lines = [bar.proto.text for bar in at.main.get("progress")]
        if any("Fine-tune" in line or "FT" in line for line in lines):
            break
        time.sleep(0.05)
        at.run()
    at.button(key="forget.Scoreboard.stop").click().run()
    assert any("Stopped" in sentence for sentence in problems(at))
    assert "What was done by then" in words(at)
    assert "Retrained without them" in words(at)


def noise(count):
    """A zip with two class folders of random pictures."""
    images = np.random.default_rng(0).integers(0, 255, (count, 32, 32, 3), np.uint8)
    return zipped({f"{'ab'[at % 2]}/{at}.png": image for at, image in enumerate(images)})


@pytest.fixture
def page_with_zip(empty_home):
    """A session with a zip of one's own that a model here has learned from."""

    def opened_with(count):
        folders = read_folders(noise(count), "mine.zip", 32)
        add(folders.data)
        recipe = Recipe("lenet", epochs=1)
        model = fresh(folders.data, recipe, 0)
        learn(model, folders.data, recipe, 0)
        about = {"title": "Mine", "made_by": "lab.Train", "data": folders.data.name}
        at = visit(view=FORGET)
        owner = Owner(at.session_state[browser_secret.NEW].encode())
        checkpoints.put(card_of(model, **about, recipe=recipe.as_dict()), model, owner)
        at.session_state["lab.uploads"] = {"My zip": folders}
        at.run()
        pills(at, "forget.ways").set_value(["SalUn"])
        at.selectbox(key="forget.data").select("My zip").run()
        return at

    return opened_with


def test_too_few_images_of_one_s_own_are_a_sentence(page_with_zip):
    assert "no test images to measure with" in " ".join(problems(page_with_zip(3)))


def test_a_zip_of_one_s_own_with_few_images_goes_through_every_part(page_with_zip):
    at = pressed(page_with_zip(10))
    assert at.main.header[0].value.startswith("SalUn ")
    for section in PARTS:
        at.button_group(key="forget.section").set_value(section).run()
        go = [button for button in at.main.button if button.key and button.key.endswith(".go")]
        if go and section not in {"Take it along", *MINUTES}:
            go[0].click().run()
        at = settled(at)
        assert not problems(at), section


def test_seconds_are_those_of_one_run_until_all_are_timed(page_with_zip, monkeypatch):
    """They also reach a table that was drawn when they were not known yet, though the part was."""
    at = pressed(page_with_zip(12))
    assert "Seconds are those of one run" in words(at)
    at.button_group(key="forget.section").set_value("Time").run()
    assert "run once to warm up and then 3 times" in words(at)
    at = pressed(at, "Timing")
    data = at.session_state["lab.uploads"]["My zip"].data
    (name,) = (entry.name for entry in catalog.local_entries() if entry.data == data.name)
    case = forget_case(catalog.load(name), data, request.of_class(data, 0))
    times = kept_answer(Timing(), BoardCase(case, (NoOp(), SalUn())))["times"]
    spent = short(times.cell("Retrain", "seconds"))
    assert f"Retraining takes {spent}" in words(at)
    assert f"100 % · {spent}" in words(at)
    assert "Seconds are the median of three runs here" in words(at)

    timed, result = [], view.times_of

    def late(method):
        timed.append(method)
        return None if len(timed) == 1 else result(method)

    monkeypatch.setattr(view, "times_of", late)
    at.run()
    assert len(timed) > 2  # the page was drawn again
    assert "Seconds are the median of three runs here" in words(at)
