"""The game of SafeCV: one player picks a key point, the other one pixels near it, until it flips.

A visit changes V pixels, drawn around the key point. A simulation goes down the tree by visits,
then plays on (depth-first Monte Carlo) until the model says another class; then pixels are put back
in groups as long as it still does. What a visit takes from the class's probability is added to its
key point's weight λ, in the tree by 1/(depth + 1) and in the play on by 1/25; λ is shared by both.

Only probabilities are asked for, and no more often than the budget allows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from engine.attribution.safecv.keypoints import Doubles, KeyPoints
from engine.evaluation.measures.levels import levels_to_pixels
from engine.vision.models.classifier import Classifier

Levels = NDArray[np.int16]
Pixel = tuple[int, int]
TRIES = 5  # draws of a pixel until it is given up
OFFERS = 4  # sets of pixels between which a player who chooses can choose
PLAYED = 25.0  # a reward counts for 1/25 in the play on
SHORTER = 1.5  # the play on ends when the best is out of reach by so many times
GROUPS = (11, 1)  # pixels that are put back at once
RANDOM, FRIEND, ENEMY = PLAYERS = ("random", "cooperative", "adversarial")
FAR, WHITE, SHIFT = CHANGES = ("farthest extreme", "white", "50 levels")
CODE, UCB1 = RULES = ("as in the code", "UCB1")


class OutOfQueriesError(Exception):
    """The budget is used up."""


@dataclass(frozen=True)
class GameRules:
    """V pixels a visit, restarts, queries, what a pixel becomes, player 2, rule of exploration."""

    visit: int
    simulations: int
    queries: int
    change: str
    player: str
    rule: str


@dataclass(frozen=True, eq=False)
class Position:
    """An image (3, H, W) in levels, its changed pixels in order, p of the class, class said."""

    levels: Levels
    changed: tuple[Pixel, ...]
    share: float
    said: int


@dataclass(eq=False)
class GameNode:
    """A place in the tree: how often it was visited, what the visits took, and what follows."""

    visits: int = 0
    reward: float = 0.0
    children: dict[int, GameNode] = field(default_factory=dict)


@dataclass(eq=False)
class PixelGame:
    """One game against one image.

    Args:
        model: is asked for probabilities.
        levels: of the image, (3, H, W) int16.
        points: where to play.
        rules: how.
        rng: of every draw.
        note: told, each time the model is asked, of the share of the simulations or of the queries
            that is done, whichever is larger, and of the fewest pixels so far.
    """

    model: Classifier
    levels: Levels
    points: KeyPoints
    rules: GameRules
    rng: np.random.Generator
    note: Callable[[float, str], None]
    asked: int = 0
    played: int = 0  # simulations
    best: Position | None = None
    best_after: int = 0  # queries
    root: GameNode = field(default_factory=GameNode)
    series: list[float] = field(default_factory=list)

    def play(self) -> None:
        """All simulations, or as many as the budget allows."""
        self.weights = self.points.weights.copy()
        self.target = pixel_after(self.levels, self.rules.change)
        shares = self.ask([self.levels])[0]
        self.own = int(shares.argmax())
        self.start = Position(self.levels, (), float(shares[self.own]), self.own)
        self.lowest = self.start
        hopeless = 0
        try:
            for number in range(self.rules.simulations):
                self.played = number
                end, beyond = self.simulate()
                hopeless += beyond
                self.series.append(len(end.changed) if end.said != self.own else np.nan)
                if hopeless > len(self.points):
                    break
        except OutOfQueriesError:
            return

    @property
    def words(self) -> str:
        """The best so far."""
        return f"fewest {len(self.best.changed)} px" if self.best else "none found yet"

    def simulate(self) -> tuple[Position, bool]:
        """Down the tree, on to another class and back; whether the tree was beyond the best."""
        node, position, path = self.root, self.start, []
        new = beyond = False
        while not new and position.said == self.own and not beyond:
            unvisited = [i for i in np.argsort(-self.weights) if int(i) not in node.children]
            place = int(unvisited[0]) if unvisited else self.explore(node)
            new = bool(unvisited)
            after = self.visit(position, place)
            node = node.children.setdefault(place, GameNode())
            node.visits += 1
            path.append((place, node, position.share - after.share))
            position = after
            beyond = self.best is not None and len(position.changed) >= len(self.best.changed)
        end = position if beyond else self.play_on(position)
        if end.said != self.own:
            end = self.put_back(end)
            self.offer(end)
        for depth, (place, passed, gain) in enumerate(path):
            passed.reward += gain
            self.weigh(place, gain / (depth + 1))
        return end, beyond

    def explore(self, node: GameNode) -> int:
        """A child by λ and by how seldom it was visited."""
        counts = np.array([node.children[i].visits for i in range(len(self.points))], float)
        total = counts.sum()
        if self.rules.rule == UCB1:
            bonus = np.sqrt(np.log(total) / counts)
        else:
            # ln nᵢ / N grows with a child's own visits, where UCB1's ln N / nᵢ falls with them
            bonus = np.sqrt(np.log(counts) / total)
        return self.drawn(self.weights + bonus)

    def drawn(self, weights: Doubles) -> int:
        """A key point by weights."""
        total = weights.sum()
        share = weights / total if total > 0 else np.full(len(weights), 1 / len(weights))
        return int(self.rng.choice(len(weights), p=share))

    def weigh(self, place: int, reward: float) -> None:
        """Add a reward to a key point's weight; they stay above 0 and add up to 1."""
        self.weights[place] = max(self.weights[place] + reward, 0.0)
        total = self.weights.sum()
        self.weights = self.weights / total if total > 0 else self.points.weights.copy()

    def play_on(self, position: Position) -> Position:
        """By weight and by chance in turn, until another class is said or the best is out of reach.

        Without any success so far it ends when half of the pixels are changed.
        """
        most = self.levels[0].size / 2 if self.best is None else len(self.best.changed)
        rounds = max(1, int(most / (SHORTER * self.rules.visit)))
        flat = np.full(len(self.points), 1 / len(self.points))
        for turn in range(2 * rounds):
            if position.said != self.own:
                break
            # exploring by flat weights; the authors' exploring step takes the form of the tree's
            place = self.drawn(self.weights if turn % 2 == 0 else self.weights + flat)
            after = self.visit(position, place)
            reward = position.share - after.share
            # pixels that make the class likelier are taken back, but for a success
            if reward >= 0 or after.said != self.own:
                position = after
            self.weigh(place, reward / PLAYED)
        return position

    def visit(self, position: Position, place: int) -> Position:
        """V more pixels near a key point: by chance, or of a few draws the best or the worst."""
        offers = 1 if self.rules.player == RANDOM else OFFERS
        sets = [self.pixels(position, place) for _ in range(offers)]
        images = [self.changed(position.levels, pixel_set) for pixel_set in sets]
        shares = self.ask(images)
        share = shares[:, self.own]
        offered = [
            Position(image, (*position.changed, *pixels), float(row[self.own]), int(row.argmax()))
            for image, pixels, row in zip(images, sets, shares, strict=True)
        ]
        unchanged = [candidate for candidate in offered if candidate.said == self.own]
        self.lowest = min([self.lowest, *unchanged], key=lambda candidate: candidate.share)
        taken = offered[int(share.argmax() if self.rules.player == ENEMY else share.argmin())]
        for offer in offered:
            if self.rules.player == FRIEND and offer is not taken and offer.said != self.own:
                self.offer(
                    offer
                )  # of several classes, the least share need not be another's answer
        return taken

    def pixels(self, position: Position, place: int) -> list[Pixel]:
        """So many pixels around a key point that are not changed yet and would be."""
        taken = set(position.changed)
        pixels: list[Pixel] = []
        for _ in range(self.rules.visit):
            for _ in range(TRIES):
                row, column = pixel = self.spot(place)
                moves = (self.target[:, row, column] != self.levels[:, row, column]).any()
                if pixel not in taken and moves:
                    taken.add(pixel)
                    pixels.append(pixel)
                    break
        return pixels

    def spot(self, place: int) -> Pixel:
        """A pixel near a key point."""
        height, width = self.levels.shape[1:]
        coordinates = self.rng.normal(self.points.places[place], self.points.widths[place])
        row, column = np.clip(np.rint(coordinates), 0, (height - 1, width - 1)).astype(int)
        return int(row), int(column)

    def changed(self, levels: Levels, pixels: list[Pixel]) -> Levels:
        """The image with these pixels changed."""
        changed_levels = levels.copy()
        for row, column in pixels:
            changed_levels[:, row, column] = self.target[:, row, column]
        return changed_levels

    def put_back(self, position: Position) -> Position:
        """Restore groups of pixels as long as another class is said: never more, often fewer."""
        for size in GROUPS:
            pending = list(position.changed)
            while pending:
                group, pending = pending[:size], pending[size:]
                levels = position.levels.copy()
                for row, column in group:
                    levels[:, row, column] = self.levels[:, row, column]
                try:
                    # this image; after a failure the published loop asks about a stale one
                    shares = self.ask([levels])[0]
                except OutOfQueriesError:
                    self.keep(position)
                    raise
                if (predicted := int(shares.argmax())) != self.own:
                    remaining = tuple(
                        pixel for pixel in position.changed if pixel not in set(group)
                    )
                    position = Position(levels, remaining, float(shares[self.own]), predicted)
        return position

    def keep(self, position: Position) -> None:
        """Remember the success of a game that the budget ends."""
        self.series.append(len(position.changed))
        self.offer(position)

    def offer(self, position: Position) -> None:
        """Remember a success that needs fewer pixels than any before it."""
        if self.best is None or len(position.changed) < len(self.best.changed):
            self.best, self.best_after = position, self.asked

    def ask(self, images: list[Levels]) -> Doubles:
        """Probabilities (n, classes). Raises OutOfQueriesError beyond the budget."""
        if self.asked + len(images) > self.rules.queries:
            raise OutOfQueriesError
        done = max(self.played / self.rules.simulations, self.asked / self.rules.queries)
        self.note(min(done, 0.99), f"{self.asked} queries, {self.words}")
        self.asked += len(images)
        pixels = levels_to_pixels(torch.from_numpy(np.stack(images)))
        result: Doubles = self.model.probabilities(self.model.logits(pixels)).double().numpy()
        return result


class UniformGame(PixelGame):
    """The control: the same game and budget with pixels from anywhere, so nothing guides it."""

    def spot(self, place: int) -> Pixel:
        """Any pixel, whichever the key point."""
        del place
        row, column = self.rng.integers(self.levels.shape[1:])
        return int(row), int(column)

    def weigh(self, place: int, reward: float) -> None:
        """Nothing is learned about places that are all alike."""


def pixel_after(levels: Levels, change: str) -> Levels:
    """What every pixel would become, (3, H, W)."""
    if change == WHITE:
        return np.full_like(levels, 255)
    if change == FAR:
        return np.where(levels < 255 - levels, 255, 0).astype(np.int16)
    # signed levels: in uint8 they would wrap around
    return np.where(levels < 128, levels + 50, levels - 50).astype(np.int16)
