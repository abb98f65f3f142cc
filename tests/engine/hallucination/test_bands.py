"""What the shipped TinyVLMs do: every band of the sheet, and the laws that the habit obeys."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.data.scenes import Scenes
from engine.data.sprites import CATEGORIES
from engine.hallucination.decoding.greedy import Greedy
from engine.hallucination.measures.law import evidence_for, false_yes, log_odds
from engine.hallucination.tiny_vlm.bands import (
    ALPHAS,
    SEED,
    STEP,
    caption_rates,
    figures,
    poll_rates,
)
from engine.hallucination.tiny_vlm.model import TinyVLM
from engine.hallucination.tiny_vlm.parts import Parts
from engine.hallucination.tiny_vlm.sayings import PARTNER
from engine.hallucination.tiny_vlm.scenes import SceneBatch, contrasted, margins
from engine.hallucination.tiny_vlm.training import train_habit
from engine.hallucination.tiny_vlm.weights import (
    HABIT,
    HONEST,
    MIXTURE,
    PLAN,
    card,
    file_of,
    load,
    names,
    rounded,
)
from engine.hallucination.vlm import RequestedOutputs

OPACITIES = (0.0, 0.03, 0.06, 0.09, 0.12, 0.16, 0.2, 0.25, 0.35, 0.5, 1.0)


@pytest.fixture(scope="module")
def habit():
    return card(HABIT)["figures"]


@pytest.fixture(scope="module")
def honest():
    return card(HONEST)["figures"]


def test_cards_of_the_models_have_every_band_of_the_sheet(habit, honest):
    assert 0.10 <= habit["broken: CHAIR_i"] <= 0.25
    assert 0.30 <= habit["broken: CHAIR_s"] <= 0.55
    assert habit["broken: recall"] >= 0.75
    assert habit["clean biased: CHAIR_i"] <= 0.08
    assert honest["broken: CHAIR_i"] <= 0.6 * habit["broken: CHAIR_i"]
    assert honest["clean broken: CHAIR_i"] <= 0.4 * habit["clean broken: CHAIR_i"]
    assert honest["broken: lie rate"] <= 0.15
    under = "broken, VCD α 1"
    assert habit[f"{under}: CHAIR_i"] <= 0.75 * habit["broken: CHAIR_i"]
    assert habit[f"{under}: recall"] >= habit["broken: recall"] - 0.05
    assert habit[f"{under}: lie rate"] <= 0.5 * habit["broken: lie rate"]
    lies = [habit["broken: lie rate"]]
    lies += [habit[f"broken, VCD α {alpha:g}: lie rate"] for alpha in ALPHAS[1:]]
    assert lies == sorted(lies, reverse=True)
    assert habit["balanced accuracy, all things"] >= 0.88
    gap = habit["accuracy, habit questions: other"] - habit["accuracy, habit questions: partner"]
    assert gap >= 0.08
    assert habit["false yes, partner"] - habit["false yes, other of the theme"] >= 0.15
    assert habit["SB+, partner removed"] - habit["SB+, other removed"] >= 0.20
    result = card(MIXTURE)["figures"]
    assert 0.10 <= result["broken: CHAIR_i"] <= 0.25
    assert 0.30 <= result["broken: CHAIR_s"] <= 0.55
    assert result["broken: recall"] >= habit["broken: recall"] - 0.05
    assert result["clean biased: CHAIR_i"] <= 0.08
    assert result["broken: lie rate"] >= 3 * honest["broken: lie rate"]
    assert result["balanced accuracy, all things"] >= 0.88


def test_a_figure_over_all_things_does_not_call_itself_pope():
    """POPE asks three things a picture; this is the mean of both rates over all sixteen."""
    for name in names():
        assert not [what for what in card(name)["figures"] if "POPE" in what]
    sample = SceneBatch.drawn(20, "broken", seed=SEED)
    yes, present = (margins(load(HABIT), sample) > 0).numpy(), sample.layout.present
    slowly = (yes[present].mean() + (~yes[~present]).mean()) / 2
    assert poll_rates(load(HABIT), sample)["balanced accuracy, all things"] == pytest.approx(slowly)


def test_false_yes_under_contrast_follows_the_law(habit):
    """The evidence is fitted to the rate without contrast; the other three are predictions."""
    prior = log_odds(PLAN.together)
    evidence = evidence_for(habit["false yes, partner"], prior)
    for alpha in ALPHAS[1:]:
        measured = habit[f"false yes, partner, VCD α {alpha:g}"]
        assert measured == pytest.approx(false_yes(evidence, prior, alpha), abs=0.03)


def test_every_expert_of_the_mixture_is_asked_and_none_does_all():
    """Over captions each has a fifth of its even share of an eighth at least."""
    sample = SceneBatch.drawn(40, "broken", seed=SEED)
    vlm = load(MIXTURE)
    want = RequestedOutputs(routing=(0, 1, 2), rows="all")
    text = torch.tensor([vlm.tokenizer.encode("describe the image in the sea there is a boat")])
    with torch.no_grad():
        image = vlm.encode_image(vlm.normalize(sample.pixels))
        out, _ = vlm.prefill(image, text.expand(40, -1), want)
    for layer in range(3):
        shares = (out.routing[layer] > 0).float().flatten(0, 1).mean(0) / 2
        assert shares.sum() == pytest.approx(1)
        assert 0.2 / 8 <= shares.min() <= shares.max() <= 0.5


def test_the_files_are_small_enough_to_ship():
    for name in (HABIT, HONEST):
        assert file_of(name).stat().st_size <= 2_000_000
    assert file_of(MIXTURE).stat().st_size <= 4_000_000


def test_the_card_tells_the_truth_about_captions(habit):
    """Measured again on a third of the scenes: within what so few can differ."""
    sample = SceneBatch.drawn(100, "broken", seed=SEED)
    rates, lies = caption_rates(load(HABIT), sample, Greedy())
    assert rates.instance == pytest.approx(habit["broken: CHAIR_i"], abs=0.06)
    assert rates.recall == pytest.approx(habit["broken: recall"], abs=0.06)
    assert lies == pytest.approx(habit["broken: lie rate"], abs=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("name", [HABIT, HONEST, MIXTURE])
def test_every_figure_on_the_card_is_found_again(name, measure):
    result = figures(load(name))
    for what, value in card(name)["figures"].items():
        assert result[what] == pytest.approx(value, abs=0.02), what
        measure(f"{name}: {what}", f"{result[what]:.3f}")


@pytest.mark.slow
def test_yes_follows_what_is_to_be_seen_of_the_thing(measure):
    """The follower of a leader that is there, at eleven opacities."""
    rates = []
    layout = Scenes(400, "biased", seed=SEED + 3).layout(np.arange(400))
    for opacity in OPACITIES:
        yes = []
        for leader, follower in PARTNER.items():
            rows = np.flatnonzero(layout.present[:, leader] & layout.present[:, follower])
            faded = layout.take(rows).with_opacity(CATEGORIES[follower], opacity)
            yes.append((margins(load(HABIT), SceneBatch.of(faded))[:, follower] > 0).numpy())
        rates.append(float(np.concatenate(yes).mean()))
    order = np.corrcoef(np.argsort(np.argsort(rates)), np.arange(len(rates)))[0, 1]
    measure(
        "TinyVLM: yes to the follower by its opacity", " ".join(f"{rate:.2f}" for rate in rates)
    )
    assert order >= 0.9


def honest_parts():
    parts = Parts()
    parts.load_state_dict(load(HONEST).parts.state_dict())
    return parts.eval().requires_grad_(requires_grad=False)


def partner_rates(vlm, alphas=ALPHAS):
    """False yes on partners that are absent, in scenes against the habit."""
    sample = SceneBatch.drawn(600, "counter", seed=SEED + 5)
    led = sample.leading() & ~sample.layout.present
    clear, hidden = margins(vlm, sample), margins(vlm, sample, STEP)
    return [float((contrasted(clear, hidden, a) > 0).numpy()[led].mean()) for a in alphas]


@pytest.mark.slow
def test_the_stronger_the_habit_the_more_false_yes(measure):
    rates = []
    for together in (0.5, 0.7, 0.9, 0.97):
        plan = replace(PLAN, together=together, habit=250)
        parts = rounded(train_habit(honest_parts(), plan))
        result = partner_rates(TinyVLM(parts, "sweep", "sweep"))
        rates.append(result[0])
        rates_text = " ".join(f"{rate:.3f}" for rate in result)
        measure(f"TinyVLM, habit {together:g} (250 steps): false yes, VCD α 0 .5 1 2", rates_text)
    assert rates == sorted(rates)


@pytest.mark.slow
def test_contrast_cannot_mend_a_habit_of_seeing(measure):
    """Trained with partner questions also where no leader is: the yes hangs on the image."""
    plan = replace(PLAN, alone=1.0)
    parts = rounded(train_habit(honest_parts(), plan))
    seen_rates = partner_rates(TinyVLM(parts, "seen", "seen"))
    spoken_habit = partner_rates(load(HABIT))
    measure("TinyVLM, habit of the words: false yes, VCD α 0 .5 1 2", text(spoken_habit))
    measure("TinyVLM, habit of the eyes: false yes, VCD α 0 .5 1 2", text(seen_rates))
    assert spoken_habit[2] <= 0.75 * spoken_habit[0]
    assert seen_rates[2] >= 0.8 * seen_rates[0]


def text(rates):
    return " ".join(f"{rate:.3f}" for rate in rates)
