"""A model that learned from a person's file, as its owner, a guest and a stranger meet it."""

import re
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st

from components import links, login
from components.views import DATA_AND_MODELS, FORGET, HEATMAPS, PRUNE, SWEEP
from components.widgets import browser_secret
from engine.core import run
from engine.core.run import answer
from engine.vision.data.folders import read_folders
from engine.vision.lab import Train, TrainCase
from engine.vision.models import catalog, checkpoints
from engine.vision.models.card import card_of, checkpoint
from engine.vision.models.owners import Owner
from engine.vision.training import Recipe
from tests.opening import Page, at_view
from tests.visits import held_up, pills, problems, settled, visit, zipped

MARKER = "zqward"  # in the name of a class of a person's file
OWNER, OTHER = "o" * 43, "x" * 43  # secrets of two browsers
SEEDS = count(1000)  # of jobs that nobody has asked for yet
RECIPE = Recipe(architecture="mlp", epochs=1)


@pytest.fixture(autouse=True)
def own_models(empty_home):
    """Models of this test alone."""
    login.required.cache_clear()
    login.cookie_secret.cache_clear()


@pytest.fixture(scope="module")
def family():
    """A person's file: a class is called by the marker."""
    return zipped(
        {
            f"{name}/{at}.png": np.full((16, 16, 3), 100 * place + 15 * at, np.uint8)
            for place, name in enumerate((MARKER, "other"))
            for at in range(6)
        }
    )


@pytest.fixture(scope="module")
def case(family):
    return TrainCase(read_folders(family, "family.zip", 32).data, RECIPE, 7)


@pytest.fixture
def model(case):
    """The private model of OWNER."""
    return checkpoints.keep(answer(Train(), case)["model"], Owner(OWNER.encode()))


def visited(secret, view=DATA_AND_MODELS, **link):
    """The page as the browser with that secret sees it."""
    at = at_view(view)
    at.session_state[browser_secret.NEW] = secret
    at.query_params.update({"trust.on": "false", "heatmaps.methods": ["Gradient"]} | link)
    return at.run()


def chosen_in_lab(at, name):
    pills(at, "lab.part").set_value("Models").run()
    line = next(x for x in at.selectbox(key="lab.model").options if x.endswith(name[-4:]))
    return at.selectbox(key="lab.model").select(line).run()


def drawn(at, *typed):
    """All that a page sends to the browser, but for what it repeats of the words of a link."""
    text = repr(at._tree)
    for word in typed:
        text = text.replace(f"asks for “{word[:40]}”", "")
    return text


def labels(at):
    return (
        {download.label for download in at.get("download_button")}
        | {popover.proto.popover.label for popover in at.get("popover")}
        | {button.label for button in at.button}
    )


def line_of(name):
    return next(entry.line for entry in catalog.local_entries() if entry.name == name)


def listing():
    """A page that lists the models, with as little around it as can be."""
    import streamlit as st

    from components import links, sharing
    from engine.vision.models import catalog

    links.bound()
    sharing.begin()
    st.text(" ".join(entry.name for entry in catalog.entries()))
    sharing.finish_page()


def guesses(model):
    """What somebody may try who knows weights, classes, name and digests, but no secret."""
    known = [line_of(model.name), model.name, model.name.removeprefix("kept:"), "", "*", "%"]
    known += [model.card.fingerprint, Owner(OWNER.encode()).digest, "0" * 40]
    known += checkpoints.owners.read_record(model.path).owners.values()
    known.append(Owner(OTHER.encode()).view_key(model.name))
    title = line_of(model.name)[:-4]
    yield from known
    for number in range(10_000 - len(known)):
        yield f"{title}{number * 7 % 65536:04x}" if number % 2 else f"{number:040x}"


def test_ten_thousand_guesses_in_links_open_nothing(model):
    names, every = set(), list(guesses(model))
    assert line_of(model.name) in every
    for start in range(0, len(every), links.MOST_VALUES):
        values = every[start : start + links.MOST_VALUES]
        at = Page.from_function(listing)
        at.query_params.update({"model": values, "key": values[:: len(values) // 10]})
        at.run()
        names |= set(at.text[0].value.split())
    assert not checkpoints.opened_by(every)
    assert "digits-cnn" in names
    assert not [name for name in names if name.startswith("kept:")]


def test_the_view_key_in_a_link_opens_that_model_and_only_that(model):
    card = card_of(checkpoints.load(model.name), data="upload-2")
    other = checkpoints.put(card, twin(model), Owner(OWNER.encode()))
    at = Page.from_function(listing)
    at.query_params["key"] = Owner(OWNER.encode()).view_key(model.name)
    names = {name for name in at.run().text[0].value.split() if name.startswith("kept:")}
    assert names == {model.name} != {other.name}


def twin(model):
    result = checkpoints.load(model.name).twin()
    for weights in result.network.parameters():
        weights.data.add_(0.1)
    result.changed()
    return result


VIEWS = {
    "the lab": (DATA_AND_MODELS, {"lab.part": "Models"}),
    "training": (DATA_AND_MODELS, {"lab.part": "Train"}),
    "heat maps": (HEATMAPS, {}),
    "forget": (FORGET, {}),
    "prune": (PRUNE, {}),
    "sweep": (SWEEP, {}),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("same_classes", [False, True])
def test_nothing_on_a_page_names_another_s_model_data_or_job(
    model, case, view, same_classes, monkeypatch
):
    """Not to somebody with the line, nor to the owner of a model with the same classes."""
    page, link = VIEWS[view]
    line, title = line_of(model.name), case.data.card.title
    if same_classes:
        loaded = twin(model)
        card = card_of(loaded, title="Mine", data="upload-7")
        stored = checkpoints.put(card, loaded, Owner(OTHER.encode()))
    hold = held_up(monkeypatch, Train)
    job = run.ask(Train(), TrainCase(case.data, RECIPE, next(SEEDS)), "another visitor")
    choices = dict.fromkeys(("model", "lab.model", "forget.model", "sweep.models"), line)
    choices["data"] = case.data.name
    secret = OTHER if same_classes else "s" * 43
    pages = [visited(secret, page, **link, **words) for words in ({}, choices)]
    hold.go.set()
    job.wait(20)
    for at in pages:
        text = drawn(at, line, case.data.name)
        assert "another visitor" in text  # the job is there
        for word in (model.name, title, line[-4:], case.data.name):
            assert word not in text
    if same_classes and view == "the lab":
        assert stored.name[-4:] in str(at.selectbox(key="lab.model").options)
    elif not same_classes:
        assert MARKER not in text


def test_who_trains_on_a_file_of_their_own_owns_the_model(family):
    recipe = {"lab.recipe.architecture": "mlp", "lab.recipe.epochs": "2"}
    at = visited(OWNER, **{"lab.part": "Train"} | recipe)
    at.file_uploader(key="lab.file").set_value(("family.zip", family, "")).run()
    at.button(key="lab.training.Train.go").click().run()
    settled(at, lambda at: at.success)
    (stored,) = checkpoints.visible_models()
    assert checkpoints.is_private(stored)
    assert checkpoints.belongs(stored.name, Owner(OWNER.encode()))
    assert {"Export", "Delete"} <= labels(chosen_in_lab(at, stored.name))
    assert line_of(stored.name) not in visited(OTHER, HEATMAPS).selectbox(key="model").options
    at.button(key="lab.model.delete").click().run()
    assert checkpoints.visible_models() == ()


def test_a_link_that_its_owner_shares_lets_look_and_neither_export_nor_delete(model):
    owner = visited(OWNER, **{"lab.part": "Models", "lab.model": line_of(model.name)})
    assert {"Export", "Delete"} <= labels(owner)
    link = {name: owner.query_params[name] for name in owner.query_params}
    assert re.fullmatch("[0-9a-f]{40}", "".join(link["key"]))
    assert OWNER not in str(link)

    guest = visited(OTHER, **link)
    assert guest.selectbox(key="lab.model").value == line_of(model.name)
    assert not {"Export", "Delete"} & labels(guest)
    assert guest.query_params["key"] == link["key"]
    guest.button(key="lab.model.take.heatmaps").click().run()
    assert guest.session_state["model"] == model.name
    assert not problems(guest)
    assert guest.query_params["key"] == link["key"]  # so that a reload, or another guest, has it
    alone = visited(OTHER, HEATMAPS, key=link["key"])
    assert line_of(model.name) in alone.selectbox(key="model").options
    assert "key" not in alone.query_params  # which names no private model


def acting():
    """Somebody calls what the buttons call, whether they stand on the page or not."""
    import streamlit as st

    from components import sharing
    from components.draw.checkpoint import draw_checkpoint
    from components.lab import models
    from engine.core.errors import BadModel

    sharing.begin()
    name = st.session_state["name"]
    try:
        st.session_state.setdefault("bytes", len(sharing.exporter(name)()))
    except BadModel as error:
        st.warning(str(error))
    if "forgotten" not in st.session_state:
        st.session_state["forgotten"] = True
        models.delete_model(name)
    draw_checkpoint(st.session_state["child"], "child", at_once=True)


def put(at, state):
    for name, value in state.items():
        at.session_state[name] = value


def test_a_guest_who_calls_what_the_buttons_call_is_refused(model):
    loaded = checkpoints.load(model.name)
    changed = twin(model)
    child = checkpoint(changed, card_of(changed, title="hardly changed", parent=loaded))
    at = Page.from_function(acting)
    put(at, {browser_secret.NEW: OTHER, "name": model.name, "child": child})
    at.query_params["key"] = Owner(OWNER.encode()).view_key(model.name)
    at.run()
    (warning,), (error,) = at.warning, at.error
    assert warning.value == "This model is not yours: only its owner can export it."
    assert error.value == "This model is not yours: only its owner can delete it."
    assert "it can be looked at here, and not be kept" in at.info[0].value
    assert [entry.name for entry in checkpoints.visible_models()] == [model.name]
    at = Page.from_function(acting)
    put(at, {browser_secret.NEW: OWNER, "name": model.name, "child": child})
    at.run()
    assert at.session_state["bytes"] == model.nbytes
    assert not at.error
    assert [entry.card.title for entry in checkpoints.visible_models()] == ["hardly changed"]


def test_the_browser_s_secret_makes_a_session_after_a_reload_the_owner(model):
    """The component tells it in the second run of a session; until then it has a new one."""
    at = Page.from_function(listing).run()
    assert model.name not in at.text[0].value
    new = at.session_state[browser_secret.NEW]
    for stored, owns in ((OWNER, True), (OTHER, False), ("short", False), (None, False)):
        at = Page.from_function(listing)
        at.session_state[browser_secret.KEY] = {"secret": stored}
        at.session_state[browser_secret.NEW] = new
        assert (model.name in at.run().text[0].value) is owns


def test_what_a_login_made_belongs_to_whoever_logs_in_as_the_same_person(case, monkeypatch):
    def logged_in(person):
        user = SimpleNamespace(is_logged_in=True, iss="https://a.example", sub=person)
        monkeypatch.setattr(st, "user", user)
        return visited(OTHER)

    monkeypatch.setattr(login, "required", lambda: True)
    monkeypatch.setattr(st, "secrets", {"auth": {"cookie_secret": "c" * 64}})
    logged_in("ann")
    model = checkpoints.keep(answer(Train(), case)["model"], Owner(login.secret_of_user()))
    assert {"Export", "Delete"} <= labels(chosen_in_lab(logged_in("ann"), model.name))
    other = logged_in("bob")
    pills(other, "lab.part").set_value("Models").run()
    assert model.name[-4:] not in str(other.selectbox(key="lab.model").options)


@pytest.mark.parametrize(
    ("secrets", "user"),
    [
        ({"auth": {}}, {"sub": "ann"}),
        ({"auth": {"cookie_secret": "short"}}, {"sub": "ann"}),
        ({"auth": {"cookie_secret": "c" * 64}}, {}),
    ],
)
def test_a_login_that_says_too_little_leaves_what_is_made_to_its_session(
    secrets, user, monkeypatch
):
    monkeypatch.setattr(login, "required", lambda: True)
    monkeypatch.setattr(st, "secrets", secrets)
    monkeypatch.setattr(st, "user", SimpleNamespace(is_logged_in=True, **user))
    assert login.secret_of_user() is None


def test_an_older_model_without_an_owner_is_offered_to_nobody(case, family):
    stored = checkpoints.keep(answer(Train(), case)["model"])
    at = visited(OWNER)
    at.number_input(key="lab.side").set_value(32).run()
    at.file_uploader(key="lab.file").set_value(("family.zip", family, "")).run()
    uploads = at.session_state["lab.uploads"].values()
    assert case.data.name in [upload.data.name for upload in uploads]
    pills(at, "lab.part").set_value("Models").run()
    assert stored.name[-4:] not in str(at.selectbox(key="lab.model").options)


def test_data_of_another_s_file_are_not_opened_by_their_name(case):
    from engine.vision import data as data_sets

    data_sets.add(case.data)

    def opening():
        import streamlit as st

        from components import sharing
        from engine.core.errors import BadData
        from engine.vision import data as data_sets

        sharing.begin()
        for change in ("", "+noisy:share=0.5"):
            try:
                st.text(data_sets.load(st.session_state["name"] + change).name)
            except BadData as error:
                st.warning(str(error))

    at = Page.from_function(opening)
    at.session_state["name"] = case.data.name
    sentence = "These images were brought in another session: open their file again."
    assert {warning.value for warning in at.run().warning} == {sentence}
    at.session_state["where.own"] = {"Mine": case.data}
    assert [element.value.partition("+")[0] for element in at.run().text] == [case.data.name] * 2


@pytest.mark.parametrize(
    ("name", "values"),
    [("model", ["lite0"] * 990), ("seed", ["1"] * 101), ("no-such", ["9" * 10_001])],
)
def test_a_link_with_more_than_can_be_meant_is_cut_before_anything_reads_it(name, values):
    at = visit({name: values})
    assert any("They are ignored: at most 100 values of 10,000 letters" in x for x in problems(at))
    assert len(at.query_params.get(name, [])) <= 1
    at.run()
