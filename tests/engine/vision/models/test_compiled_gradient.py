"""Slopes by the pixels are the same compiled, and never those of hooks or weights that are gone."""

from pathlib import Path

import pytest
import torch
from torch import nn

from engine.attribution.lst.traversal import Traversal, WalkRules
from engine.core.borrow import borrowed
from engine.core.keeping.packing import checksum
from engine.core.tally import counting
from engine.vision.models import compiled, compiled_gradient, differentiating, packages
from engine.vision.models.catalog import load
from engine.vision.models.compiled_gradient import GradientRunner, after, derived
from engine.vision.models.compiling import Plain
from engine.vision.models.differentiating import PARTS, export_both, joint_graph
from engine.vision.models.pace import Pace
from engine.vision.models.passes import Passes, counting_passes
from tests import tiny
from tests.engine.attribution.lst import slowly
from tests.engine.vision.models.test_compiled import home, real  # noqa: F401 - a fixture for each test

PACE = Pace(batch=4, channels_last=True, use="gradient", seconds=0.01)


@pytest.fixture
def runner(monkeypatch):
    """A runner for which compiling is instant: its parts are the model itself, run as it is."""
    gradient_runner = GradientRunner(tiny.cnn(), PACE)
    plain = Plain(tiny.cnn())

    def part(path: Path):
        if path.stem == gradient_runner.name(PARTS[0]):
            return lambda inputs: [plain(inputs[0]), inputs[0]]
        return lambda inputs: [back(plain, *inputs)]

    monkeypatch.setattr(compiled, "can_compile", lambda device: True)
    monkeypatch.setattr(compiled_gradient, "made_apart", lambda *_: [b"there", b"back"])
    monkeypatch.setattr(packages, "opened_part", part)
    return gradient_runner


def back(plain, pixels, slopes):
    with torch.enable_grad():
        watched = pixels.detach().requires_grad_()
        return torch.autograd.grad(plain(watched), watched, slopes)[0]


def pixels(count=4, side=32):
    return torch.rand(count, 3, side, side, generator=tiny.seeded(0))


def ran_compiled(runner, count=4, side=32):
    with counting() as tally:
        logits, slopes = derived(runner, pixels(count, side))
    others, expected = derived(runner.body, pixels(count, side))
    torch.testing.assert_close(logits, others)
    torch.testing.assert_close(slopes, expected, atol=1e-5, rtol=1e-4)
    return tally.compiled == count


def test_full_batches_run_compiled_with_the_slopes_of_any_score(runner):
    assert not ran_compiled(runner)
    assert runner.compile()
    assert ran_compiled(runner)
    assert not ran_compiled(runner, 3)
    assert not ran_compiled(runner, side=40)
    assert runner.held_bytes == 2 * runner.body.own_bytes
    watched = pixels().requires_grad_()
    for score in (lambda z: z[:, 1], lambda z: z.softmax(1)[:, 0], lambda z: z.logsumexp(1)):
        scores = [score(net(watched)).sum() for net in (runner, runner.body)]
        result, expected = (torch.autograd.grad(one, watched)[0] for one in scores)
        torch.testing.assert_close(result, expected, atol=1e-6, rtol=1e-4)


def test_slopes_that_lie_apart_are_a_share_of_their_spread(runner):
    def moved(images):  # the same logits, each with a slope of 0.1 more by every number
        return runner.body(images) + 0.1 * (images - images.detach()).sum((1, 2, 3))[:, None]

    images = compiled_gradient.noise_batch(32, PACE).requires_grad_()
    logits = runner.body(images)
    mixture = torch.randn(logits.shape, generator=tiny.seeded(0))
    slopes = torch.autograd.grad(logits, images, mixture)[0]
    expected = 0.1 * mixture.sum(1).abs().max() / (slopes.max() - slopes.min())
    assert runner.distances(moved) == (pytest.approx(expected.item(), rel=1e-3), 0)


def test_hooks_changed_weights_and_other_numbers_go_through_the_model_itself(runner):
    assert runner.compile()
    with borrowed(runner.body) as net:
        net.network.conv1.register_forward_hook(lambda *_: None)
        before = runner._asked
        assert not ran_compiled(runner)
        assert runner._asked == before  # nothing is looked for on disk meanwhile
    assert ran_compiled(runner)
    assert runner._asked == before + 4
    with torch.no_grad():
        runner.body.network.fc.weight.mul_(2)
    assert not ran_compiled(runner)
    assert not runner.compile()  # what is on disk under its name is of the old weights
    assert not ran_compiled(runner)
    runner.body.double()
    assert runner(pixels().double()).dtype == torch.float64


def test_changed_statistics_and_training_go_through_the_model_itself(runner):
    assert runner.compile()
    runner.stay()
    runner.body.train()
    assert not ran_compiled(runner)
    runner.body.eval()
    assert ran_compiled(runner)
    runner.body.mean.add_(0.1)
    assert not ran_compiled(runner)


def test_a_walk_goes_the_same_way(runner):
    def walked():
        model, active = runner.body, runner if runner.compiled else None
        model._gradients = {4: active} if active else {}
        walk = Traversal(model, *slowly.pairs(model, 4), WalkRules(0.1, 0.001, 0.02))
        with counting() as tally:
            moved = sum(int(walk.step().sum()) for _ in range(12))
        return walk, moved, tally.compiled

    plain, moves, _ = walked()
    assert runner.compile()
    result, again, looked = walked()
    assert moves == again > 0
    assert looked == 48
    torch.testing.assert_close(result.x, plain.x, atol=1e-5, rtol=0)


def test_its_passes_are_counted_as_those_of_the_model(runner):
    bills = []
    for _ in range(2):
        with counting_passes(Passes()):
            bills.append(passes := Passes())
            with counting_passes(passes):
                derived(runner, pixels())
        runner.compile()
    assert bills[0] == bills[1] == Passes(4, 4)


def test_a_damaged_part_leaves_the_model_as_it_is(runner):
    assert runner.compile()
    again = GradientRunner(tiny.cnn(), PACE)
    assert again.load()
    (packages.folder() / f"{again.name(after(checksum(b'there')))}.pt2").write_bytes(b"else")
    assert not GradientRunner(tiny.cnn(), PACE).load()


def test_the_first_part_of_another_process_is_used_with_its_own_second_part_only(runner):
    assert runner.compile()
    again = GradientRunner(tiny.cnn(), PACE)
    packages.keep(again.name(PARTS[0]), b"another")
    assert not again.load()
    packages.keep(again.name(after(checksum(b"another"))), b"another's")
    assert again.load()


def test_other_slopes_are_not_used(runner, monkeypatch):
    part, shape = packages.opened_part, pixels().shape

    def other(path):
        given = part(path)
        return lambda inputs: [x * 1.01 if x.shape == shape else x for x in given(inputs)]

    monkeypatch.setattr(packages, "opened_part", other)
    assert not runner.compile()


class Strided(nn.Module):
    """Convolutions of every sort whose way back is turned around."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.parts = nn.Sequential(
                nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(8),
                nn.ReLU6(inplace=True),
                nn.Conv2d(8, 8, 5, padding=2, groups=8),
                nn.Conv2d(8, 12, 3, padding=2, dilation=2, groups=2),
                nn.ReLU(inplace=True),
                nn.Conv2d(12, 6, 1),
                nn.Conv2d(6, 6, 3, stride=2, groups=6),
                nn.Flatten(),
                nn.LazyLinear(5),
            )
            self.parts(torch.zeros(1, 3, 16, 16))

    def forward(self, images):
        return self.parts(images)


@pytest.mark.parametrize("form", [torch.channels_last, torch.contiguous_format])
def test_the_joint_graph_has_autograd_s_slopes_without_any_convolution_s_own_way_back(form):
    net, images = Strided().eval().to(memory_format=form), pixels()[:2, :, :16, :16]
    images = images.contiguous(memory_format=form)
    graph, _ = joint_graph(net.requires_grad_(requires_grad=False), images)
    way = torch.randn(2, 5, generator=tiny.seeded(1))
    logits, slopes = graph(images, way)
    watched = images.detach().requires_grad_()
    torch.testing.assert_close(logits, net(watched))
    expected = torch.autograd.grad(net(watched), watched, way)[0]
    torch.testing.assert_close(slopes, expected, atol=1e-6, rtol=1e-5)
    assert not any("convolution_backward" in str(node.target) for node in graph.graph.nodes)


def test_the_second_part_takes_what_the_first_gives_and_any_slopes(tmp_path, monkeypatch):
    parts = {}

    def packaged(graph, _inputs, path):
        parts[path.name] = graph
        path.touch()

    class Loader:
        def __init__(self, path, *_):
            self.graph = parts[Path(path).name]

        def boxed_run(self, inputs):
            return self.graph(*inputs)

    monkeypatch.setattr(differentiating, "packaged", packaged)
    monkeypatch.setattr(torch._C._aoti, "AOTIModelPackageLoader", Loader)
    net, images = Strided(), pixels()[:2, :, :16, :16]
    export_both(net, images, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(PARTS)
    there, back_again = parts.values()
    logits, *saved = there(images)
    watched, way = images.clone().requires_grad_(), torch.randn(2, 5, generator=tiny.seeded(1))
    torch.testing.assert_close(logits, net(watched))
    (slopes,) = back_again(*saved, way)
    expected = torch.autograd.grad(net(watched), watched, way)[0]
    torch.testing.assert_close(slopes, expected, atol=1e-6, rtol=1e-5)


@real
@pytest.mark.slow
def test_a_really_compiled_model_gives_the_same_logits_and_slopes():
    model = load("digits-cnn").twin()
    runner = model.differentiable(2)
    assert runner.compile()
    pixels = torch.rand(2, 3, model.side, model.side, generator=tiny.seeded(0))
    with counting() as tally:
        logits, slopes = derived(runner, pixels)
    others, expected = derived(model, pixels)
    assert tally.compiled == 2
    assert (logits - others).abs().max() < 1e-4
    assert (slopes - expected).abs().max() < 1e-4 * (expected.max() - expected.min())
