"""The trust panel of Heatmaps: trials at once, trials on request, and maps that cannot be tried."""

import re
from itertools import count
from threading import Event

import pytest
import torch
from torch import nn

from components import runs
from components.notices import UNEXPECTED
from engine.core.lane import lane
from engine.evaluation.trust import TRUST
from engine.evaluation.trust.cheap import OtherClass
from engine.vision.case import image
from engine.vision.models import catalog
from engine.vision.models.classifier import Classifier
from tests.tiny import Cnn, Linear, random_weights
from tests.visits import problems, provenance, settled, visit, words

SIDE = 32
SEEDS = count(100)


def small(network: nn.Module, name: str) -> Classifier:
    return Classifier(network, name, name, SIDE, device=torch.device("cpu"))


@pytest.fixture
def shown_to(monkeypatch):
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
    return [expander.label for expander in at.main.expander if title in expander.label]


def test_cheap_trials_are_there_at_once_and_each_map_is_summed_up(shown_to, cnn):
    at = shown_to(cnn)
    assert len(lines(at, "Do the strong pixels carry the score?")) == 2
    assert len(lines(at, "Is it about this class?")) == 2
    assert all("not available" in line for line in lines(at, "Does it lie on the truth?"))
    (line,) = lines(at, "Do the maps agree?")
    assert "Grad-CAM and Gradient: " in line
    assert "**Can Grad-CAM be trusted?**" in words(at)
    assert "**Can Gradient be trusted?**" in words(at)
    assert "3 not tried yet" in words(at)


def test_a_dear_trial_says_its_cost_and_is_made_when_told(shown_to, cnn):
    at = shown_to(cnn, ["Gradient"])
    (line,) = lines(at, "Is it about this class?")
    assert line.startswith(("✓ **passed**", "? **neither way**", "✗ **speaks against it**"))
    assert not lines(at, "Do the maps agree?")
    assert not lines(at, "Does it need what was learned?")
    button = at.button(key="trust.Gradient.RandomWeights.go")
    assert "4 more maps" in button.label
    at = settled(button.click().run())
    (line,) = lines(at, "Does it need what was learned?")
    assert "ith random weights" in line
    assert "2 not tried yet" in words(at)
    at = settled(at.button(key="trust.Gradient.Infidelity.go").click().run())
    (line,) = lines(at, "Does it predict what hiding a part does?")
    assert line.startswith("– **not available**")  # each color takes another step when hidden
    assert "a slope whose channels were folded" in line


def test_a_press_that_overtakes_another_choice_begins_what_is_then_asked(shown_to, cnn):
    at = shown_to(cnn, ["Gradient"], **{"trust.RandomWeights.stages": "5"})
    assert "5 more maps" in at.button(key="trust.Gradient.RandomWeights.go").label
    at.slider(key="trust.RandomWeights.stages").set_value(3)
    at = settled(at.button(key="trust.Gradient.RandomWeights.go").click().run())
    assert lines(at, "Does it need what was learned?")


def test_what_hiding_squares_does_is_described_and_not_judged(shown_to, cnn):
    at = shown_to(cnn, ["Gradient × input"], **{"trust.Infidelity.squares": "16"})
    button = at.button(key="trust.GradientXInput.Infidelity.go")
    assert button.label == "Try it: 17 looks"
    untried = re.findall("[0-9] not tried yet", words(at))
    button.click().run()
    assert button.key not in [other.key for other in at.button]
    settled(at)
    (line,) = lines(at, "Does it predict what hiding a part does?")
    assert line.startswith("· **a description, no verdict**")
    assert "of what hiding squares does" in line
    assert re.findall("[0-9] not tried yet", words(at)) == untried  # it counts as no verdict


def test_a_dear_method_is_asked_about_another_class_only_on_request(shown_to, cnn):
    at = shown_to(cnn, ["Occlusion"])
    assert not lines(at, "Is it about this class?")
    assert "1 more map," in at.button(key="trust.Occlusion.OtherClass.go").label


@pytest.fixture
def lane_release():
    """Nothing is computed while this stands: the lane waits inside a job."""
    begun, release = Event(), Event()

    def wait(_progress):
        begun.set()
        release.wait(60)

    lane("cpu").submit("held", wait, "live")
    assert begun.wait(60)
    yield release
    release.set()


def queued():
    titles = tuple(kind.title for kind in TRUST)
    return [job for job in lane("cpu").jobs() if job.title.startswith(titles)]


@pytest.fixture
def two_maps(shown_to):
    """Two maps of a network of its own are known by now, their trials are not."""
    shown_to(random_weights(Cnn(), next(SEEDS)), **{"trust.on": "false"})


def test_a_page_waits_for_no_trial_and_gives_up_all_when_they_are_switched_off(
    two_maps, lane_release
):
    at = visit({"trust.on": "true"})
    assert len(provenance(at)) == 2
    assert "being tried" in words(at)
    waiting = queued()
    assert len(waiting) >= 4
    at.toggle(key="trust.on").set_value(False).run()
    assert all(job.cancelled for job in waiting)
    assert not queued()
    assert "be trusted?" not in words(at)


def test_trials_are_given_up_before_another_map_is_asked_for(two_maps, lane_release, monkeypatch):
    at = visit({"trust.on": "true"})
    waiting, flags, ask = queued(), [], runs.ask
    assert waiting

    def asked(method, case, slot, *patience):
        if slot == "heatmaps.Gradient":
            flags.extend(job.cancelled for job in waiting)
            lane_release.set()
        return ask(method, case, slot, *patience)

    monkeypatch.setattr(runs, "ask", asked)
    at.selectbox(key="heatmaps.Gradient.channels").set_value("size").run()
    settled(at)
    assert flags[: len(waiting)] == [True] * len(waiting)
    assert "3 not tried yet" in words(at)


def test_trials_begin_when_all_maps_are_there(shown_to, cnn, monkeypatch):
    model = small(cnn, "tiny-cnn-slow")
    monkeypatch.setattr(catalog, "load", lambda name="": model)
    long = {"heatmaps.methods": ["Gradient", "KernelSHAP"], "heatmaps.KernelShap.samples": "10000"}
    at = visit(long | {"trust.on": "true"})
    assert "once all of them are there" in words(at)
    assert not lines(at, "Do the strong pixels carry the score?")
    assert not queued()
    at.button(key="heatmaps.KernelShap.stop").click().run()
    settled(at)
    assert len(lines(at, "Do the strong pixels carry the score?")) == 1


class Constant(nn.Module):
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
    assert "**Can Gradient be trusted?** 2 not available, 3 not tried yet." in words(at)
    assert "**Can Occlusion be trusted?** 1 not available, 4 not tried yet." in words(at)


def test_maps_of_an_image_of_one_color_are_said_once_not_to_be_tried(shown_to, cnn, monkeypatch):
    monkeypatch.setattr(image, "model_input", lambda *_: torch.full((3, SIDE, SIDE), 0.4))
    at = shown_to(cnn, ["Gradient", "Occlusion"])
    for title in ("Gradient", "Occlusion"):
        untried = f"**Can {title} be trusted?** not tried: the image is the same everywhere, so"
        assert untried in words(at)
    assert all("not available" in line for line in lines(at, "Is it about this class?"))
    assert not problems(at)


def test_a_trial_that_failed_is_not_said_to_be_untried(shown_to, monkeypatch):
    monkeypatch.setattr(OtherClass, "__call__", lambda *_: 1 / 0)
    at = shown_to(random_weights(Cnn(), next(SEEDS)), ["Gradient"])
    assert problems(at) == [f"{OtherClass.title}: {UNEXPECTED}"]
    assert "3 not tried yet. 1 failed or stopped." in words(at)


def test_a_model_without_layers_to_shuffle_is_said_to_have_none(shown_to):
    weight = torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    at = shown_to(Linear(weight), ["Gradient"])
    at.button(key="trust.Gradient.RandomWeights.go").click().run()
    settled(at)
    (line,) = lines(at, "Does it need what was learned?")
    assert "no convolution or linear layer" in line
    assert not problems(at)
