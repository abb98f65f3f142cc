"""What a representation leaks, the attacker's controls, and both as pictures and tables."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.pictures.colors import CATEGORICAL, rgb
from engine.core.result import Pictures, Table
from engine.unlearning.eng.claims import AUC, ENTROPY, TASK, U
from engine.unlearning.eng.gradient_matching import FairVictim, MatchedPoison, bounds, fisher
from engine.unlearning.eng.rows import Doubles, FairRows, FairTable, shifted

NEAR = 0.1  # standard deviations, of an anchor's copies
SIDE, SPAN, DOT = 160, 3.2, 1  # px; standard deviations from the middle to an edge; px
BINS, TALL = 24, 72  # of a column's histogram, and its px
PICTURED_COLUMNS = 8  # columns in the picture
GROUPS = np.array([rgb(CATEGORICAL[0]), rgb(CATEGORICAL[1])], np.uint8)  # colors of 0 and 1
COLORS = "Blue: group 0; orange: group 1."

Image = NDArray[np.uint8]


def leaking(victim: FairVictim, table: FairTable) -> dict[str, float]:
    """How well a fresh probe tells the group of test rows, and U on them.

    The probe is a logistic regression on z and on products of two of its coordinates. It learns
    from the clean training rows.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss, roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    probe = make_pipeline(
        StandardScaler(),
        # the penalty brings means together alone: spreads may still tell, to no linear probe
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        LogisticRegression(max_iter=1000),
    )
    probe.fit(victim.represented(table.train).numpy(), table.train.group.numpy())
    z, group = victim.represented(table.test), table.test.group.numpy()
    probabilities = probe.predict_proba(z.numpy())[:, 1]
    base_rate = np.full(len(group), group.mean())
    return {
        AUC: float(roc_auc_score(group, probabilities)),
        # over the entropy of the group itself: 1 is guessing, however uneven the groups are
        ENTROPY: float(log_loss(group, probabilities) / log_loss(group, base_rate)),
        U: fisher(z, table.test.group).item(),
    }


def anchored(table: FairTable, count: int, rng: np.random.Generator) -> FairRows:
    """So many copies around one row of each group, whose task is the other one than its group.

    The copies' task is their group (Mehrabi et al. 2021, random anchors).
    """
    rows, low, high = table.train, *table.ends
    anchors = [
        rng.choice(
            np.flatnonzero(((rows.group == group_label) & (rows.task == 1 - group_label)).numpy())
        )
        for group_label in (0, 1)
    ]
    near = rows.take(np.resize(np.array(anchors), count))
    noise = NEAR * torch.from_numpy(rng.normal(size=near.values.shape)) * table.numeric
    values = torch.minimum(torch.maximum(near.values + noise, low), high)
    return FairRows(values, near.group.clone(), near.group)


def scattered(table: FairTable, poison: MatchedPoison, rng: np.random.Generator) -> list[FairRows]:
    """The poison of each turn with each row's shifts at other columns and with other signs."""
    low, high = bounds(table, poison.rows)
    mixed = (mixed_up(delta, table.numeric, rng) for delta in poison.deltas)
    inside = (torch.minimum(torch.maximum(delta, low), high) for delta in mixed)
    return [shifted(poison.rows, delta) for delta in inside]


def mixed_up(delta: Tensor, numeric: Tensor, rng: np.random.Generator) -> Tensor:
    """Each row's shifts (P, D) at other numeric columns and with other signs, drawn."""
    columns = np.flatnonzero(numeric.numpy())
    block = delta.numpy()[:, columns]
    result = np.zeros(delta.shape)
    result[:, columns] = rng.permuted(block, axis=1) * rng.choice([-1.0, 1.0], block.shape)
    return torch.from_numpy(result)


def by_columns(table: FairTable, delta: Tensor) -> Table:
    """How far poison shifts each column of numbers, and the share of rows that it does not."""
    mean_shift, unshifted_share = delta.abs().mean(0).numpy(), (delta == 0).double().mean(0).numpy()
    numeric = table.numeric.numpy()
    columns = {
        "mean shift": (mean_shift[numeric], "standard deviations"),
        "rows not shifted": (unshifted_share[numeric], "share"),
    }
    return Table.of(columns, [name for name, on in zip(table.columns, numeric, strict=True) if on])


def shares_table(shares: Sequence[float], tables: Sequence[Table]) -> Table:
    """Figures by the share of poison; each table has one row, for one share."""
    columns = {"poison": (np.array(shares), "share")}
    for name in (AUC, ENTROPY, TASK, U):
        values = np.concatenate([table[name] for table in tables])
        columns[name] = values, "" if name == U else "share"
    return Table.of(columns)


def plane_picture(name: str, victim: FairVictim, table: FairTable) -> Pictures:
    """The picture of a representation; see `plane`."""
    words = (
        f"Test rows in the representation: across, where the groups are farthest apart; up, the "
        f"task. {COLORS} Mixed colors hide the group."
    )
    return Pictures(plane(victim, table)[None, None], ("",), (name,), words)


def plane(victim: FairVictim, table: FairTable) -> Image:
    """Test rows as dots (SIDE, SIDE, 3), along Fisher's direction and the task's."""
    z, groups = victim.represented(table.train).numpy(), table.train.group.numpy()
    across = direction(z, groups)
    with torch.no_grad():
        up = victim.head.weight[0].numpy()
    test = victim.represented(table.test).numpy()
    places = np.stack([-test @ up, test @ across], 1)
    places = (places - places.mean(0)) / np.maximum(places.std(0), 1e-12)
    pixels = np.clip(np.rint((places / SPAN + 1) / 2 * (SIDE - 1)), DOT, SIDE - 1 - DOT)
    image = np.full((SIDE, SIDE, 3), 255, np.uint8)
    for (row, column), group in zip(pixels.astype(int), table.test.group.numpy(), strict=True):
        image[row - DOT : row + DOT + 1, column - DOT : column + DOT + 1] = GROUPS[int(group)]
    return image


def direction(z: Doubles, group: Doubles) -> Doubles:
    """Fisher's direction, in which group 1 lies to the right."""
    parts = [z[group == group_label] for group_label in (0, 1)]
    within = np.sum([np.cov(part.T, bias=True) for part in parts], 0)
    ridge = 1e-6 * np.trace(within) / len(within) + 1e-12
    gap = parts[1].mean(0) - parts[0].mean(0)
    return np.asarray(np.linalg.solve(within + ridge * np.eye(len(within)), gap))


def columns_apart(table: FairTable) -> Pictures:
    """Histograms of the columns that differ most, by group and by task."""
    rows = table.train
    flags = {"by group": rows.group, "by task": rows.task}
    gaps = {
        name: (rows.values[flag == 1].mean(0) - rows.values[flag == 0].mean(0)).abs().numpy()
        for name, flag in flags.items()
    }
    chosen = np.sort(np.argsort(-np.maximum(*gaps.values()), kind="stable")[:PICTURED_COLUMNS])
    images = [
        [histogram(rows.values[:, at].numpy(), flag.numpy() > 0) for at in chosen]
        for flag in flags.values()
    ]
    widest: Mapping[str, str] = {
        name: table.columns[int(gap.argmax())] for name, gap in gaps.items()
    }
    return Pictures(
        np.array(images),
        tuple(flags),
        tuple(table.columns[at] for at in chosen),
        f"Training rows of {table.about}. Blue: group or task 0; orange: 1. The group differs most "
        f"in “{widest['by group']}”, the task in “{widest['by task']}”.",
    )


def histogram(column: Doubles, flags: NDArray[np.bool_]) -> Image:
    """Two histograms (TALL, 4 · BINS, 3) over each other, where both are high in a mixed color."""
    edges = np.linspace(-SPAN, SPAN, BINS + 1)
    counts = [
        np.histogram(column[flags == flag], edges)[0] / (flags == flag).sum()
        for flag in (False, True)
    ]
    highest = max(float(count.max()) for count in counts) or 1.0
    below = np.arange(TALL)[::-1, None]
    image = np.full((TALL, BINS, 3), 255.0)
    for heights, color in zip(counts, GROUPS, strict=True):
        filled = below < np.rint(heights / highest * (TALL - 2))
        image[filled] = 0.45 * image[filled] + 0.55 * color
    return np.rint(image.repeat(4, 1)).astype(np.uint8)
