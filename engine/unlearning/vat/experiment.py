"""Fake users promote an item, and a recommender is trained against them: a simulation.

Zhang et al., "Improving the Shortest Plank: Vulnerability-Aware Adversarial Training for Robust
Recommender System" (2024), https://arxiv.org/abs/2409.17476
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from engine.core.charts.drawing import Drawing
from engine.core.charts.groups import PointGroups
from engine.core.method import Choice, Progress, Slider, defaults, setting
from engine.core.pictures.colors import CATEGORICAL, rgb
from engine.core.result import Pictures, Result, Table
from engine.evaluation.experiment import Claim, ExperimentCase, Figures
from engine.evaluation.kept_experiment import KeptExperiment
from engine.unlearning.vat.factors import (
    Doubles,
    EmbeddingNoise,
    Flags,
    Ints,
    factorized,
    losses,
    triples_of,
    vulnerability,
)
from engine.unlearning.vat.recommender import (
    BANDWAGON,
    RANDOM,
    choices_of,
    fake_users,
    gains,
    ndcg,
    over_strangers,
    ranks_of,
    recall,
    targets_of,
)

CLEAN, PLAIN, APR, VAT = "no attack", "no defense", "APR", "VAT"
SHUFFLED = "VAT, shuffled"
REACHED, RECALL = "targets in the top 50 (T-HR)", "recall in the top 20"
NDCG, GAIN = "NDCG in the top 20", "T-NDCG in the top 50"
REACHED_10, REACHED_20 = "targets in the top 10", "targets in the top 20"
FIT = "good fit and being swayed (correlation)"
SWAYED, NOT_SWAYED = "swayed", "not swayed"
DRAWS = 50  # triples of each user that say how well they are fitted
PART = 4  # users are compared in quarters
THICK = 4  # px of a fake user or a target in the picture

CLAIMS = (
    Claim(
        "With VAT, fake users reach fewer people",
        "a lower T-HR in the top 50 than without defense",
        lambda of: of(PLAIN, REACHED) - of(VAT, REACHED),
    ),
    Claim(
        "It protects better than noise of one size for all (APR)",
        "a lower T-HR than APR's",
        lambda of: of(APR, REACHED) - of(VAT, REACHED),
    ),
    Claim(
        "Or at least about as well",
        "a T-HR at most 2 points above APR's",
        lambda of: of(APR, REACHED) - of(VAT, REACHED) + 0.02,
    ),
    Claim(
        "Recommendations are as good as with APR",
        "a recall at most 1 point below APR's",
        lambda of: of(VAT, RECALL) - of(APR, RECALL) + 0.01,
    ),
    Claim(
        "And as good as without defense",
        "a recall at most 1 point below that without defense",
        lambda of: of(VAT, RECALL) - of(PLAIN, RECALL) + 0.01,
    ),
    Claim(
        "Users who are fitted well are the ones who are swayed",
        "a positive correlation of good fit (a small loss) with being swayed, without defense",
        lambda of: of(PLAIN, FIT),
    ),
    Claim(
        "It matters whose noise is large",
        "a lower T-HR than with the same weights given to other users",
        lambda of: of(SHUFFLED, REACHED) - of(VAT, REACHED),
    ),
)


def quarters(table: Table) -> str:
    """The share of swayed users among those who are fitted best, and worst."""
    swayed = np.array(table.rows)[np.argsort(table["loss"], kind="stable")] == SWAYED
    size = max(1, len(swayed) // PART)
    best, worst = (100 * part.mean() for part in (swayed[:size], swayed[-size:]))
    return (
        f"A simulation: {len(swayed)} users without defense, first seed. With a target in their "
        f"top 10 (swayed): {best:.0f} % of the quarter that is fitted best, {worst:.0f} % of the "
        "quarter that is fitted worst."
    )


SWAYED_USERS = Drawing(
    "users",
    "Who is swayed, by how well they are fitted",
    chart=PointGroups(
        x="loss",
        y="weight",
        looks={NOT_SWAYED: "dots", SWAYED: "dots"},
        height=440,
        x_title="loss of the user (small: fitted well)",
        title="weight of VAT's noise",
    ),
    finding=lambda result: quarters(result["users"]),
)


@dataclass(frozen=True)
class VatExperiment(KeptExperiment):
    """Can a recommender resist fake users who promote an item?

    A simulation: no user is real. Fake users choose five unpopular items, the targets, and besides
    them popular or any items. Matrix factorization (BPR) learns from all. Adversarial training
    moves embeddings against what was learned, by one length for all users (APR), or by more for
    users who are fitted well and less for the others (VAT), because it is the former who take over
    what fake users want. *Targets in the top 50* (T-HR) is the share of genuine users who are shown
    a target that they never chose, the mean over targets; *recall* is the share of a user's later
    choices among the first 20 recommendations. *Swayed* is who has a target among the first 10.
    Controls: no attack, and VAT's weights given to other users. A small matrix and small
    embeddings; attacks that know the recommender are not tried.
    """

    name = "VAT"
    family = "unlearning"
    title = "Fake users in a recommender (VAT)"
    paper = (
        "Zhang et al., Improving the Shortest Plank: Vulnerability-Aware Adversarial Training for "
        "Robust Recommender System (2024), https://arxiv.org/abs/2409.17476"
    )
    question = "Can a recommender resist fake users who promote an item? (a simulation)"
    proof = (
        "tests/engine/unlearning/vat/test_vat.py"
        "::test_every_figure_is_that_of_a_recommender_learned_in_torch_and_counted_user_by_user"
    )
    example = defaults(epochs=6)  # noise begins in the fifth
    data = ("interactions",)
    measures = (REACHED, RECALL, NDCG, REACHED_10, REACHED_20, GAIN, FIT)
    charted = (REACHED, RECALL)
    units = MappingProxyType({FIT: "correlation"})
    axis = "%"
    claims = CLAIMS
    main_drawing = SWAYED_USERS

    seeds: int = setting(
        5,
        Slider(1, 20, 1),
        "Seeds",
        "How often targets and fake users are drawn and all "
        "recommenders learn. One seed decides nothing: a claim is judged by its spread over seeds.",
    )
    fakes: float = setting(
        3.0,
        Slider(0.0, 5.0, 0.5, "%"),
        "Fake users",
        "In percent of the genuine ones; 0 adds none.",
    )
    profile: str = setting(
        BANDWAGON,
        Choice((BANDWAGON, RANDOM)),
        "Profile",
        "What fake users choose beside the "
        "targets: half popular items, so that they resemble many users (bandwagon), or any.",
    )
    epsilon: float = setting(
        0.2,
        Slider(0.0, 1.0, 0.05),
        "ε",
        "By how much embeddings are moved at weight 1; 0 trains "
        "as without defense, and with too much nothing is learned.",
    )
    bound: float = setting(
        2.0,
        Slider(0.5, 4.0, 0.1),
        "λ",
        "VAT's weight of a user who is fitted perfectly; a user "
        "of mean loss has half of it, so that 2 compares with APR.",
    )
    epochs: int = setting(
        40,
        Slider(1, 100, 1),
        "Epochs",
        "How often each choice is learned from. Noise begins in the fifth.",
    )

    def conditions(self, case: ExperimentCase) -> Mapping[str, EmbeddingNoise]:  # noqa: ARG002
        """Without attack, without defense, with APR, VAT, and VAT's weights given to others."""
        return {
            CLEAN: EmbeddingNoise(),
            PLAIN: EmbeddingNoise(),
            APR: EmbeddingNoise(self.epsilon, None),
            VAT: EmbeddingNoise(self.epsilon, self.bound),
            SHUFFLED: EmbeddingNoise(self.epsilon, self.bound, shuffled=True),
        }

    def attack(self, train: Flags, seed: int) -> tuple[Ints, Flags]:
        """The targets, and what fake users choose, (fake users, items)."""
        rng = np.random.default_rng([seed, 55])
        targets = targets_of(train, rng)
        count = round(self.fakes / 100 * len(train))
        return targets, fake_users(train, targets, count, self.profile, rng)

    def condition(
        self, name: str, case: ExperimentCase, progress: Progress
    ) -> tuple[Figures, Result]:
        """Those of targets and genuine users' later choices; without defense, who was swayed."""
        choices = choices_of(case.data)
        targets, fakes = self.attack(choices.train, case.seed)
        observed = choices.train if name == CLEAN else np.concatenate([choices.train, fakes])
        noise = self.conditions(case)[name]
        users, items = factorized(observed, noise, self.epochs, case.seed, progress)
        genuine = len(choices.train)
        ranks, every = ranks_of(users[:genuine] @ items.T, choices.seen), choices.every
        loss = fit_of(users, items, observed, case.seed)
        swayed: Flags = np.asarray(((ranks <= 10) & ~every)[:, targets].any(1))
        weights = vulnerability(loss, self.bound)[:genuine]
        people = Table.of(
            {"loss": (loss[:genuine], ""), "weight": (weights, "")},
            [SWAYED if is_swayed else NOT_SWAYED for is_swayed in swayed],
        )
        figures = {
            REACHED: over_strangers(ranks <= 50, targets, every),
            RECALL: recall(ranks, choices.test, 20),
            NDCG: ndcg(ranks, choices.test, 20),
            REACHED_10: over_strangers(ranks <= 10, targets, every),
            REACHED_20: over_strangers(ranks <= 20, targets, every),
            GAIN: over_strangers(gains(ranks, 50), targets, every),
            FIT: correlation(-loss[:genuine], swayed),
        }
        return figures, {"users": people} if name == PLAIN else {}

    def picture(self, case: ExperimentCase) -> Pictures:
        """What users chose, and the same with fake users below and the targets marked."""
        choices = choices_of(case.data)
        targets, fakes = self.attack(choices.train, case.seed)
        fake_rows = fakes.repeat(THICK, 0)
        plain, attacked = (
            np.full((len(choices.train) + len(fake_rows), choices.train.shape[1], 3), 255, np.uint8)
            for _ in range(2)
        )
        blue, orange = (rgb(CATEGORICAL[place]) for place in (0, 1))
        for image in (plain, attacked):
            image[: len(choices.train)][choices.every] = blue
        attacked[len(choices.train) :][fake_rows] = orange
        for target in targets:
            place = slice(max(0, target - THICK // 2), target + THICK // 2)
            attacked[:: 2 * THICK, place] = orange
        return Pictures(
            np.stack([plain, attacked])[None],
            ("",),
            ("what users chose", "with fake users"),
            f"A simulation. {len(choices.train)} users (rows) and {choices.train.shape[1]} items "
            f"(columns), both by interest. {len(fakes)} fake users (orange, below, drawn "
            f"{THICK} times as high) choose {len(targets)} targets (dashed) and more.",
        )

    def before(self, case: ExperimentCase) -> str:
        """That it is a simulation, and what is compared."""
        return f"A simulation with invented users. {super().before(case)}"


def fit_of(users: Doubles, items: Doubles, observed: Flags, seed: int) -> Doubles:
    """The mean loss of each user, fake ones too, on as many triples of each, (users,)."""
    rng = np.random.default_rng([seed, 56])
    user_rows = np.arange(len(observed)).repeat(DRAWS)
    user, chosen, other = triples_of(observed, user_rows, rng)
    loss = losses(np.stack([users[user], items[chosen], items[other]]))
    return np.asarray(loss.reshape(len(observed), DRAWS).mean(1))


def correlation(values: Doubles, flags: Flags) -> float:
    """Of numbers with yes and no; NaN where all are alike."""
    if not flags.any() or flags.all() or np.ptp(values) == 0:
        return float("nan")
    return float(np.corrcoef(values, flags)[0, 1])
