"""Poison it yourself: training images are added or relabeled, and networks they reach vote again.

Each network that a poison reaches is trained again on what it has then, so that the votes are those
of a real attack. Beside it stands the worst that could be: every network that is reached votes as
the attacker likes. A certificate is about that worst case.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core.method import Choice, Progress, Slider, defaults, part_of, quiet, setting
from engine.core.result import Pictures, Result, Table
from engine.core.run import answer
from engine.evaluation.experiment import ExperimentCase
from engine.unlearning.roe.attacks import (
    Poison,
    against,
    landing,
    relabeled,
    sort_rows,
    with_poisons,
)
from engine.unlearning.roe.ballots import recipe, vote
from engine.unlearning.roe.bounds import ROE, SCHEMES
from engine.unlearning.roe.certificates import (
    PAPER,
    STORED_BALLOTS,
    Certificates,
    Voters,
    ballots_about,
    election_table,
    partition_rows,
)
from engine.unlearning.roe.drawings import DRAWINGS
from engine.unlearning.roe.election import Ballots, hold
from engine.unlearning.roe.partitions import Partitions, digests_of

ADD, FLIP = WAYS = ("add", "relabel")
PICTURED_POISONS = 8  # poisons in the picture
CERTIFIED = 0.3  # share of the progress until the ballots before are there


@dataclass(frozen=True)
class PoisonVotes(Voters):
    """Training images are poisoned one by one, and the votes about one test image are recounted.

    The attacker knows everything. *Add*: copies of the test image under a wrong label, each with
    one pixel changed, so that it lands in a chosen bucket. *Relabel*: the training image of the
    bucket that is most like the test image gets the wrong label. Buckets whose networks are surest
    of the answer come first, and the wrong label is the rival that the certificate names. The
    networks that a poison reaches are trained again; no bit of the others changes. The worst case
    stands beside it: there each network that is reached puts the rival first and the answer last.
    """

    name = "PoisonVotes"
    family = "unlearning"
    title = "Poison the training images"
    cost = "job"
    paper = PAPER
    proof = (
        "tests/engine/unlearning/roe/test_poisoning.py"
        "::test_votes_are_those_of_networks_trained_on_the_poisoned_images"
    )
    example = defaults(partitions=5, spread=2, shown=8, count=3)
    drawings = DRAWINGS
    argument_defaults = defaults(data="mnist-5k")

    scheme: str = setting(ROE, Choice(SCHEMES), "Election", "How the votes are counted.")
    image: int = setting(
        0, Slider(0, STORED_BALLOTS - 1, 1), "Test image", "Which of the test images is attacked."
    )
    way: str = setting(
        ADD,
        Choice(WAYS),
        "Poison",
        "Add copies of the test image under a wrong label, or give training images a wrong label.",
    )
    count: int = setting(20, Slider(1, 60, 1), "Poisons", "How many training images are poisoned.")

    @property
    def certificates(self) -> Certificates:
        """The certificates that the poisons are held against."""
        shared = {name: getattr(self, name) for name in Certificates().settings()}
        return Certificates(**shared)

    def __call__(self, case: ExperimentCase, progress: Progress = quiet) -> Result:
        """Views: steps, ballots, poisons, outcome.

        Steps has a row for each number of poisons, from none: votes for the answer and for the
        rival, the share of networks that put the answer above the rival, what is said then, and
        what would be said in the worst case. Ballots has both rounds before and after. Outcome:
        answer, rival, certificate, how many poisons there are.
        """
        certified = answer(self.certificates, case, part_of(progress, 0.0, CERTIFIED))
        before = ballots_about(certified, self.scheme, self.image)
        says, rival, radius = (
            int(certified["images"][f"{self.scheme}, {name}"][self.image])
            for name in ("says", "rival", "radius")
        )
        row = int(self.asked(case)[self.image])
        partitions = self.parts(self.scheme)
        poisons = self.poisons(case, partitions, before, row, (says, rival))
        part = part_of(progress, CERTIFIED, 1.0, lead="training again")
        after = self.after(case, partitions, poisons, rival, row, part) if poisons else {}
        steps, last_ballots = self.steps(partitions, before, poisons, after, (says, rival))
        progress(1.0, "counted")
        names = case.data.classes
        tables = election_table(before, names), election_table(last_ballots, names)
        both = {
            f"{name}, {when}": (table[name], unit)
            for when, table in zip(("before", "after"), tables, strict=True)
            for name, unit in zip(table.order, table.units, strict=True)
        }
        outcome = {"answer": says, "rival": rival, "certificate": radius, "poisons": len(poisons)}
        views: dict[str, Any] = {
            "steps": steps,
            "ballots": Table.of(both, names),
            "outcome": Table.of({name: ([figure], "") for name, figure in outcome.items()}),
        }
        if poisons:
            views["poisons"] = pictures(poisons, names[rival], self.way)
        return views

    def poisons(
        self,
        case: ExperimentCase,
        own: Partitions,
        before: Ballots,
        row: int,
        classes: tuple[int, int],
    ) -> list[Poison]:
        """The poisons, the strongest first; fewer where no image is left to be relabeled."""
        says, rival = classes
        class_places = before[:, 0].astype(np.int64)
        # places differ by less than the classes: taking a first vote away always outweighs them
        power = (class_places[:, rival] - class_places[:, says]) + len(case.data.classes) * (
            class_places[:, says] == 0
        )
        bucket_powers = [
            sum(power[network] for network in own.reached(bucket)) for bucket in range(own.networks)
        ]
        order = np.argsort(-np.array(bucket_powers), kind="stable").tolist()
        if self.way == FLIP:
            return relabeled(case, own, order, row, classes)[: self.count]
        image, rng = case.data.images[row], np.random.default_rng([case.seed, 59])
        chosen = order[: self.count]
        copies = landing(image, own, chosen, case.seed, rng)
        return [Poison(bucket, copies[bucket], None) for bucket in chosen if bucket in copies]

    def after(
        self,
        case: ExperimentCase,
        own: Partitions,
        poisons: list[Poison],
        rival: int,
        row: int,
        progress: Progress,
    ) -> dict[tuple[int, int], Ballots]:
        """Ballots by (number of poisons, network) of each network when a poison reached it."""
        data = with_poisons(case.data, poisons, rival)
        digests = digests_of(data.images, case.seed)
        rows = partition_rows(case.data, own, case.seed)
        events, row_lists = [], []
        for number, poison in enumerate(poisons, 1):
            for network in own.reached(poison.bucket):
                poison_places = [
                    place
                    for place, poison in enumerate(poisons[:number])
                    if network in own.reached(poison.bucket)
                ]
                # a relabeled image leaves and comes back as a rival, to the same bucket
                replaced_rows = [
                    poisons[place].row for place in poison_places if poisons[place].row is not None
                ]
                remaining = np.setdiff1d(rows[network], np.array(replaced_rows, np.int64))
                added = np.array(poison_places, np.int64) + len(case.data)
                events.append((number, network))
                # in the order in which a certificate's network would be shown the same images
                row_lists.append(
                    sort_rows(np.concatenate([remaining, added]), digests, data.labels)
                )
        seeds = self.seeds(case, own.networks)
        ballots = vote(
            data,
            row_lists,
            [seeds[network] for _, network in events],
            np.array([row]),
            recipe(self.epochs),
            self.shown,
            progress,
        )
        return {event: ballots[at] for at, event in enumerate(events)}

    def steps(
        self,
        own: Partitions,
        before: Ballots,
        poisons: list[Poison],
        after: Mapping[tuple[int, int], Ballots],
        classes: tuple[int, int],
    ) -> tuple[Table, Ballots]:
        """Both lines, poison by poison, and the ballots at the end."""
        now, worst = before.copy(), before.copy()
        rows = [self.row(now, worst, classes)]
        for number, poison in enumerate(poisons, 1):
            for network in own.reached(poison.bucket):
                now[network] = after[number, network]
                worst[network] = against(before[network], *classes)
            rows.append(self.row(now, worst, classes))
        names = ("answer", "rival", "above", "says", "worst answer", "worst rival", "worst says")
        units = ("networks", "networks", "share", "", "networks", "networks", "")
        columns: dict[str, tuple[Any, str]] = {"poisons": (np.arange(len(rows)), "")}
        columns |= {
            name: (np.array(column), unit)
            for name, column, unit in zip(names, zip(*rows, strict=True), units, strict=True)
        }
        return Table.of(columns), now

    def row(self, now: Ballots, worst: Ballots, classes: tuple[int, int]) -> tuple[float, ...]:
        """One number of poisons: votes, run-off and outcome; the same in the worst case."""
        says, rival = classes
        results: list[float] = []
        for ballots, share in ((now, True), (worst, False)):
            election = hold(ballots)
            results += [int(election.votes[0, says]), int(election.votes[0, rival])]
            if share:
                results.append(float((ballots[:, 0, says] < ballots[:, 0, rival]).mean()))
            elected = election.winner if "ROE" in self.scheme else election.first
            results.append(int(elected[0]))
        return tuple(results)

    def finding(self, case: ExperimentCase, result: Mapping[str, Any]) -> str:
        """Whether the answer held, and what the certificate had promised."""
        outcome: Table = result["outcome"]
        says, radius, count = (int(outcome[key][0]) for key in ("answer", "certificate", "poisons"))
        steps: Table = result["steps"]
        names = case.data.classes
        now = int(steps["says"][-1])
        moved = f"votes for {names[says]} {steps['answer'][0]:.0f} → {steps['answer'][-1]:.0f}"
        promised = (
            f"no {radius} poisons can change it"
            if count <= radius
            else f"the certificate ends at {radius}"
        )
        end = f"still {names[says]}" if now == says else f"now {names[now]}"
        return f"After {count} poisons the answer is {end} ({moved}): {promised}."


def pictures(poisons: list[Poison], label: str, way: str) -> Pictures:
    """The first poisons, with the label under which they are learned."""
    pictured = poisons[:PICTURED_POISONS]
    images = np.stack([poison.image.transpose(1, 2, 0) for poison in pictured])[None]
    action = "added" if way == ADD else "relabeled"
    return Pictures(
        images,
        ("",),
        tuple(f"poison {place + 1}" for place in range(len(pictured))),
        f"{len(poisons)} training images are {action}, all of them labeled {label}.",
    )
