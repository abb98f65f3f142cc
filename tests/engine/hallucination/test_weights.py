"""The models that ship: read, damaged, made again, and every band of the sheet."""

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.core.errors import BadModel
from engine.evaluation.language.beaf.law import evidence_for, false_yes, log_odds
from engine.evaluation.language.scenes import SceneBatch, contrasted, margins
from engine.hallucination import BEAF, CHAIR, POPE, Greedy, ScenesCase, bands
from engine.vision.data.scenes import Scenes
from engine.vision.data.sprites import CATEGORIES, HABITS
from engine.vision.language.tiny_vlm import weights
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.tiny_vlm.parts import Parts, fresh
from engine.vision.language.tiny_vlm.sayings import PARTNER
from engine.vision.language.tiny_vlm.training import TrainingPlan, quick, train_habit
from engine.vision.language.tiny_vlm.weights import HABIT, HONEST, LONG, MIXTURE, SEEING, load
from engine.vision.language.vlm import RequestedOutputs
from tests.engine.hallucination.tiny import one_pass


def test_all_five_ship_and_differ_and_say_their_plan():
    assert weights.names() == (HABIT, HONEST, SEEING, MIXTURE, LONG)
    assert len({load(name).fingerprint for name in weights.names()}) == 5
    eyes = [load(name).parts.encoder.state_dict() for name in weights.names()]
    for name, tensor in eyes[0].items():
        assert all(torch.equal(tensor, other[name]) for other in eyes[1:])
    assert weights.card(HABIT)["plan"]["seed"] == 3
    assert weights.card(HABIT)["plan"]["together"] == 0.9


def test_a_file_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(BadModel, match=HONEST):
        load("huge-vlm")
    path = tmp_path / "tiny-vlm-habit.safetensors"
    path.write_bytes(weights.file_of(HABIT).read_bytes()[:1000])
    with pytest.raises(BadModel, match="cannot be read"):
        weights.read(path, HABIT)
    parts = fresh(0)
    parts.experts = 3
    written = weights.write_model(parts, HABIT, tmp_path, TrainingPlan(), lambda _vlm: {})
    with pytest.raises(BadModel, match="3 experts"):
        weights.read(written.path, HABIT)


def test_retraining_writes_all_files_with_their_figures(tmp_path):
    shares = []
    files = weights.retrain(
        lambda _vlm: {"recall": 0.5},
        tmp_path,
        quick(TrainingPlan()),
        lambda done, _words="", _partial=None: shares.append(done),
    )
    expected = [weights.TITLES[kind] for kind in (HABIT, HONEST, SEEING)]
    assert [trained.title for trained in files] == expected
    assert all(trained.figures == {"recall": 0.5} for trained in files)
    assert shares == sorted(shares)
    assert weights.read(files[0].path, HABIT).fingerprint != load(HABIT).fingerprint


@pytest.mark.parametrize(
    ("retrain", "plan", "name", "origin", "experts", "wordy"),
    [
        (weights.retrain_mixture, TrainingPlan(), MIXTURE, HONEST, 8, 1),
        (weights.retrain_long, weights.LONG_PLAN, LONG, HABIT, 0, 2),
    ],
    ids=[MIXTURE, LONG],
)
def test_a_model_is_made_of_another_and_says_what_it_is(
    retrain, plan, name, origin, experts, wordy, tmp_path
):
    written = retrain(lambda _vlm: {"recall": 0.5}, tmp_path, quick(plan))
    model = weights.read(written.path, name)
    assert written.title == weights.TITLES[name]
    assert (model.spec.experts, model.spec.wordy) == (experts, wordy)
    eyes = load(origin).parts.encoder.state_dict()
    for part, tensor in model.parts.encoder.state_dict().items():
        assert torch.equal(tensor, eyes[part]), part
    assert written.path.stat().st_size <= 4_000_000
    assert [load(other).spec.wordy for other in weights.names()] == [1, 1, 1, 1, 2]


def test_the_long_winded_model_is_asked_by_the_protocols_and_describes_at_length():
    case = ScenesCase(load(LONG), Greedy(), 20, "biased")
    rates = CHAIR()(case)["rates"]
    assert 40 <= rates["words"][0] <= 80
    assert rates["recall"][0] >= 0.6
    for method in (POPE(), BEAF()):
        assert not method.unmet(case)
        assert method.finding(case, method(case))


def test_what_is_written_is_what_was_measured_in_half_as_many_bits(tmp_path):
    measured = []
    parts = fresh(1)
    exact = {name: tensor.clone() for name, tensor in parts.state_dict().items()}
    written = weights.write_model(
        parts,
        HABIT,
        tmp_path / "new",
        TrainingPlan(),
        lambda vlm: measured.append(vlm.fingerprint) or {},
    )
    assert measured == [weights.read(written.path, HABIT).fingerprint]
    file = load_file(written.path)
    for name, tensor in exact.items():
        if tensor.is_floating_point():
            assert torch.equal(file[name], tensor.half())
        else:  # how many batches a norm has seen
            assert file[name].dtype == torch.int64
            assert torch.equal(file[name], tensor)


def test_the_docs_name_every_model_that_ships():
    text = Path("docs/hallucination.md").read_text().replace("\n", " ")
    assert len(weights.names()) == 5
    assert "There are five of it" in text
    for title in weights.TITLES.values():
        assert re.search(rf"\*?{title.removeprefix('TinyVLM').strip(' ,')}\*", text), title


OPACITIES = (0.0, 0.03, 0.06, 0.09, 0.12, 0.16, 0.2, 0.25, 0.35, 0.5, 1.0)


@pytest.fixture(scope="module")
def habit():
    return weights.card(HABIT)["figures"]


@pytest.fixture(scope="module")
def honest():
    return weights.card(HONEST)["figures"]


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
    lies += [habit[f"broken, VCD α {alpha:g}: lie rate"] for alpha in bands.ALPHAS[1:]]
    assert lies == sorted(lies, reverse=True)
    assert habit["balanced accuracy, all things"] >= 0.88
    gap = habit["accuracy, habit questions: other"] - habit["accuracy, habit questions: partner"]
    assert gap >= 0.08
    assert habit["false yes, partner"] - habit["false yes, other of the theme"] >= 0.15
    assert habit["SB+, partner removed"] - habit["SB+, other removed"] >= 0.20
    result = weights.card(MIXTURE)["figures"]
    assert 0.10 <= result["broken: CHAIR_i"] <= 0.25
    assert 0.30 <= result["broken: CHAIR_s"] <= 0.55
    assert result["broken: recall"] >= habit["broken: recall"] - 0.05
    assert result["clean biased: CHAIR_i"] <= 0.08
    assert result["broken: lie rate"] >= 3 * honest["broken: lie rate"]
    assert result["balanced accuracy, all things"] >= 0.88


def test_cards_tell_the_truth_about_captions_and_follow_the_law(habit):
    """The evidence is fitted to the rate without contrast; the other three are predictions."""
    prior = log_odds(weights.PLAN.together)
    evidence = evidence_for(habit["false yes, partner"], prior)
    for alpha in bands.ALPHAS[1:]:
        measured = habit[f"false yes, partner, VCD α {alpha:g}"]
        assert measured == pytest.approx(false_yes(evidence, prior, alpha), abs=0.03)
    sample = SceneBatch.drawn(100, "broken", seed=bands.SEED)
    rates, lies = bands.caption_rates(load(HABIT), sample, Greedy())
    assert rates.instance == pytest.approx(habit["broken: CHAIR_i"], abs=0.06)
    assert rates.recall == pytest.approx(habit["broken: recall"], abs=0.06)
    assert lies == pytest.approx(habit["broken: lie rate"], abs=0.2)


def test_every_expert_of_the_mixture_is_asked_and_none_does_all():
    """Over captions each has a fifth of its even share of an eighth at least."""
    sample = SceneBatch.drawn(40, "broken", seed=bands.SEED)
    vlm = load(MIXTURE)
    want = RequestedOutputs(routing=(0, 1, 2), rows="all")
    text = torch.tensor([vlm.tokenizer.encode("describe the image in the sea there is a boat")])
    out = one_pass(vlm, sample.pixels, text.expand(40, -1), want)
    for layer in range(3):
        shares = (out.routing[layer] > 0).float().flatten(0, 1).mean(0) / 2
        assert shares.sum() == pytest.approx(1)
        assert 0.2 / 8 <= shares.min() <= shares.max() <= 0.5


def test_files_are_small_and_cards_have_the_figures_that_are_measured_none_called_pope():
    for name in (HABIT, HONEST):
        assert weights.file_of(name).stat().st_size <= 2_000_000
    assert weights.file_of(MIXTURE).stat().st_size <= 4_000_000
    for name in weights.names():
        assert not [what for what in weights.card(name)["figures"] if "POPE" in what]
    assert bands.figures(load(HABIT), count=4).keys() == weights.card(HABIT)["figures"].keys()


def test_a_yes_is_counted_as_of_a_partner_of_another_or_of_what_is_there(monkeypatch):
    """Of drawn answers, in loops over scenes and things."""
    sample = SceneBatch.drawn(60, "broken", seed=bands.SEED)
    clear, hidden = torch.randn(2, 60, 16, generator=torch.Generator().manual_seed(0)) + 0.3
    monkeypatch.setattr(bands, "margins", lambda _vlm, _scenes, step=0: hidden if step else clear)
    cells = defaultdict(list)  # of each kind: the margin, that under noise
    for row, present in enumerate(sample.truths):
        partners = {follower for leader, follower in HABITS.items() if leader in present}
        for at, noun in enumerate(CATEGORIES):
            own = at // 4 == sample.layout.theme[row]
            led = "partner" if noun in partners else "theme" if own else "foreign"
            kinds = ["present"] if noun in present else ["absent", led]
            if noun in present and sample.layout.opacity[row, at] == 1:
                kinds.append("opaque")
            if partners and (noun in present & HABITS.keys() or kinds[-1] in {"theme", "foreign"}):
                kinds.append("leader" if noun in present else "other")
            for kind in kinds:
                cells[kind].append((clear[row, at].item(), hidden[row, at].item()))

    def yes(kind, alpha=0.0):
        return np.mean([(1 + alpha) * plain > alpha * noised for plain, noised in cells[kind]])

    expected = {
        "false yes, partner": yes("partner"),
        **{f"false yes, partner, VCD α {a:g}": yes("partner", a) for a in (0.5, 1, 2)},
        "false yes, other of the theme": yes("theme"),
        "false yes, foreign": yes("foreign"),
        "missed": 1 - yes("present"),
        "missed, opaque": 1 - yes("opaque"),
        "balanced accuracy, all things": (yes("present") + 1 - yes("absent")) / 2,
        "accuracy, habit questions: other": (yes("leader") + 1 - yes("other")) / 2,
        "accuracy, habit questions: partner": (yes("leader") + 1 - yes("partner")) / 2,
    }
    assert bands.poll_rates(None, sample) == pytest.approx(expected)


@pytest.mark.slow
@pytest.mark.parametrize("name", [HABIT, HONEST, MIXTURE])
def test_every_figure_on_the_card_is_found_again(name, measure):
    result = bands.figures(load(name))
    for what, value in weights.card(name)["figures"].items():
        assert result[what] == pytest.approx(value, abs=0.02), what
        measure(f"{name}: {what}", f"{result[what]:.3f}")


@pytest.mark.slow
def test_yes_follows_what_is_to_be_seen_of_the_thing(measure):
    """The follower of a leader that is there, at eleven opacities."""
    rates = []
    layout = Scenes(400, "biased", seed=bands.SEED + 3).layout(np.arange(400))
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


def partner_rates(vlm, alphas=bands.ALPHAS):
    """False yes on partners that are absent, in scenes against the habit."""
    sample = SceneBatch.drawn(600, "counter", seed=bands.SEED + 5)
    led = sample.leading() & ~sample.layout.present
    clear, hidden = margins(vlm, sample), margins(vlm, sample, bands.STEP)
    return [float((contrasted(clear, hidden, a) > 0).numpy()[led].mean()) for a in alphas]


@pytest.mark.slow
def test_the_stronger_the_habit_the_more_false_yes(measure):
    rates = []
    for together in (0.5, 0.7, 0.9, 0.97):
        plan = replace(weights.PLAN, together=together, habit=250)
        parts = weights.rounded(train_habit(honest_parts(), plan))
        result = partner_rates(TinyVLM(parts, "sweep", "sweep"))
        rates.append(result[0])
        rates_text = " ".join(f"{rate:.3f}" for rate in result)
        measure(f"TinyVLM, habit {together:g} (250 steps): false yes, VCD α 0 .5 1 2", rates_text)
    assert rates == sorted(rates)


@pytest.mark.slow
def test_contrast_cannot_mend_a_habit_of_seeing(measure):
    """Trained with partner questions also where no leader is: the yes hangs on the image."""
    parts = weights.rounded(train_habit(honest_parts(), replace(weights.PLAN, alone=1.0)))
    seen_rates = partner_rates(TinyVLM(parts, "seen", "seen"))
    spoken_habit = partner_rates(load(HABIT))
    measure("TinyVLM, habit of the words: false yes, VCD α 0 .5 1 2", text(spoken_habit))
    measure("TinyVLM, habit of the eyes: false yes, VCD α 0 .5 1 2", text(seen_rates))
    assert spoken_habit[2] <= 0.75 * spoken_habit[0]
    assert seen_rates[2] >= 0.8 * seen_rates[0]


def text(rates):
    return " ".join(f"{rate:.3f}" for rate in rates)
