"""A generator is trained by its plan; those that ship are read, damaged, unfit, made again."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from engine.commands.cli import main
from engine.core.errors import BadModel
from engine.unlearning import GeneratorCase
from engine.unlearning.generator import samples, training, weights
from engine.unlearning.generator.diffusion import NoiseSchedule
from engine.unlearning.generator.network import built
from engine.unlearning.generator.weights import card, load, names, plan, plans, read
from engine.vision import data as data_sets
from engine.vision.models import embedded
from engine.vision.models.embedded import file_of
from tests import tiny
from tests.refusals import assert_refused, reports_until_stopped

PLAN = training.GeneratorPlan(
    "tiny", "Tiny", "columns", "none", width=8, steps=60, batch=32, warm=5
)
DATA = tiny.columns(8, ("a", "b", "c", "d"))


def test_average_and_loss_are_those_of_the_formula():
    network = built(8, 2, 8, seed=0)
    average, slowly = training.MovingAverage(network, 0.6), float(network.leave.bias.detach())
    for step in range(1, 15):
        with torch.no_grad():
            network.leave.bias.fill_(float(step))
        average.add(network)
        decay = min(0.6, (step + 1) / (step + 10))
        slowly = decay * slowly + (1 - decay) * step
    assert float(average.network.leave.bias) == pytest.approx(slowly, rel=1e-5)
    network, noise = built(8, 2, 8, seed=0), NoiseSchedule()
    clean, drawn = (torch.randn(3, 1, 8, 8, generator=tiny.seeded(seed)) for seed in (0, 1))
    times, classes = torch.tensor([0, 90, 199]), torch.tensor([0, 1, 2])
    alpha_bar = noise.kept[1:][times].view(3, 1, 1, 1)
    predicted = network(alpha_bar.sqrt() * clean + (1 - alpha_bar).sqrt() * drawn, times, classes)
    result = training.noise_loss(network, noise, clean, classes, times, drawn)
    assert float(result) == pytest.approx(float(F.mse_loss(predicted, drawn)), rel=1e-5)


def test_training_learns_the_same_each_time_and_draws_from_no_shared_source():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    reports: list[float] = []
    generator = training.train_generator(PLAN, DATA, lambda done, *_: reports.append(done))
    assert torch.equal(before, torch.get_rng_state())
    few, other = replace(PLAN, steps=8), tiny.data_set(DATA.classes, 8)
    again, twice, others = (training.train_generator(few, data) for data in (DATA, DATA, other))
    assert again.fingerprint == twice.fingerprint != others.fingerprint
    assert reports[-1] == 1.0
    assert len(reports) == PLAN.steps
    images, labels = generator.images(DATA, DATA.rows("train")), DATA.targets(DATA.rows("train"))
    drawn = torch.from_numpy(np.random.default_rng(9).standard_normal(images.shape, np.float32))
    times = torch.full((len(images),), 60)
    fresh = built(8, 4, 8, seed=0)
    with torch.no_grad():
        losses = [
            float(training.noise_loss(network, generator.noise, images, labels, times, drawn))
            for network in (fresh, generator.network)
        ]
    assert losses[1] < 0.8 * losses[0]


def test_the_rate_rises_falls_and_never_is_nothing_and_a_training_can_be_stopped():
    rates = [PLAN.rate_at(step) for step in range(PLAN.steps)]
    assert rates[0] < rates[3] < rates[5]
    assert rates[5] > rates[30] > rates[59] > 0
    assert max(rates) < 1.02 * PLAN.rate

    reports_until_stopped(partial(training.train_generator, PLAN, DATA), 6)


DIGITS = "digits-generator"
LABELS = tuple("0123456789")


def test_both_ship_are_small_say_how_they_were_made_and_average_by_the_rising_share_alone():
    assert names() == tuple(plans()) == (DIGITS, "mnist-generator")
    for name, training_plan in plans().items():
        assert file_of(name).stat().st_size < 1_000_000
        assert card(name)["plan"]["steps"] == training_plan.steps
        assert load(name).labels == LABELS
        assert training_plan.average == 0.995
        assert (training_plan.steps + 1) / (training_plan.steps + 10) < training_plan.average


@pytest.mark.parametrize("name", [DIGITS, "mnist-generator"])
def test_the_figures_of_a_file_are_found_again(name):
    result = samples.figures(GeneratorCase.from_arguments(model=name))
    card_figures = card(name)["figures"]
    assert result["read as asked"] == pytest.approx(card_figures["read as asked"], abs=0.011)
    assert result["distance"] == pytest.approx(card_figures["distance"], rel=0.05)
    assert result["read as asked"] >= 0.9
    assert result["distance"] < 4 * result["distance of real images"]


def test_unknown_generators_damaged_files_and_weights_that_do_not_fit_are_refused(tmp_path):
    words = "no generator called 'huge'.*digits-generator"
    assert_refused(words, load, "huge", error=BadModel)
    whole, its_plan = file_of(DIGITS), plan(DIGITS)
    cut, short, odd = (tmp_path / f"{name}.safetensors" for name in ("cut", "short", "odd"))
    cut.write_bytes(whole.read_bytes()[:1000])
    tensors = load_file(whole)
    save_file({name: tensor for name, tensor in tensors.items() if name != "leave.bias"}, short)
    save_file(tensors | {"leave.bias": torch.full((1,), float("nan"))}, odd)
    for path, training_plan, labels, words in (
        (cut, its_plan, LABELS, r"cut\.safetensors cannot be read"),
        (whole, its_plan, LABELS[:4], r"'label\.weight' does not fit a network for 4 classes"),
        (whole, replace(its_plan, side=16), LABELS, "16 pixels"),
        (short, its_plan, LABELS, r"leave\.bias"),
        (odd, its_plan, LABELS, "no number"),
    ):
        assert_refused(words, read, path, training_plan, labels, error=BadModel)


def test_the_command_trains_rounds_and_writes_with_figures(tmp_path, monkeypatch, capsys):
    case = GeneratorCase.from_arguments(model=DIGITS)
    quick = replace(plan(DIGITS), width=8, steps=3)
    monkeypatch.setattr(weights, "plans", lambda: {DIGITS: quick})
    assert main(["weights", DIGITS, "--out", str(tmp_path), "--seed", "4"]) == 0
    path = file_of(DIGITS, tmp_path)
    assert str(path) in capsys.readouterr().out
    generator = read(path, quick, LABELS)
    assert generator.network.width == 8
    assert all(tensor.dtype == torch.float16 for tensor in load_file(path).values())
    case = replace(case, generator=generator)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    monkeypatch.setattr(weights, "file_of", lambda name: path)
    written_card = card(DIGITS)
    assert written_card["plan"]["seed"] == 4
    distance = written_card["figures"]["distance"]
    assert samples.figures(case)["distance"] == pytest.approx(distance, rel=1e-3)


def test_a_case_of_other_classes_is_refused():
    case = tiny.generator_case()
    learned, few = (case.data.take(rows) for rows in (case.data.rows("train"), [1, 2]))
    for change, words in (
        ({"judge": embedded.load("digits-cnn")}, "draws 4 classes, but Digits CNN has 10"),
        ({"data": data_sets.load("digits")}, "draws 4 classes"),
        ({"data": few}, "no training image of the class '0'"),
        ({"data": learned}, "no test image of the class '0': whether the judge"),
    ):
        assert_refused(words, replace, case, **change)
