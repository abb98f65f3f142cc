"""How much should be masked? Bag AUC and key tiles found over r_h, beside the plain networks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.attribution.mhim.bags import bags_of
from engine.attribution.mhim.case import BagsCase
from engine.attribution.mhim.methods import ABMIL, MHIM, MHIM2, POOLINGS, BagMining, recipe
from engine.attribution.mhim.mining import learn
from engine.attribution.mhim.scores import MEASURES, evaluate_bags, figures
from engine.core.method import Choice, Method, Progress, Slider, defaults, part_of, quiet, setting
from engine.core.result import Result, Table

RATIOS = (0.0, 0.02, 0.05, 0.1, 0.15)
VERSIONS: Mapping[str, type[BagMining]] = {"v1": MHIM, "v2": MHIM2}


@dataclass(frozen=True)
class MaskedRatio(Method[BagsCase]):
    """What masking more tiles does to the bag's label and to the key tiles that are found.

    For each share r_h a student is trained, with each of several seeds; the other settings are the
    usual ones. Lines are means over the seeds; the plain networks, which mask nothing, are
    horizontal lines. One share is not above another unless their bands (one standard deviation
    over the seeds) stay apart.
    """

    name = "MaskedRatio"
    family = "attribution"
    title = "How much to mask"
    cost = "job"
    paper = MHIM.paper
    proof = (
        "tests/engine/attribution/mhim/test_ratio.py"
        "::test_each_point_is_the_mean_of_trainings_made_by_hand"
    )
    example = defaults(epochs=1, seeds=2)

    version: str = setting(
        "v1", Choice(tuple(VERSIONS)), "Version", "Of MHIM-MIL, at its usual settings."
    )
    epochs: int = setting(
        40, Slider(1, 200, 1), "Epochs", "How often each network is shown every training bag."
    )
    seeds: int = setting(
        3, Slider(1, 10, 1), "Seeds", "How often each is trained; one seed decides nothing."
    )

    def __call__(self, case: BagsCase, progress: Progress = quiet) -> Result:
        """Views: curve, a row for each r_h; runs, every figure; plain, those of other networks."""
        bags = bags_of(case, part_of(progress, 0.0, 0.05))
        rows, how = bags.slides.rows("test"), recipe(self.epochs)
        runs: list[dict[str, Any]] = []
        steps = self.seeds * (len(POOLINGS) + len(RATIOS))

        def told(words: str) -> Progress:
            done = 0.05 + 0.95 * len(runs) / steps
            return part_of(progress, done, done + 0.95 / steps, lead=words)

        for seeded in (replace(case, seed=case.seed + offset) for offset in range(self.seeds)):
            plain = None
            for name, pooling in POOLINGS.items():
                plain = learn(seeded, bags, how, pooling, progress=told(name)).model
                run_figures = figures(evaluate_bags(plain, bags, rows), bags, rows)
                runs.append({"name": name, "seed": seeded.seed, "ratio": np.nan, **run_figures})
            for ratio in RATIOS:
                mining = VERSIONS[self.version](high=ratio).mining()
                trained = learn(
                    seeded, bags, how, how=mining, begins=plain, progress=told(f"r_h {ratio:g}")
                )
                run_figures = figures(evaluate_bags(trained.model, bags, rows), bags, rows)
                runs.append(
                    {"name": self.version, "seed": seeded.seed, "ratio": ratio, **run_figures}
                )
        progress(1.0, "measured")
        return {"curve": curve(runs), "plain": plain_networks(runs), "runs": figure_table(runs)}

    def finding(self, case: BagsCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """The share with most hard key tiles, if it differs from none, and plain attention."""
        table: Table = result["curve"]
        if np.isnan(table["hard ones"]).all():
            return "No key tile of the test bags is known to be hard: only the bag AUC can be read."
        best, hard = int(np.nanargmax(table["hard ones"])), 100 * table["hard ones"]
        plain = f"plain attention {100 * result['plain'].cell(ABMIL, 'hard ones'):.0f} %"
        if len(np.unique(result["runs"]["seed"])) < 2:
            return (
                f"One seed decides nothing: {hard[best]:.0f} % of the hard key tiles are found at "
                f"{100 * RATIOS[best]:.0f} %, {hard[0]:.0f} % at 0 %; {plain}."
            )
        if not best or table["hard ones, low"][best] <= table["hard ones, high"][0]:
            return (
                f"Masking the highest tiles makes no clear difference: {hard[best]:.0f} % of the "
                f"hard key tiles are found at {100 * RATIOS[best]:.0f} %, {hard[0]:.0f} % at 0 %; "
                f"{plain}."
                if best
                else f"Masking the highest tiles finds no more of the hard ones: {hard[0]:.0f} % "
                f"at 0 %; {plain}."
            )
        return (
            f"Most hard key tiles are found when {100 * RATIOS[best]:.0f} % of the tiles are "
            f"masked at first: {hard[best]:.0f} %, with {plain}."
        )


def of_runs(runs: list[dict[str, Any]], measure: str) -> tuple[float, float]:
    """Mean and standard deviation over seeds; the latter 0 with one seed."""
    values = np.array([run[measure] for run in runs])
    # seeds are a small sample of all seeds, hence ddof 1
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0


def curve(runs: list[dict[str, Any]]) -> Table:
    """A row for each r_h: the student's figures, with a band, and those of the plain networks."""
    columns: dict[str, tuple[Any, str]] = {"masked": (RATIOS, "share")}
    for measure in MEASURES:
        means_and_spreads = [
            of_runs([run for run in runs if run["ratio"] == r], measure) for r in RATIOS
        ]
        mean, spread = np.array(means_and_spreads).T
        columns[measure] = mean, "share"
        columns |= {
            f"{measure}, low": (mean - spread, "share"),
            f"{measure}, high": (mean + spread, "share"),
        }
        for name in POOLINGS:
            plain_mean, _ = of_runs([run for run in runs if run["name"] == name], measure)
            columns[f"{measure}, {name}"] = np.full(len(RATIOS), plain_mean), "share"
    return Table.of(columns)


def plain_networks(runs: list[dict[str, Any]]) -> Table:
    """Mean and spread of the networks that mask nothing."""
    columns: dict[str, tuple[Any, str]] = {}
    for measure in MEASURES:
        every = [of_runs([run for run in runs if run["name"] == n], measure) for n in POOLINGS]
        columns[measure] = [mean for mean, _ in every], "share"
        columns[f"{measure} (sd)"] = [spread for _, spread in every], "share"
    return Table.of(columns, list(POOLINGS))


def figure_table(runs: list[dict[str, Any]]) -> Table:
    """Every figure."""
    columns: dict[str, tuple[Any, str]] = {"seed": ([run["seed"] for run in runs], "")}
    columns["masked"] = [run["ratio"] for run in runs], "share"
    columns |= {measure: ([run[measure] for run in runs], "share") for measure in MEASURES}
    return Table.of(columns, [run["name"] for run in runs])
