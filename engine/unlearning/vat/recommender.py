"""What a recommender is attacked with, and what its recommendations are worth."""

from dataclasses import dataclass

import numpy as np

from engine.core.errors import BadData
from engine.unlearning.vat.factors import Doubles, Flags, Ints
from engine.vision.data import DataSet

BANDWAGON, RANDOM = "bandwagon", "random"
PROFILE = 30  # items of a fake user
TARGETS = 5  # items that the attack is to promote
UNPOPULAR = 0.25  # they are among so large a share of the items, those least often chosen
POPULAR = 0.1  # half of the rest of a bandwagon profile is among so many, those most often chosen
TRAIN, TEST = 7, 2  # tenths of a user's choices: the first, and the last; between them, validation


@dataclass(frozen=True, eq=False)
class UserChoices:
    """What each user chose, in parts by its turn; all are (users, items)."""

    train: Flags
    validation: Flags
    test: Flags

    @property
    def seen(self) -> Flags:
        """What is not recommended any more."""
        return self.train | self.validation

    @property
    def every(self) -> Flags:
        """All of it."""
        return self.seen | self.test


def choices_of(data: DataSet) -> UserChoices:
    """The first 70 % of each user's choices, the next 10 %, the last 20 %.

    Raises:
        BadData: the data set has no users who choose items.
    """
    if "turn" not in data.truth:
        raise BadData(
            f"{data.card.title} has no users who choose items: take the simulated users "
            "(interactions)."
        )
    turn = data.truth["turn"].astype(np.int64)
    choice_counts = turn.max(1, keepdims=True)
    # in whole numbers: as a float, 90 × 0.7 is 62.999…
    train = choice_counts * TRAIN // 10
    test = choice_counts - choice_counts * TEST // 10
    chosen = turn > 0
    return UserChoices(
        chosen & (turn <= train), chosen & (turn > train) & (turn <= test), turn > test
    )


def by_popularity(train: Flags) -> Ints:
    """All items, those chosen least often first."""
    return np.argsort(train.sum(0), kind="stable")


def targets_of(train: Flags, rng: np.random.Generator) -> Ints:
    """The unpopular items that are to be promoted, drawn."""
    return rng.permutation(by_popularity(train)[: round(UNPOPULAR * train.shape[1])])[:TARGETS]


def fake_users(
    train: Flags, targets: Ints, count: int, profile: str, rng: np.random.Generator
) -> Flags:
    """Users who choose all targets and some other items, (count, items).

    Args:
        train: what genuine users chose, as far as an attacker sees it.
        targets: items to promote.
        count: how many fake users.
        profile: BANDWAGON fills half of the rest with popular items, RANDOM with any.
        rng: draws.
    """
    items = train.shape[1]
    popular = by_popularity(train)[-round(POPULAR * items) :]
    profiles = np.zeros((count, items), np.bool_)
    for fake_profile in profiles:
        fake_profile[targets] = True
        if profile == BANDWAGON:
            fake_profile[rng.permutation(popular)[: (PROFILE - len(targets)) // 2]] = True
        rest = rng.permutation(np.flatnonzero(~fake_profile))
        fake_profile[rest[: PROFILE - fake_profile.sum()]] = True
    return profiles


def ranks_of(scores: Doubles, is_rated: Flags) -> Ints:
    """Which place each item has for each user, from 1; what was seen comes last."""
    # seen items are neither recommended nor in the way of others
    ordered = np.argsort(np.where(is_rated, np.inf, -scores), axis=1, kind="stable")
    ranks = np.empty_like(ordered)
    np.put_along_axis(ranks, ordered, np.arange(1, scores.shape[1] + 1)[None], axis=1)
    return ranks


def gains(ranks: Ints, most: int) -> Doubles:
    """What an item at each place is worth: 1 / log₂(place + 1), and 0 beyond the first `most`."""
    return np.where(ranks <= most, 1 / np.log2(ranks + 1), 0.0)


def recall(ranks: Ints, test: Flags, most: int) -> float:
    """Share of a user's test items among their first `most`, the mean over users with any."""
    rows = test.any(1)
    hits = (ranks <= most) & test
    return float((hits[rows].sum(1) / test[rows].sum(1)).mean())


def ndcg(ranks: Ints, test: Flags, most: int) -> float:
    """Gains of a user's test items beside those if they came first, the mean over users."""
    rows = test.any(1)
    # a user with fewer test items than places cannot gain in all of them
    best = gains(np.arange(1, most + 1), most).cumsum()
    ideal = best[np.minimum(test[rows].sum(1), most) - 1]
    return float(((gains(ranks[rows], most) * test[rows]).sum(1) / ideal).mean())


def over_strangers(values: Doubles | Flags, targets: Ints, every: Flags) -> float:
    """The mean over targets of a figure's mean over the users who did not choose the target.

    Args:
        values: (users, items).
        targets: the items.
        every: what each user chose at any time.
    """
    # whoever chose a target by themselves was not swayed
    unchosen = ~every[:, targets]
    summed = (values[:, targets] * unchosen).sum(0)
    return float((summed / np.maximum(unchosen.sum(0), 1)).mean())
