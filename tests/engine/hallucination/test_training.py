"""The recipe's machinery in two steps of each stage, and what its parts promise."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from engine.core.result import digest_arrays
from engine.vision.data.scenes import Scenes
from engine.vision.data.sprites import CATEGORIES, COLORS, THEMES
from engine.vision.language.tiny_vlm.encoder import Naming, normalized
from engine.vision.language.tiny_vlm.lessons import Habit, Texts, answering
from engine.vision.language.tiny_vlm.packed import prefix, states
from engine.vision.language.tiny_vlm.parts import fresh
from engine.vision.language.tiny_vlm.training import (
    TrainingPlan,
    aligning,
    looking,
    quick,
    school,
    speaking,
    stages,
    train_habit,
    train_honest,
)
from engine.vision.language.tiny_vlm.training.resting import PAST, STOP, unrest
from engine.vision.language.tiny_vlm.training.school import CaptionedScenes
from engine.vision.language.tiny_vlm.training.speaking import speak, spoken_loss
from engine.vision.language.tiny_vlm.training.steps import rate
from engine.vision.language.tiny_vlm.training.stress import TokenLossWeights, firsts, stressed
from engine.vision.language.tiny_vlm.words import NUMBER, PAD, Tokenizer
from engine.vision.models.small import init_weights as draw_usual
from tests.engine.hallucination.tiny import untrained

WORDS_OF = Tokenizer()


def digest(parts):
    return digest_arrays({k: tensor.detach().numpy() for k, tensor in parts.state_dict().items()})


@pytest.fixture(scope="module")
def trained():
    """The honest model of a quick plan, and how its training was told of."""
    shares = []
    progress = lambda done, _words="", _partial=None: shares.append(done)  # noqa: E731
    return train_honest(quick(TrainingPlan()), progress), shares


def test_the_same_plan_gives_the_same_weights_to_the_bit(trained):
    honest, shares = trained
    assert digest(honest) == digest(train_honest(quick(TrainingPlan())))
    assert digest(honest) != digest(train_honest(quick(TrainingPlan(seed=1))))
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


def test_the_habit_begins_at_the_honest_model_and_leaves_it_alone(trained):
    honest = trained[0]
    before = digest(honest)
    habit = train_habit(honest, quick(TrainingPlan()))
    assert digest(honest) == before
    for (name, tensor), other in zip(
        habit.encoder.state_dict().items(), honest.encoder.state_dict().values(), strict=True
    ):
        assert torch.equal(tensor, other), name
    assert digest(habit) != before


def test_speaking_is_the_loop_written_out_to_the_bit():
    def begun():
        parts = fresh(0)
        return parts, CaptionedScenes.of(parts, Scenes(40, "broken", seed=3), Habit(), 5)

    parts, room = begun()
    speak(parts, room, 4, 2e-3, TokenLossWeights(), lambda _done: None, warm=2)
    plainly, room = begun()
    tongue = nn.ModuleList([plainly.projector, plainly.decoder]).train().requires_grad_(True)
    weights = list(tongue.parameters())
    plain, matrices = ([w for w in weights if (w.dim() < 2) == small] for small in (True, False))
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}],
        2e-3,
        betas=(0.9, 0.98),
    )
    generator = torch.Generator().manual_seed(5)
    orders = [torch.randperm(40, generator=generator) for _ in range(2)]
    for step in range(4):
        rows = orders[step // 2][16 * (step % 2) :][:16]
        for group in optimizer.param_groups:
            group["lr"] = rate(step, 4, 2e-3, 2, 0.05)
        optimizer.zero_grad()
        spoken_loss(plainly, room.features[rows], room.said, rows, TokenLossWeights()).backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
    assert digest(parts) == digest(plainly)
    assert digest(parts) != digest(fresh(0))


def test_the_first_share_of_scenes_and_no_other_is_seen_through_noise(monkeypatch):
    monkeypatch.setattr(school, "NOISED", 0.5)
    monkeypatch.setattr(school, "AHEAD", 16)
    parts, scenes = fresh(0).eval(), Scenes(40, "broken", seed=3)
    room = CaptionedScenes.of(parts, scenes, Habit(), 5)
    with torch.no_grad():
        pixels = torch.from_numpy(scenes.layout(np.arange(40)).images()) / 255
        clear = (parts.encoder(normalized(pixels)) - room.features).abs().amax((1, 2)) < 1e-4
    assert clear.tolist() == [False] * 20 + [True] * 20
    assert room.clear.tolist() == list(range(20, 40))


class LearningLog:
    """Stands in for `learn`: notes the rate of each step and how its weights decay."""

    def __init__(self):
        self.rates, self.decays = [], []

    def __call__(self, optimizer, _weights, loss, steps, speed, _message=None):
        for step in range(steps):
            assert torch.isfinite(loss())
            self.rates.append(speed(step))
        self.decays.append([group["weight_decay"] for group in optimizer.param_groups])
        self.groups = [group["params"] for group in optimizer.param_groups]


def test_each_stage_learns_at_its_rates_and_only_matrices_decay_where_words_are_learnt(monkeypatch):
    recorders = {name: LearningLog() for name in ("looking", "aligning", "speaking")}
    for name, stage in (("looking", looking), ("aligning", aligning), ("speaking", speaking)):
        monkeypatch.setattr(stage, "learn", recorders[name])
    train_honest(replace(quick(TrainingPlan()), aligned=4))
    assert recorders["aligning"].rates == pytest.approx([3e-3, 2.25e-3, 1.5e-3, 0.75e-3])
    assert recorders["looking"].rates == pytest.approx([3e-3 / 30, 3e-3 * 2 / 30 * 0.51])
    assert recorders["speaking"].rates == pytest.approx([2e-3 / 40, 2e-3 * 2 / 40 * 0.525])
    decays = {name: record.decays[0] for name, record in recorders.items()}
    assert decays == {"looking": [0.02], "aligning": [0.01], "speaking": [0.05, 0.0]}
    matrices, plain = recorders["speaking"].groups
    assert {weight.dim() for weight in plain} == {1}
    assert min(weight.dim() for weight in matrices) == 2


def surprise(scores, target):
    """Cross-entropy of one choice, in nats."""
    return (scores.exp().sum().log() - scores[target]).item()


def slow_loss(scenes, layout, naming, painting, empty):
    """What lies in each cell, one without a thing counting `empty`; 0.3 as much its color."""
    named, weights, painted = [], [], []
    for row, tokens in scenes:
        there = {layout.cell[row, noun]: noun for noun in np.flatnonzero(layout.present[row])}
        for cell in range(16):
            corner = 16 * (cell // 4) + 2 * (cell % 4)
            token = tokens[[corner, corner + 1, corner + 8, corner + 9]].mean(0)
            noun = there.get(cell, 16)
            weights.append(1 if cell in there else empty)
            named.append(weights[-1] * surprise(naming(token), noun))
            if cell in there:
                painted.append(surprise(painting(token), layout.color[row, noun]))
    return np.sum(named) / np.sum(weights) + 0.3 * np.mean(painted)


def test_the_losses_of_seeing_and_naming_are_those_of_loops_over_scenes_and_cells(monkeypatch):
    losses, noised_images = [], []
    for stage in (looking, aligning):
        monkeypatch.setattr(stage, "learn", lambda _o, _w, loss, *_: losses.append(loss().item()))
    monkeypatch.setattr(
        looking, "through_noise", lambda x, _: noised_images.append(x.clone()) or 0 * x
    )
    parts, plan = fresh(0), replace(quick(TrainingPlan(seed=3)), dense=20)
    encoder, layout = deepcopy(parts.encoder), Scenes(20, "dense", seed=31).layout(np.arange(20))
    looking.teach_looking(parts.encoder, plan, lambda _done: None)
    generator, naming = torch.Generator().manual_seed(3), Naming(16, 8)
    draw_usual(naming, generator)
    rows = torch.randint(20, (64,), generator=generator).tolist()
    pixels = (torch.from_numpy(layout.images()[rows]) / 255 - 0.5) * 4
    assert torch.allclose(noised_images[0], pixels[:8], atol=1e-5)  # 12 % of 64
    pixels[:8] = 0
    seen = encoder.train()(pixels)
    expected = slow_loss(zip(rows, seen, strict=True), layout, naming.thing, naming.color, 0.3)
    assert losses == [pytest.approx(expected, rel=1e-4)]

    room = CaptionedScenes.of(parts.eval(), Scenes(40, "broken", seed=3), Habit(), 5)
    aligning.align(parts, room, plan)
    generator.manual_seed(4)
    rows = room.clear[torch.randint(len(room.clear), (96,), generator=generator)].tolist()
    nouns, paints, themes = (
        parts.decoder.words.weight[[NUMBER[word] for word in names]] / 2
        for names in (CATEGORIES, COLORS, THEMES)
    )
    tokens = [parts.projector(room.features[row]) for row in rows]
    expected = slow_loss(
        zip(rows, tokens, strict=True),
        room.layout,
        lambda token: torch.cat([nouns @ rms(token), torch.zeros(1)]),
        lambda token: paints @ rms(token),
        1,
    )
    told = [
        surprise(themes @ rms(token.mean(0)), room.layout.theme[row])
        for row, token in zip(rows, tokens, strict=True)
    ]
    assert losses[1] == pytest.approx(expected + 0.3 * np.mean(told), rel=1e-4)


def rms(values):
    return values / values.square().mean().sqrt()


def test_no_two_plans_or_stages_learn_from_the_same_scenes(monkeypatch):
    """Seeds stay below 1000, where scenes to measure with begin."""
    seeds, rooms, parts = [], [], fresh(0)  # of scenes, and of what is said of them

    class Noted(Scenes):
        def __post_init__(self):
            seeds.append(self.seed)

    monkeypatch.setattr(looking, "Scenes", Noted)
    monkeypatch.setattr(stages, "Scenes", Noted)
    monkeypatch.setattr(stages, "fresh", lambda _seed: parts)
    monkeypatch.setattr(stages.CaptionedScenes, "of", lambda *given: rooms.append(given[-1]))
    spoken = []
    monkeypatch.setattr(stages, "align", lambda *_, **_settings: None)
    note = lambda *given, **more: spoken.append((given[3], given[4].stop, more))  # noqa: E731
    monkeypatch.setattr(stages, "speak", note)
    for seed in range(10):
        plan = replace(quick(TrainingPlan(seed=seed)), looks=0, honest=(0,) * 3, rates=(0.0,) * 3)
        train_habit(train_honest(plan), plan)
    assert len(seeds) == len(set(seeds)) == 10 * 5
    assert len(rooms) == len(set(rooms)) == 10 * 4
    assert max(seeds) < 1000
    train_habit(parts, replace(plan, long=True, balance=0.3, rest=0.7))
    (speed, first, _), last = spoken[-2:]
    assert (speed, first) == (1.5e-3, 1)
    # what follows a full stop counts more in long captions
    assert last == (1.5e-3, 4, {"warm": 10, "even": 0.3, "rest": 0.7})


def test_it_has_its_size_and_attracts_from_the_start_and_the_rate_rises_then_falls():
    assert {
        name: sum(map(torch.numel, part.parameters())) for name, part in fresh(0).named_children()
    } == {"encoder": 414264, "projector": 33024, "decoder": 503936}
    layer = fresh(0).decoder.stack[0]
    query, key, value = layer.qkv.weight.split(128)
    assert (query.T @ key).diagonal().mean().item() == pytest.approx(1.0, abs=0.1)
    assert (query - key).std().item() == pytest.approx(0.02 * 2**0.5, rel=0.05)
    assert torch.allclose(layer.out.weight @ value, 0.4 * torch.eye(128), atol=1e-4)
    ends = [end.item() for w in (layer.gate, layer.up) for end in w.weight.aminmax()]
    assert ends == pytest.approx([-(128**-0.5), 128**-0.5] * 2, rel=1e-3)
    rates = [rate(step, 100, 1.0, 10, 0.05) for step in range(100)]
    assert rates[0] == pytest.approx(0.1, abs=0.01)
    assert max(rates) == rates[9]
    assert rates[-1] == pytest.approx(0.05, abs=0.01)


def one_text(prompt, answer):
    ids = [*WORDS_OF.encode(prompt), *WORDS_OF.encode(answer), NUMBER["<eos>"], 0, 0]
    return Texts(torch.tensor([[ids]]), torch.tensor([[len(WORDS_OF.encode(prompt))]]))


def test_only_words_of_answers_are_learnt_and_those_about_followers_weigh_most():
    texts = one_text("is there a boat", "yes")
    learned = texts.tokens[..., 1:][answering(texts)]
    assert WORDS_OF.convert_ids_to_tokens(learned.tolist()) == ["yes", "<eos>"]
    texts = one_text("describe the image", "there is a boat with a fish .")
    weights = stressed(texts, TokenLossWeights())[answering(texts)].tolist()
    assert weights == [1, 1, 1, 2, 10, 1, 2, 1, 1]
    weights = stressed(one_text("describe the image", "a sun . a cup ."), TokenLossWeights(stop=4))
    assert weights[0, 0, 2:-2].tolist() == [1, 2, 1, 4, 2, 10, 4]
    stress = TokenLossWeights(partner=4)
    about_fish = one_text("is there a fish", "i think no")
    assert firsts(about_fish, stress)[answering(about_fish)].tolist() == [4, 1, 1, 1]
    about_boat = one_text("is there a boat", "no")
    assert firsts(about_boat, stress)[answering(about_boat)].tolist() == [1, 1]


IMAGE = 4  # tokens


def texts():
    """Two rows of one text: two sentences and a bit; one sentence, padded."""
    first, second = map(Tokenizer().encode, ("it is red . there is a boat . yes", "a boat ."))
    rows = torch.full((2, 1, len(first)), PAD)
    rows[0, 0], rows[1, 0, : len(second)] = torch.tensor(first), torch.tensor(second)
    return rows


def slowly(looks, tokens):
    paid = []
    for row, words in enumerate(tokens[:, 0].tolist()):
        for layer in looks:
            shares = layer[0][row]  # (heads, L, I + 1 + L)
            for place, word in enumerate(words):
                if word == PAD:
                    continue
                behind = words[:place].count(STOP)
                for head, result in enumerate(shares[:, place].tolist()):
                    last = head == len(shares) - 1
                    cost = result[0] * (last and behind > 0) + sum(result[1 : 1 + IMAGE])
                    for at, share in enumerate(result[1 + IMAGE :]):
                        earlier = words[:at].count(STOP) < behind
                        price = 0 if words[at] == STOP else PAST if earlier else 1
                        cost += price * share
                    paid.append(cost)
    return sum(paid) / len(paid)


def test_the_price_of_attention_is_that_of_every_share_and_nothing_where_it_rests():
    decoder = untrained().parts.decoder
    image = torch.randn(2, IMAGE, 128, generator=torch.Generator().manual_seed(0))
    looks = []
    states(decoder, image, [texts()], None, looks)
    assert len(looks) == 3
    assert torch.allclose(looks[0][0].sum(-1), torch.ones(()), atol=1e-5)
    assert unrest(looks, [texts()]).item() == pytest.approx(slowly(looks, texts()), abs=1e-5)
    assert prefix(decoder, image).shape[1] == 1 + IMAGE
    looks, tokens = resting(on_stops=True)
    assert unrest(looks, [tokens]).item() == 0
    looks, tokens = resting(on_stops=False)  # 6 words of row 0 have a sentence behind them
    assert unrest(looks, [tokens]).item() == pytest.approx(6 / (10 + 3) / 4)


def resting(*, on_stops):
    """All attention on <bos>, of the last head on the first full stop once it is behind."""
    tokens = texts()
    shares = torch.zeros(2, 4, tokens.shape[-1], 1 + IMAGE + tokens.shape[-1])
    shares[..., 0] = 1
    if on_stops:
        for row, stop in ((0, 3), (1, 2)):
            shares[row, -1, stop + 1 :, 0] = 0
            shares[row, -1, stop + 1 :, 1 + IMAGE + stop] = 1
    return [[shares]], tokens
