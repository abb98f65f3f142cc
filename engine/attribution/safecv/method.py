"""SafeCV: the fewest pixels near key points that make the model say another class, by asking only.

Wicker, Huang and Kwiatkowska 2018, "Feature-Guided Black-Box Safety Testing of Deep Neural
Networks", https://arxiv.org/abs/1710.07859; the flow of `MCTS.py` and `DFMCS.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engine.attribution.one_class import refuse_one_class
from engine.attribution.robustness.scored import AFTER, BEFORE, Rescored, percent
from engine.attribution.safecv.keypoints import KeyPoints, key_points
from engine.attribution.safecv.pixel_game import (
    CHANGES,
    CODE,
    ENEMY,
    FAR,
    PLAYERS,
    RANDOM,
    RULES,
    GameNode,
    GameRules,
    PixelGame,
    UniformGame,
)
from engine.core.method import Choice, Method, Progress, Slider, part_of, quiet, setting
from engine.core.result import HeatMap, Result, Table
from engine.evaluation.measures.levels import levels_of
from engine.vision.case import ImageCase

ROLLING = 10  # simulations over which a mean is taken
PART = 500  # of an image's pixels, a visit changes one in so many
LEAST = 6  # pixels of a visit
GUIDED, ANYWHERE = "near key points", "anywhere"  # where pixels are changed


@dataclass(frozen=True)
class SafeCV(Method[ImageCase]):
    """How few pixels, changed near places that stand out, make the model say another class.

    A tester who may only ask plays a game against the model: pick a key point of the image (SIFT),
    change a few pixels near it, look how far the class falls, and learn which places count. When
    another class is said, pixels are put back as long as it still is. The number is how many pixels
    are left; the saliency is where the tester went, before and after it learned. Another game may
    find fewer pixels: the number is an upper bound. Where no other class is said, the image on
    which the class has the lowest probability is drawn: the best try. Beside it stands the same
    game with pixels drawn anywhere, within the same budget: where it finds as few, the key points
    were of no use. One game of each says little, since another seed may turn it round.
    """

    name = "SafeCV"
    family = "attribution"
    title = "Feature-guided search (SafeCV)"
    cost = "wait"
    paper = "Wicker, Huang & Kwiatkowska 2018, https://arxiv.org/abs/1710.07859"
    needs = frozenset({"class", "one of many"})
    revision = 5
    proof = (
        "tests/engine/attribution/safecv/test_safecv.py"
        "::test_on_a_few_pixels_the_game_finds_what_an_exhaustive_search_finds"
    )

    simulations: int = setting(
        30, Slider(1, 200, 1), "Simulations", "How often the game begins anew at the image."
    )
    queries: int = setting(
        1000, Slider(50, 20_000, 50), "Queries", "How often the model may be asked at most."
    )
    visit: int | None = setting(
        None,
        Slider(1, 200, 1, unit="px", off="by the image's size", start=20),
        "Pixels a visit",
        "How many pixels are changed at once: of 500 pixels of the image one, and at least 6.",
    )
    change: str = setting(
        FAR,
        Choice(CHANGES),
        "A changed pixel",
        "Becomes black or white, whichever is farther; white; or 50 levels lighter or darker.",
    )
    player: str = setting(
        RANDOM,
        Choice(PLAYERS),
        "Player 2",
        "Which pixels near the key point: drawn, or of four "
        "draws the best (cooperative) or the worst (adversarial) for the tester.",
    )
    rule: str = setting(
        CODE,
        Choice(RULES),
        "Exploration",
        "Adds √(ln nᵢ / N) to a weight, as the authors' code "
        "does, or √(ln N / nᵢ), as UCB1 does; n are visits.",
    )

    def __call__(self, case: ImageCase, progress: Progress = quiet) -> Result:
        """Views: pictures, classes, figures, game, severity, saliency before and after, points."""
        refuse_one_class(case.model)
        levels = levels_of(case.image)
        gray = case.image.mean(0).double().numpy()
        points = key_points(gray)
        visit = self.visit or max(LEAST, gray.size // PART)
        rules = GameRules(
            visit, self.simulations, self.queries, self.change, self.player, self.rule
        )
        game = PixelGame(
            case.model,
            levels.numpy(),
            points,
            rules,
            np.random.default_rng(case.seed),
            part_of(progress, 0.0, 0.5, lead=GUIDED),
        )
        game.play()
        end = (game.best or game.lowest).levels
        rescored = Rescored.of(case, levels, torch.from_numpy(end) - levels)
        saliency = {
            name: HeatMap(points.saliency(weights, gray.shape), "density per px", signed=False)
            for name, weights in (
                ("saliency before", points.weights),
                ("saliency after", game.weights),
            )
        }
        result: Result = {
            **rescored.views(),
            "game": summary({GUIDED: game}),
            "severity": severity(game),
            **saliency,
            "points": visited(points, game),
            "tree": tree(game.root),
        }
        progress(0.5, f"{game.asked} queries", {**result})
        control = UniformGame(
            case.model,
            levels.numpy(),
            points,
            rules,
            # a stream of its own: the control's luck is not the guided game's
            np.random.default_rng([case.seed, 1]),
            part_of(progress, 0.5, 1.0, lead=ANYWHERE),
        )
        control.play()
        progress(1.0, f"{game.asked + control.asked} queries")
        return {**result, "game": summary({GUIDED: game, ANYWHERE: control})}

    def finding(self, case: ImageCase, result: Mapping[str, Any]) -> str:
        """How few pixels are enough, or that none were found within the budget; and the control."""
        del case
        queries, pixels = (int(result["game"][name][0]) for name in ("queries", "pixels"))
        if not result["figures"]["another class"][0]:
            found_none = "No change was found that makes it say another class"
            if self.player == ENEMY:  # who passes over what would
                found_none = "A player 2 who avoids it was not brought to change the answer"
            return (
                f"{found_none} within {queries} queries. "
                f"That is no proof that there is none. {best_try(result)} "
                f"{without_key_points(result['game'])}"
            )
        share = 100 * float(result["figures"]["pixels changed"][0])
        answer = result["pictures"].caption(0, 2)
        return (
            f"{pixels} pixels ({share:.2g} %) are enough: it says {answer}, after {queries} "
            "queries. "
            f"{without_key_points(result['game'])}"
        )


def best_try(result: Mapping[str, Any]) -> str:
    """How far a search without success came: pixels, and the class's probability."""
    before, _, after = result["pictures"].images[0]
    pixels, classes = int((before != after).any(-1).sum()), result["classes"]
    if not pixels:
        return "Nothing that it tried made the class less likely."
    row = list(classes["rank before"]).index(1)
    shares = " → ".join(percent(float(classes[name][row])) for name in (BEFORE, AFTER))
    return f"Best try, drawn here: {pixels} px, “{classes.rows[row]}” {shares}."


def without_key_points(game: Table) -> str:
    """How many pixels the game without key points needed; one game of each decides nothing."""
    if len(game) < 2:  # an answer under way
        return ""
    guided, anywhere = (int(count) for count in game["pixels"])
    where = "Drawn anywhere instead, in one game with the same budget,"
    if not anywhere:
        return f"{where} none were found{'' if guided else ' either'}."
    too = " too" if guided == anywhere else ""
    return f"{where} {anywhere} were enough{too}."


def summary(games: Mapping[str, PixelGame]) -> Table:
    """What each game cost and found; 0 pixels where it found nothing."""
    rows = [
        [
            0 if game.best is None else int((game.best.levels != game.levels).any(0).sum()),
            game.asked,
            game.best_after,
            len(game.series),
            len(game.points),
        ]
        for game in games.values()
    ]
    names = ("pixels", "queries", "queries until then", "simulations", "key points")
    units = ("px", "queries", "queries", "simulations", "points")
    return Table.grid(np.array(rows, np.float32), tuple(games), names, units)


def severity(game: PixelGame) -> Table:
    """Pixels of each simulation, the fewest so far, and a rolling mean; NaN without success."""
    pixel_counts = np.array(game.series or [np.nan], np.float32)
    # fmin passes over NaN, the simulations without success
    fewest = np.fmin.accumulate(pixel_counts)
    rolling = [
        np.nanmean(part)
        if np.isfinite(part := pixel_counts[max(0, at - ROLLING + 1) : at + 1]).any()
        else np.nan
        for at in range(len(pixel_counts))
    ]
    return Table.of(
        {
            "simulation": (np.arange(1, len(pixel_counts) + 1, dtype=np.float32), "number"),
            "pixels": (pixel_counts, "px"),
            "fewest so far": (fewest, "px"),
            "mean of ten": (np.array(rolling, np.float32), "px"),
        }
    )


def visited(points: KeyPoints, game: PixelGame) -> Table:
    """Each key point: where it is, its weight before and after, and visits from the root."""
    visits = [
        game.root.children[at].visits if at in game.root.children else 0
        for at in range(len(points))
    ]
    return Table.of(
        {
            "row": (points.places[:, 0].astype(np.float32), "px"),
            "column": (points.places[:, 1].astype(np.float32), "px"),
            "width": (points.widths.astype(np.float32), "px"),
            "weight before": (points.weights.astype(np.float32), "share"),
            "weight after": (game.weights.astype(np.float32), "share"),
            "visits": (np.array(visits, np.float32), "visits"),
        },
        rows=[f"point {at + 1}" for at in range(len(points))],
    )


def tree(root: GameNode) -> Table:
    """The nodes of the tree by the key points on the way to them, with visits and reward."""
    rows, visits, rewards = [], [], []

    def walk(node: GameNode, path: tuple[int, ...]) -> None:
        for place, child in sorted(node.children.items()):
            child_path = (*path, place + 1)
            rows.append(" → ".join(map(str, child_path)))
            visits.append(child.visits)
            rewards.append(child.reward / child.visits)
            walk(child, child_path)

    walk(root, ())
    return Table.of(
        {
            "visits": (np.array(visits, np.float32), "visits"),
            "mean reward": (np.array(rewards, np.float32), "probability"),
        },
        rows=rows,
    )
