"""The view Which explanation?: eight maps, sliders that morph two of them, advice, agreement."""

import numpy as np
import pytest
import torch
from torch import nn

from components.views import WHICH_EXPLANATION
from components.which_explanation import losses
from engine.attribution.lfa import LFA, ROWS, LocalModel
from engine.attribution.lfa.shares import CHANGES, ranked
from engine.vision.models import catalog
from tests import tiny
from tests.visits import held_up, pills, problems, settled, visit, words

LINK = {"which.small.samples": "50"}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(catalog, "load", lambda name="": tiny.mlp())


def open_view(**link):
    return settled(visit(LINK | link, WHICH_EXPLANATION))


def test_a_small_image_is_explained_eight_times_and_judged_at_once():
    at = open_view()
    assert not problems(at)
    text = words(at)
    assert "Every pixel is a feature: 64." in text
    assert "attribution.LFA r4" in text
    assert "No free lunch" in text
    assert "For small changes of brightness, trust " in advice(at)
    text = " ".join(text.split())
    assert "at fresh samples of every neighborhood, to which no explainer was fitted" in text
    assert "a loss is exact only where a feature differs from nothing by one number" in text
    assert "faded to nothing, means black" in text  # the tiny network has no mean


def advice(at):
    (sentence,) = [header.value for header in at.main.header if "trust" in header.value]
    return sentence


def test_the_advice_is_the_smallest_loss_at_fresh_samples_of_the_change():
    """50 samples and 64 features: C-LIME goes through every point where it was fitted."""
    at = open_view()
    result = LFA(features="pixels", samples=50)(case_of(at))
    home = ROWS.index("C-LIME")
    assert result["squared loss"].values[:, home].argmin() == home
    assert "trust C-LIME here" not in advice(at)
    table = ranked(result, "Small changes of brightness")
    scores = dict(zip(table.rows, table.values.tolist(), strict=True))["C-LIME"]
    assert scores[1] > 0.999
    assert scores[0] < scores[1] - 0.1
    for change, row in CHANGES.items():
        pills(at, "which.losses.change").set_value(change).run()
        column = ROWS.index(row)
        lost = result["fresh squared loss"].values[:, column]
        useful = lost.min() < result["fresh no change"].values[0, column]
        best = ROWS[int(lost.argmin())] if useful else "none of the eight"
        assert f"trust {best} here" in advice(at), change


def case_of(at):
    return at.session_state["subject"].case.at("exact")


def test_sigma_and_alpha_ask_anew_only_what_looks_at_them(monkeypatch):
    from components import runs

    asked, plain = {}, runs.ask

    def noted(method, *rest):
        asked[getattr(method, "explainer", "")] = method
        return plain(method, *rest)

    def changed(widget):
        """The explainers whose settings are others once it was moved."""
        before = dict(asked)
        asked.clear()
        settled(widget.run())
        return {name for name in ROWS if before[name] != asked[name]}

    monkeypatch.setattr(runs, "ask", noted)
    at = open_view(**{"which.small.samples": "200"})  # so that no answer of all eight is kept
    noise = at.select_slider(key="which.small.noise").set_value(0.01)
    assert changed(noise) == {"SmoothGrad", "C-LIME"}
    assert changed(at.slider(key="which.small.low").set_value(0.9)) == {"Integrated gradients"}


def test_a_photograph_waits_for_a_button_and_offers_no_pixels(monkeypatch):
    model = tiny.classifier(tiny.random_weights(tiny.Cnn()), 48, "bigger")
    monkeypatch.setattr(catalog, "load", lambda name="": model)
    at = settled(visit({"which.samples": "50", "which.count": "9"}, WHICH_EXPLANATION))
    assert at.selectbox(key="which.features").options == ["grid", "superpixels"]
    (go,) = [button for button in at.main.button if button.key == "which.LFA.go"]
    assert go.label.startswith("Try each where others look")
    assert not at.main.header
    settled(go.click().run())
    assert "at fresh samples" in advice(at) or "predicts" in advice(at)


def test_another_setting_gives_up_what_a_later_map_was_asked_before(monkeypatch):
    model = tiny.classifier(tiny.random_weights(tiny.Cnn(), seed=5), 48, "bigger")
    monkeypatch.setattr(catalog, "load", lambda name="": model)
    target = ("LIME", 100)
    hold = held_up(
        monkeypatch, LocalModel, lambda method: (method.explainer, method.samples) == target
    )
    at = visit({"which.count": "9", "which.samples": "100"}, WHICH_EXPLANATION)
    hold.begins(at)
    at.select_slider(key="which.samples").set_value(50).run()
    assert hold.is_given_up(20)
    assert not problems(settled(at))


def test_a_model_that_looks_at_nothing_is_said_and_no_number_is_shown(monkeypatch):
    class Still(nn.Module):
        def forward(self, images):
            return torch.stack([images.sum((1, 2, 3)) * 0 + k for k in range(4)], 1)

    monkeypatch.setattr(catalog, "load", lambda name="": tiny.classifier(Still(), 8, "still"))
    at = open_view()
    assert any("there is nothing to explain" in sentence for sentence in problems(at))
    assert not at.main.header


def test_links_to_what_is_not_offered_are_refused():
    at = open_view(**{"which.losses.change": "The weather"})
    assert "“The weather” as Which change do you care about?" in " ".join(problems(at))


def test_the_paper_s_experiments_run_on_request_and_say_who_finds_a_linear_model():
    at = open_view()
    next(button for button in at.button if button.label == "Run the experiments").click()
    text = words(settled(at.run()))
    exact = "SmoothGrad, Gradient, Integrated gradients, Gradient × input, Occlusion"
    assert f"exactly: {exact}." in text
    assert "Not with so few samples: C-LIME (" in text  # 50 samples of 64 features
    assert "Moved most on average by those of" in text
    assert "Moved least on average by those of" in text


def test_each_matrix_is_colored_against_its_own_loss_of_no_change():
    """The second one's is of slopes: another number than the first one's."""
    at = open_view()
    result = LFA(features="pixels", samples=50)(case_of(at))
    still = result["no change"]
    assert still.rows == ("squared loss", "gradient loss")
    assert not np.allclose(still.values[0], still.values[1])
    for row, base in zip(still.rows, still.values, strict=True):
        drawn = losses.matrix_drawing(row).chart(result)
        expected = np.log10(np.maximum(result[row].values / base, 1e-3)).clip(-3, 3)
        assert drawn.colors == pytest.approx(expected, abs=1e-4)
