"""A generator is trained by its plan; those that ship are read, damaged, unfit, made again."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from engine.commands.cli import main
from engine.core.errors import BadModel, BlindspotError, Cancelled
from engine.unlearning import GeneratorCase
from engine.unlearning.generator import samples, training, weights
from engine.unlearning.generator.diffusion import NoiseSchedule
from engine.unlearning.generator.network import built
from engine.unlearning.generator.weights import card, load, names, plan, plans, read
from engine.vision import data as data_sets
from engine.vision.models import embedded
from engine.vision.models.embedded import file_of
from tests import tiny

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
    generator = training.train_generator(
        PLAN, DATA, lambda done, _words="", _partial=None: reports.append(done)
    )
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

    def stop(done, _words="", _partial=None):
        if done > 0.1:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        training.train_generator(PLAN, DATA, stop)


DIGITS = "digits-generator"
LABELS = tuple("0123456789")


def test_both_ship_are_small_say_how_they_were_made_and_average_by_the_rising_share_alone():
    assert names() == tuple(plans()) == (DIGITS, "mnist-generator")
    for name in names():
        assert file_of(name).stat().st_size < 1_000_000
        assert card(name)["plan"]["steps"] == plan(name).steps
        assert load(name).labels == LABELS
    assert plans()
    for training_plan in plans().values():
        assert training_plan.average == 0.995
        assert (training_plan.steps + 1) / (training_plan.steps + 10) < training_plan.average
    assert 1790 / 1799 < 0.995 <= 1791 / 1800


@pytest.mark.parametrize("name", [DIGITS, "mnist-generator"])
def test_the_figures_of_a_file_are_found_again(name):
    result, card_figures = (
        samples.figures(GeneratorCase.from_arguments(model=name)),
        card(name)["figures"],
    )
    assert result["read as asked"] == pytest.approx(card_figures["read as asked"], abs=0.011)
    assert result["distance"] == pytest.approx(card_figures["distance"], rel=0.05)
    assert result["read as asked"] >= 0.9
    assert result["distance"] < 4 * result["distance of real images"]


def test_unknown_generators_damaged_files_and_weights_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(BadModel, match=r"no generator called 'huge'.*digits-generator"):
        load("huge")
    path = tmp_path / "x.safetensors"
    path.write_bytes(file_of(DIGITS).read_bytes()[:1000])
    with pytest.raises(BadModel, match=r"x\.safetensors cannot be read"):
        read(path, plan(DIGITS), LABELS)
    tensors = load_file(file_of(DIGITS))
    with pytest.raises(BadModel, match=r"'label\.weight' does not fit a network for 4 classes"):
        read(file_of(DIGITS), plan(DIGITS), LABELS[:4])
    with pytest.raises(BadModel, match="16 pixels"):
        read(file_of(DIGITS), replace(plan(DIGITS), side=16), LABELS)
    save_file({name: tensor for name, tensor in tensors.items() if name != "leave.bias"}, path)
    with pytest.raises(BadModel, match=r"leave\.bias"):
        read(path, plan(DIGITS), LABELS)
    save_file(tensors | {"leave.bias": torch.full((1,), float("nan"))}, path)
    with pytest.raises(BadModel, match="no number"):
        read(path, plan(DIGITS), LABELS)


def test_the_command_trains_rounds_and_writes_with_figures(tmp_path, monkeypatch, capsys):
    quick = replace(plan(DIGITS), width=8, steps=3)
    monkeypatch.setattr(weights, "plans", lambda: {DIGITS: quick})
    assert main(["weights", DIGITS, "--out", str(tmp_path), "--seed", "4"]) == 0
    path = file_of(DIGITS, tmp_path)
    assert str(path) in capsys.readouterr().out
    generator = read(path, quick, LABELS)
    assert generator.network.width == 8
    assert all(tensor.dtype == torch.float16 for tensor in load_file(path).values())
    case = replace(GeneratorCase.from_arguments(model=DIGITS), generator=generator)
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    monkeypatch.setattr(weights, "file_of", lambda name: path)
    written_card = card(DIGITS)
    assert written_card["plan"]["seed"] == 4
    assert samples.figures(case)["distance"] == pytest.approx(
        written_card["figures"]["distance"], rel=1e-3
    )


def test_a_case_of_other_classes_is_refused():
    case = tiny.generator_case()
    with pytest.raises(BlindspotError, match=r"draws 4 classes, but Digits CNN has 10"):
        replace(case, judge=embedded.load("digits-cnn"))
    with pytest.raises(BlindspotError, match="draws 4 classes"):
        replace(case, data=data_sets.load("digits"))
    with pytest.raises(BlindspotError, match="no training image of the class '0'"):
        replace(case, data=case.data.take(case.data.labels[: len(case.data)].nonzero()[0][:2]))
    learned = case.data.take(case.data.rows("train"))
    with pytest.raises(BlindspotError, match="no test image of the class '0': whether the judge"):
        replace(case, data=learned)
