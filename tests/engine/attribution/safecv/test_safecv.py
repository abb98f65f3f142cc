"""SafeCV: honest counts, a budget that holds, and the optimum where all can be tried."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import nn

from engine.attribution.robustness.scored import Rescored, attacked_pixels
from engine.attribution.safecv import pixel_game
from engine.attribution.safecv.keypoints import KeyPoints, key_points, responses, uniform_grid
from engine.attribution.safecv.method import SafeCV, without_key_points
from engine.core.result import Table
from engine.evaluation.measures.levels import levels_of, levels_to_pixels
from engine.vision.case import ImageCase
from engine.vision.case.target import Target
from engine.vision.images.crop import Crop, square
from engine.vision.images.samples import sample
from engine.vision.models.classifier import Classifier
from tests import tiny


class Weighted(nn.Module):
    """Class 1 scores the brightness weighted by place, less a bias; class 0 scores nothing."""

    def __init__(self, weight, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.as_tensor(weight, dtype=torch.float32))
        self.bias = bias

    def forward(self, images):
        score = (images.mean(1) * self.weight).sum((1, 2)) - self.bias
        return torch.stack([torch.zeros_like(score), score], 1)


def black(weight, bias, side=4):
    """A black image that such a model calls class 0."""
    model = Classifier(Weighted(weight, bias), "weighted", "weighted", side, device=tiny.CPU)
    return ImageCase(model, torch.zeros(3, side, side), Target(0))


def label_of(case, levels):
    """The class of an image in levels."""
    return int(case.model.logits(levels_to_pixels(torch.as_tensor(levels))[None])[0].argmax())


def exhaustive(case):
    """The fewest pixels whose change flips the class, by trying all sets of up to three."""
    levels = levels_of(case.image).numpy()
    target = pixel_game.pixel_after(levels, pixel_game.CHANGES[0])
    size = levels[0].size
    for count in (1, 2, 3):
        masks = np.array([np.isin(range(size), c) for c in combinations(range(size), count)])
        changed = np.where(masks.reshape(-1, 1, *levels.shape[1:]), target, levels)
        predictions = case.model.logits(levels_to_pixels(torch.from_numpy(changed))).argmax(1)
        if (predictions != label_of(case, levels)).any():
            return count
    raise AssertionError("more than three are needed")


def needing(count, seed):
    """A black image, random weights, and a bias that the brightest so many just make up for."""
    weight = np.random.default_rng(seed).uniform(0.1, 1.0, (4, 4))
    bias = float(np.sort(weight.ravel())[-count:].sum() - 0.01)
    return replace(black(weight, bias), seed=seed)


def played(case, player):
    """How many pixels the game found, which are those that were changed and flip the class."""
    result = SafeCV(visit=1, simulations=200, queries=5000, player=player)(case)
    pixels = attacked_pixels(result)
    assert int(case.model.logits(pixels[None])[0].argmax()) != 0
    count = int((pixels != case.image).any(0).sum())
    assert result["game"]["pixels"][0] == count
    return count


@pytest.mark.parametrize("player", [pixel_game.RANDOM, pixel_game.FRIEND])
@pytest.mark.parametrize("needed", [1, 2, 3])
@pytest.mark.parametrize("seed", range(2))
def test_on_a_few_pixels_the_game_finds_what_an_exhaustive_search_finds(seed, needed, player):
    case = needing(needed, seed)
    assert played(case, player) == exhaustive(case) == needed


@pytest.mark.parametrize("needed", [1, 2])
@pytest.mark.parametrize("seed", range(2))
def test_against_an_enemy_the_game_is_never_below_the_exhaustive_search(seed, needed):
    case = needing(needed, seed)
    assert played(case, pixel_game.ENEMY) >= exhaustive(case) == needed


def drawn_case(seed=0):
    return replace(tiny.cnn_case(), image=tiny.image(seed=seed), seed=seed)


@pytest.mark.parametrize(
    ("change", "levels"),
    [
        (pixel_game.FAR, [255, 255, 0, 0]),
        (pixel_game.WHITE, [255] * 4),
        (pixel_game.SHIFT, [50, 177, 78, 205]),
    ],
)
def test_what_a_pixel_becomes(change, levels):
    before = np.array([0, 127, 128, 255], np.int16)
    assert pixel_game.pixel_after(before, change).tolist() == levels


@pytest.mark.parametrize("change", pixel_game.CHANGES)
def test_the_image_is_of_another_class_and_its_pixels_are_counted_anew(change):
    case = drawn_case()
    result = SafeCV(simulations=3, queries=300, change=change)(case)
    pixels = attacked_pixels(result)
    before, after = levels_of(case.image), levels_of(pixels)
    changed = (before != after).any(0)
    another = label_of(case, before) != label_of(case, after)
    assert another == bool(result["figures"]["another class"][0])
    assert result["game"]["pixels"][0] == (int(changed.sum()) if another else 0)
    expected = torch.from_numpy(pixel_game.pixel_after(before.numpy(), change))
    assert torch.equal(after[:, changed], expected[:, changed])


def test_the_running_best_never_rises_and_the_budget_holds():
    for queries, simulations in ((50, 20), (100, 20), (200, 20), (300, 2)):
        result = SafeCV(queries=queries, simulations=simulations)(drawn_case(1))
        fewest = result["severity"]["fewest so far"]
        assert (np.diff(fewest[np.isfinite(fewest)]) <= 0).all()
        assert result["game"]["queries"][0] <= queries
        if result["figures"]["another class"][0]:  # also in the game that the budget ended
            assert fewest[-1] == result["game"]["pixels"][0]


def test_what_the_budget_ends_is_in_the_series_and_what_nothing_moves_is_said():
    weight = np.random.default_rng(0).uniform(0.1, 1.0, (12, 12))
    case = black(weight, float(np.sort(weight.ravel())[-40:].sum()), 12)
    result = SafeCV(queries=50, visit=4)(case)  # they end while pixels are put back
    assert result["figures"]["another class"][0]
    assert result["severity"]["fewest so far"].tolist() == [result["game"]["pixels"][0]]
    case, method = black(np.zeros((4, 4)), 1.0), SafeCV(queries=100, simulations=5)
    result = method(case)
    assert torch.equal(attacked_pixels(result), case.image)
    sentence = method.finding(case, result)
    assert "No change was found" in sentence
    assert "no proof" in sentence
    assert "Nothing that it tried made the class less likely." in sentence


@pytest.mark.parametrize("player", pixel_game.PLAYERS)
def test_a_game_without_success_draws_and_tells_its_best_try(player, monkeypatch):
    """Each white pixel adds 1 to class 1, which would need 17 of 16: so the share is σ(17 - n)."""
    pixel_counts, ask = [], pixel_game.PixelGame.ask

    def watched(game, images):
        if not isinstance(game, pixel_game.UniformGame):
            pixel_counts.extend(int((image != game.levels).any(0).sum()) for image in images)
        return ask(game, images)

    monkeypatch.setattr(pixel_game.PixelGame, "ask", watched)
    case = black(np.ones((4, 4)), 17.0)
    method = SafeCV(queries=200, visit=1, simulations=5, player=player)
    result = method(case)
    most = max(pixel_counts)
    assert most > 2
    assert int((attacked_pixels(result) != case.image).any(0).sum()) == most
    share, label = 1 / (1 + np.exp(most - 17.0)), case.model.labels[0]
    assert result["classes"].cell(label, "after") == pytest.approx(share, abs=1e-5)
    assert not result["figures"]["another class"][0]
    assert result["game"]["pixels"][0] == 0
    expected = f"Best try, drawn here: {most} px, “{label}” 100 % → {100 * share:.0f} %."
    assert expected in method.finding(case, result)


def game_of(case, kind=pixel_game.PixelGame, **changed):
    rules = pixel_game.GameRules(3, 10, 5000, pixel_game.CHANGES[0], "random", "as in the code")
    points, levels = uniform_grid(tuple(case.image.shape[1:])), levels_of(case.image).numpy()
    rng = np.random.default_rng(case.seed)
    rules = replace(rules, **changed)
    return kind(case.model, levels, points, rules, rng, lambda done, words: None)


def test_a_game_without_success_tells_how_far_it_is_and_can_be_stopped_between_any_two_queries():
    reports = []
    game = game_of(black(np.zeros((12, 12)), 1.0, 12), visit=1, simulations=1, queries=100)

    def stop(done, words):
        reports.append(done)
        assert words == f"{len(reports) - 1} queries, none found yet"
        if len(reports) == 40:
            raise KeyboardInterrupt

    game.note = stop
    with pytest.raises(KeyboardInterrupt):
        game.play()
    assert reports == pytest.approx([index / 100 for index in range(40)])
    game = game_of(black(np.zeros((12, 12)), 1.0, 12))
    game.note, game.asked = lambda done, _: reports.append(done), 4999
    game.ask([game.levels])
    assert reports[-1] == 0.99  # what comes after the last query takes time too
    with pytest.raises(pixel_game.OutOfQueriesError):
        game.ask([game.levels])


def test_rewards_move_weight_to_places_that_matter_and_no_pixel_stays_that_could_go():
    case = black(np.arange(16).reshape(4, 4) / 10, 2.0)
    game = game_of(case)
    game.play()
    assert game.best is not None
    for row, column in game.best.changed:
        levels = game.best.levels.copy()
        levels[:, row, column] = game.levels[:, row, column]
        assert label_of(case, levels) == game.own
    weight = np.zeros((4, 4))
    weight[0, 0] = weight[0, 1] = 1.0
    table = SafeCV(simulations=60, visit=1, queries=4000)(black(weight, 1.9))["points"]
    near = table["row"] + table["column"] < 2
    assert table["weight after"][near].sum() > table["weight before"][near].sum()


def test_what_a_visit_took_counts_less_the_deeper_it_is_in_the_tree(monkeypatch):
    """The root has children at both places, so that a simulation goes two deep and plays on."""
    game = game_of(black(np.full((4, 4), 0.3), 5.0), visit=1, simulations=1)
    game.points = KeyPoints(np.array([[0.0, 0.0], [3.0, 3.0]]), np.ones(2), np.full(2, 0.5))
    game.play()
    game.simulate()
    for node in game.root.children.values():
        assert (node.visits, len(node.children)) == (1, 0)
    shares, places, rewards = [game.start.share], [], []
    visit, weigh = game.visit, game.weigh

    def watched(position, place):
        after = visit(position, place)
        shares.append(after.share)
        places.append(place)
        return after

    def weighed(place, reward):
        rewards.append((place, reward))
        weigh(place, reward)

    monkeypatch.setattr(game, "visit", watched)
    monkeypatch.setattr(game, "weigh", weighed)
    before = {place: node.reward for place, node in game.root.children.items()}
    end, beyond = game.simulate()
    gains = -np.diff(shares)
    assert not beyond
    assert len(places) > 4
    assert gains[:2].min() > 0
    assert end.share == shares[-1]
    assert [place for place, _ in rewards] == places[2:] + places[:2]
    expected = [*gains[2:] / 25, gains[0], gains[1] / 2]
    assert [reward for _, reward in rewards] == pytest.approx(expected)
    first = game.root.children[places[0]]
    second = first.children[places[1]]
    assert (first.visits, second.visits) == (2, 1)
    assert first.reward == pytest.approx(before[places[0]] + gains[0])
    assert second.reward == pytest.approx(gains[1])


def test_exploration_weighs_visits_as_each_formula_says():
    game = game_of(black(np.ones((4, 4)), 3.0))
    game.weights = game.points.weights.copy()
    node = pixel_game.GameNode(children={i: pixel_game.GameNode(visits=i + 1) for i in range(16)})
    counts = np.arange(1, 17)
    total = counts.sum()
    for rule, bonus in (
        ("as in the code", np.sqrt(np.log(counts) / total)),
        ("UCB1", np.sqrt(np.log(total) / counts)),
    ):
        game.rules = replace(game.rules, rule=rule)
        game.rng = np.random.default_rng(0)
        draws = np.bincount([game.explore(node) for _ in range(5000)], minlength=16) / 5000
        np.testing.assert_allclose(draws, (1 / 16 + bonus) / (1 / 16 + bonus).sum(), atol=0.012)
        assert (draws[0] > draws[-1]) == (rule == "UCB1")


def test_classes_of_equal_scores_keep_their_order():
    levels, logits = torch.zeros(3, 4, 4, dtype=torch.int16), torch.zeros(2, 48)
    logits[1, 30:] = 1.0
    model = Classifier(nn.Flatten(), "many", "many", side=4, labels=[*map(str, range(48))])
    rescored = Rescored(model, levels, levels, logits)
    assert rescored.order.tolist() == [[*range(48)], [*range(30, 48), *range(30)]]
    table = rescored.classes([3])
    assert table["class"].tolist() == [3, 30, 31, 32, 33, 34, 0, 1, 2, 4]
    assert table["rank before"].tolist() == [4, 31, 32, 33, 34, 35, 1, 2, 3, 5]
    assert table["rank after"].tolist() == [22, 1, 2, 3, 4, 5, 19, 20, 21, 23]
    assert table["before"] == pytest.approx(1 / 48)
    assert table["after"][1:3] == pytest.approx(np.e / (18 * np.e + 30))


def test_key_points_of_a_photograph_have_weights_that_add_up_and_a_small_image_is_enlarged():
    points = key_points(square(sample("chelsea"), Crop(), 96).mean(0).astype(float))
    assert len(points) > 5
    assert points.weights.sum() == pytest.approx(1)
    assert points.widths.min() > 15
    small = key_points(square(sample("chelsea"), Crop(), 28).mean(0).astype(float))
    assert small.widths.max() < 28
    assert -0.5 <= small.places.min() <= small.places.max() <= 27.5


@pytest.mark.parametrize("turns", range(4))
def test_key_points_of_a_small_image_turn_with_it(turns):
    """Half a pixel to the lower right would lie to the upper right of an image that is turned."""
    gray = np.zeros((9, 9))
    gray[2:4, 3:5] = 1.0  # its middle is row 2.5, column 3.5
    points = key_points(np.rot90(gray, turns).copy())
    strongest = points.places[points.weights.argmax()] - 4  # from the middle of the image
    for _ in range(turns):  # back: a quarter turn to the right
        row, column = strongest
        strongest = np.array([column, -row])
    np.testing.assert_allclose(strongest, (-1.5, -0.5), atol=0.15)


def test_a_blank_image_is_played_on_a_grid_and_saliency_is_a_mixture_of_gaussians():
    points = key_points(np.zeros((32, 32)))
    assert len(points) == 16
    assert responses(np.zeros((9, 9)), np.full((2, 2), 4.0), np.ones(2)).min() > 0
    assert points.weights.sum() == pytest.approx(1)
    points = KeyPoints(np.array([[1.0, 2.0]]), np.array([1.5]), np.array([1.0]))
    expected = np.exp(-((3 - 1) ** 2 + (4 - 2) ** 2) / (2 * 1.5**2)) / (2 * np.pi * 1.5**2)
    saliency = points.saliency(points.weights, (4, 5))
    assert saliency[3, 4] == pytest.approx(expected, rel=1e-5)


def test_the_control_draws_every_pixel_as_often_and_learns_no_place():
    game = game_of(black(np.ones((4, 4)), 3.5), pixel_game.UniformGame, visit=1)
    drawn = np.zeros((4, 4))
    for draw in range(8000):
        drawn[game.spot(draw % 16)] += 1
    assert ((drawn - 500) ** 2 / 500).sum() < 37.7  # χ² of 15 degrees of freedom, p = 0.001
    game.play()
    assert game.best is not None
    assert game.weights.tolist() == game.points.weights.tolist()


@pytest.mark.parametrize("needed", [3, 7])
def test_where_every_pixel_counts_alike_guidance_saves_none(needed):
    case = black(np.ones((6, 6)), needed - 0.5, 6)  # white pixels add 1 each
    method = SafeCV(visit=1, simulations=20, queries=2000)
    result = method(case)
    assert result["game"]["pixels"].tolist() == [needed, needed]
    assert f"{needed} were enough too." in method.finding(case, result)


def spot_case(side=48, reach=3):
    """Nothing but a gray square stands out, and white is counted nowhere else."""
    weight, image = np.zeros((side, side)), torch.zeros(3, side, side)
    span = slice(30, 30 + 2 * reach)
    weight[span, span] = 1.0
    image[:, span, span] = 0.4
    bias = 0.4 * 36 + 0.6 * 11.5  # 12 of its 36 pixels have to become white
    return replace(black(weight, bias, side), image=image)


def test_where_one_place_counts_the_key_points_lead_there_with_fewer_queries():
    case, method = spot_case(), SafeCV(visit=4, simulations=4, queries=400)
    result = method(case)
    assert result["game"].rows == ("near key points", "anywhere")
    guided, anywhere = (result["game"].take([at]) for at in range(2))
    assert guided["pixels"][0] == 12
    assert guided["queries until then"][0] <= guided["queries"][0] <= 400
    assert anywhere["queries"][0] <= 400
    # Of pixels drawn anywhere, one in 64 is in the square: 400 queries of 4 px change 25 of them
    # at most on the average, and every game begins anew.
    assert not anywhere["pixels"][0] or (
        anywhere["queries until then"][0] > guided["queries until then"][0]
    )


def test_the_control_has_its_own_draws_so_the_guided_game_is_as_it_was():
    case = drawn_case(2)
    result = SafeCV(simulations=2, queries=150)(case)
    points = key_points(case.image.mean(0).double().numpy())
    for place, (kind, seed) in enumerate(
        ((pixel_game.PixelGame, 2), (pixel_game.UniformGame, [2, 1]))
    ):
        game = game_of(case, kind, visit=6, simulations=2, queries=150)
        game.points, game.rng = points, np.random.default_rng(seed)
        game.play()
        assert result["game"]["queries"][place] == game.asked
        fewest = 0 if game.best is None else len(game.best.changed)
        assert result["game"]["pixels"][place] == fewest


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        ((5, 9), "9 were enough."),
        ((9, 5), "5 were enough."),
        ((5, 5), "5 were enough too."),
        ((5, 0), "none were found."),
        ((0, 5), "5 were enough."),
        ((0, 0), "none were found either."),
    ],
)
def test_what_is_said_of_the_control(pixels, words):
    game = Table.of({"pixels": (pixels, "px")}, ("near key points", "anywhere"))
    assert without_key_points(game).endswith(words)
    assert not without_key_points(game.take([0]))
