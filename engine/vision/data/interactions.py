"""Users who choose items: simulated, with the interest that drives each user known.

Users and items belong to groups of interest. A user mostly chooses items of their own group, by
popularity, and others now and then; how much so differs from user to user.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.method import Progress, Slider, quiet, setting
from engine.vision.data.dataset import DataCard, DataSet, stratified
from engine.vision.data.recipe import DataRecipe, seed_setting

FEWEST, MOST = 20, 40  # items that a user chooses
FOCUS = (0.5, 0.95)  # chance that a choice is of the user's own group, uniform over users
TAIL = 0.7  # popularity of the n-th item of a group: n to the power −0.7
WIDTH = 20  # items side by side in a user's image


@dataclass(frozen=True)
class Interactions(DataRecipe):
    """A user is an image: items in a grid, white where they were chosen. The class is the interest.

    Its truth "turn" (users, items) says in which turn an item was chosen, from 1, or 0 for never;
    "focus" (users,) is the chance that a choice is of the user's own interest.
    """

    word = "interactions"
    title = "Simulated users and items"
    card = DataCard(
        title,
        about="300 invented users, each with 20 to 40 of 400 items; the class is the user's "
        "interest.",
        made="Drawn from groups of interest and a popularity that falls with rank; no user is "
        "real.",
        license="of this project",
        truth="the turn in which each item was chosen (turn), how much each user keeps to their "
        "interest (focus)",
    )

    count: int = setting(300, Slider(60, 1000, 20), "Users", "How many.")
    items: int = setting(400, Slider(200, 1000, 20), "Items", "How many there are to choose from.")
    groups: int = setting(6, Slider(2, 12, 1), "Interests", "Groups of users and of items.")
    seed: int = seed_setting()

    def make(self, progress: Progress = quiet) -> DataSet:
        """The users. Turns are drawn: tastes do not change with time."""
        progress(0.0, "drawing users")
        rng = np.random.default_rng([self.seed, 48])
        interest = np.arange(self.count) * self.groups // self.count
        kind = np.arange(self.items) * self.groups // self.items
        focus = rng.uniform(*FOCUS, self.count)
        chances = self.chances(rng, interest, kind, focus)
        choice_counts = rng.integers(FEWEST, MOST + 1, self.count)
        keys = np.log(chances) + rng.gumbel(size=chances.shape)  # the largest: drawn one by one
        turn = np.zeros(chances.shape, np.int16)
        for user, count in enumerate(choice_counts):
            chosen = np.argsort(-keys[user])[:count]
            # not in the order of the keys, in which popular items tend to come first
            turn[user, rng.permutation(chosen)] = np.arange(1, count + 1)
        height = -(-self.items // WIDTH)
        images = np.zeros((self.count, height * WIDTH), np.uint8)
        images[:, : self.items][turn > 0] = 255
        return DataSet(
            name=self.name,
            card=self.card,
            classes=tuple(f"interest {group + 1}" for group in range(self.groups)),
            images=images.reshape(self.count, 1, height, WIDTH),
            labels=interest,
            ids=np.arange(self.count),
            split=stratified(interest, (0.5, 0.25, 0.25), self.seed),
            truth={"turn": turn, "focus": focus},
        )

    def chances(
        self,
        rng: np.random.Generator,
        interest: NDArray[np.int64],
        kind: NDArray[np.int64],
        focus: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Each user's chance to choose each item first, (users, items); every row sums to 1."""
        popular = np.empty(self.items)
        for group in range(self.groups):
            members = np.flatnonzero(kind == group)
            popular[rng.permutation(members)] = np.arange(1, len(members) + 1) ** -TAIL
        inside = interest[:, None] == kind
        within, beyond = popular * inside, popular * ~inside
        return np.asarray(
            focus[:, None] * within / within.sum(1, keepdims=True)
            + (1 - focus[:, None]) * beyond / beyond.sum(1, keepdims=True)
        )
