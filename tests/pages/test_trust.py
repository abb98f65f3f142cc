"""The trust panel of Heatmaps: trials at once, trials on request, and maps that cannot be tried."""

import pytest
import torch
from torch import nn

from engine.models import catalog
from engine.models.classifier import Classifier
from tests.tiny import Cnn, Linear, random_weights
from tests.visits import said, settled, visit, words

SIDE = 32


def small(network: nn.Module, name: str) -> Classifier:
    return Classifier(network, name, name, SIDE, device=torch.device("cpu"))


@pytest.fixture
def shown_to(monkeypatch):
    """Heatmaps with a small model."""

    def opened(network, methods=("Grad-CAM", "Gradient"), **link):
        model = small(network, f"tiny-{type(network).__name__}")
        monkeypatch.setattr(catalog, "load", lambda name="": model)
        return settled(visit({"heatmaps.methods": list(methods), "trust.on": "true", **link}))

    return opened


@pytest.fixture
def cnn():
    return random_weights(Cnn(), 0)


def lines(at, title):
    """The lines of one trial, one for each map that has it."""
    return [one.label for one in at.main.expander if title in one.label]


def test_cheap_trials_are_there_at_once_and_each_map_is_summed_up(shown_to, cnn):
    at = shown_to(cnn)
    assert len(lines(at, "Do the strong pixels carry the score?")) == 2
    assert len(lines(at, "Is it about this class?")) == 2
    assert all("not available" in line for line in lines(at, "Does it lie on the truth?"))
    assert "**Can it be trusted?**" in words(at)
    assert "**Gradient**: " in words(at)
    assert "3 not tried yet" in words(at)


def test_a_verdict_is_a_sign_and_a_word(shown_to, cnn):
    at = shown_to(cnn, ["Gradient"])
    (line,) = lines(at, "Is it about this class?")
    assert line.startswith(("✓ **speaks for it**", "? **neither way**", "✗ **speaks against it**"))


def test_a_dear_trial_says_its_cost_and_is_made_when_told(shown_to, cnn):
    at = shown_to(cnn, ["Gradient"])
    assert not lines(at, "Does it need what was learnt?")
    button = at.button(key="trust.Gradient.RandomWeights.go")
    assert "4 more maps" in button.label
    button.click().run()
    settled(at)
    (line,) = lines(at, "Does it need what was learnt?")
    assert "ith random weights" in line
    assert "2 not tried yet" in words(at)


def test_the_trials_settings_are_part_of_the_link(shown_to, cnn):
    at = shown_to(cnn, ["Gradient"], **{"trust.RandomWeights.stages": "2"})
    assert "2 more maps" in at.button(key="trust.Gradient.RandomWeights.go").label


def test_a_dear_method_is_asked_about_another_class_only_on_request(shown_to, cnn):
    at = shown_to(cnn, ["Occlusion"])
    assert not lines(at, "Is it about this class?")
    assert "1 more map," in at.button(key="trust.Occlusion.OtherClass.go").label


def test_the_maps_are_compared_when_there_are_two(shown_to, cnn):
    at = shown_to(cnn)
    (line,) = lines(at, "Do the maps agree?")
    assert "Grad-CAM and Gradient: " in line
    assert not lines(shown_to(cnn, ["Gradient"]), "Do the maps agree?")


class Constant(nn.Module):
    """Says the same whatever it is shown."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 3)

    def forward(self, images):
        return self.fc(self.conv(images).mean((2, 3)) * 0.0)


def test_a_constant_model_gets_no_verdict(shown_to):
    at = shown_to(Constant(), ["Gradient", "Occlusion"])
    assert len(lines(at, "Do the strong pixels carry the score?")) == 2
    for line in lines(at, "Do the strong pixels carry the score?"):
        assert line.startswith("– **not available**")
    assert "for it, " not in words(at)
    assert "against it" not in words(at)


def test_a_model_without_layers_to_shuffle_is_said_to_have_none(shown_to):
    weight = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    at = shown_to(Linear(weight), ["Gradient"])
    at.button(key="trust.Gradient.RandomWeights.go").click().run()
    settled(at)
    (line,) = lines(at, "Does it need what was learnt?")
    assert "no convolution or linear layer" in line
    assert not said(at)
