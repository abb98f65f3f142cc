"""A result is a dictionary of named views: raw numbers with a kind and a unit.

Scaling and color are the figure's business. Every view turns to and from plain arrays and
JSON, so that it can be kept, compared and tested without any figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class View:
    """Arrays (fields holding arrays, or names to arrays) and facts (everything else)."""

    def __post_init__(self) -> None:
        for spec in fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, np.ndarray):
                object.__setattr__(self, spec.name, read_only(value))
            elif isinstance(value, Mapping):
                held = {str(name): read_only(array) for name, array in value.items()}
                object.__setattr__(self, spec.name, held)

    def arrays(self) -> dict[str, Array]:
        """Every array under its field's name, `field/name` for the members of a mapping."""
        flat: dict[str, Array] = {}
        for spec in fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, np.ndarray):
                flat[spec.name] = value
            elif isinstance(value, Mapping):
                flat |= {f"{spec.name}/{name}": array for name, array in value.items()}
        return flat

    def facts(self) -> dict[str, Any]:
        """Every field that is no array, numpy's own numbers as Python's."""
        held = {spec.name: getattr(self, spec.name) for spec in fields(self)}
        return {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in held.items()
            if not isinstance(value, np.ndarray | Mapping)
        }

    @classmethod
    def build(cls, arrays: Mapping[str, Array], facts: Mapping[str, Any]) -> Self:
        """The view again from what `arrays` and `facts` gave; members of a mapping by name.

        A file of arrays does not keep their order, so none is to be relied on.
        """
        plain = {name: array for name, array in arrays.items() if "/" not in name}
        grouped: dict[str, dict[str, Array]] = {}
        for name, array in sorted(arrays.items()):
            if "/" in name:
                group, member = name.split("/", 1)
                grouped.setdefault(group, {})[member] = array
        given = {**plain, **grouped, **{k: frozen(v) for k, v in facts.items()}}
        empty: dict[str, Any] = {spec.name: {} for spec in fields(cls) if spec.name not in given}
        return cls(**empty, **given)  # what is neither array nor fact was a mapping of nothing

    @property
    def nbytes(self) -> int:
        """Bytes held by its arrays."""
        return sum(array.nbytes for array in self.arrays().values())


@dataclass(frozen=True, eq=False)
class HeatMap(View):
    """One value for each pixel of the working image, (H, W); NaN where nothing is known."""

    values: Floats
    unit: str
    signed: bool


@dataclass(frozen=True, eq=False)
class Curve(View):
    """y against x, both (n,)."""

    x: Floats
    y: Floats
    x_label: str
    y_label: str
    unit: str


@dataclass(frozen=True, eq=False)
class Scores(View):
    """One number for each label, (n,)."""

    values: Floats
    labels: tuple[str, ...]
    unit: str


@dataclass(frozen=True, eq=False)
class Table(View):
    """Numbers in rows and named columns, (rows, columns); NaN where there is none."""

    values: Floats
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    units: tuple[str, ...]  # of each column


@dataclass(frozen=True, eq=False)
class Ranking(View):
    """The best few classes of each of n images, best first, all (n, k)."""

    values: Floats
    classes: Array  # their numbers
    labels: tuple[tuple[str, ...], ...]
    unit: str


@dataclass(frozen=True, eq=False)
class Field(View):
    """A number at each node of a grid, (rows, columns), with the places of rows and columns."""

    values: Floats
    x: Floats  # of the columns
    y: Floats  # of the rows
    x_label: str
    y_label: str
    unit: str


@dataclass(frozen=True, eq=False)
class Points(View):
    """Points in a plane, (n, 2), and a number for each, (n,)."""

    places: Floats
    values: Floats
    x_label: str
    y_label: str
    unit: str


@dataclass(frozen=True, eq=False)
class Triangle(View):
    """Numbers on the blends of three images.

    A blend is the sum of its weights (n, 3) times the images (3, 3, H, W), so whoever shows it can
    blend by themselves. Its place in the plane is its weights times the corners (3, 2).
    """

    weights: Floats
    values: Floats  # (n,)
    corners: Floats
    images: Array  # float16
    labels: tuple[str, ...]  # of the corners
    unit: str


@dataclass(frozen=True, eq=False)
class Path(View):
    """Images along a walk, (n, 3, H, W) in [0, 1], and a number for each, (n,).

    Frames may be float16. `steps` tells which step of the walk each is; without it, every step is
    there.
    """

    frames: Array
    values: Floats
    unit: str
    steps: Array | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.steps, np.ndarray):
            object.__setattr__(self, "steps", np.arange(len(self.frames)))
        super().__post_init__()


@dataclass(frozen=True, eq=False)
class Checkpoint(View):
    """Weights that a method made, with where they came from."""

    weights: Mapping[str, Array]
    parent: str  # fingerprint of the model it was made from
    made_by: str  # family.name
    settings: str  # JSON
    card: str = "{}"  # JSON: what is needed to build the network again, see models.checkpoints
    masks: Mapping[str, Array] = field(default_factory=dict)  # by weight, one bit each, packed

    @property
    def digest(self) -> str:
        """A name made of the weights alone."""
        return digest_arrays(self.weights)


@dataclass(frozen=True, eq=False)
class WeightScores(View):
    """How much each weight of a network counts: the higher, the longer it stays.

    `pooling` says how the scores of several weights become one for all of them: "l2", the root of
    the mean square; "sum"; or "mean".
    """

    values: Mapping[str, Floats]  # by the parameter's name, in its shape
    unit: str
    pooling: str


@dataclass(frozen=True, eq=False)
class TrainLog(View):
    """How a training went, one number for each epoch, (epochs done,); losses in nats.

    Training figures are of the images as they were shown: moved, mirrored or attacked, and before
    the step that they led to. Validation figures are of the plain images after the epoch, NaN
    where there are none.
    """

    train_loss: Floats
    train_accuracy: Floats
    validation_loss: Floats
    validation_accuracy: Floats
    seconds: Floats  # of training alone, for each epoch
    ids: NDArray[np.int64]  # of every image of the data set, (N,)
    shown: NDArray[np.int64]  # how often each was shown, (N,)
    epochs: int  # that were asked for

    @property
    def done(self) -> int:
        """Epochs that are over."""
        return len(self.train_loss)


@dataclass(frozen=True, eq=False)
class Features(View):
    """What a model makes of N images, in the order of their rows.

    Args:
        values: what the head sees, (N, D); D is 0 where the model does not end in a linear layer.
        logits: (N, classes).
        keys: (N,) int64, a digest of each image's pixels as the model sees them.
        maps: outputs of layers by name, each (N, C, h, w).
    """

    values: Floats
    logits: Floats
    keys: NDArray[np.int64]
    maps: Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Evidence(View):
    """Outlier scores of N images, (N,), larger is more unusual, and what they are made of.

    Args:
        values: the scores.
        parts: named terms or factors of each score, (N,) each; `joined` says how they make it.
        predicted: the class the model sees, (N,) int64.
        labels: the right class, (N,) int64; −1 where it is unknown or none of the model's.
        ids: of the images in their data set, (N,) int64.
        unit: of the scores.
        joined: "sum", "product" or "alone".
    """

    values: Floats
    parts: Mapping[str, Floats]
    predicted: NDArray[np.int64]
    labels: NDArray[np.int64]
    ids: NDArray[np.int64]
    unit: str
    joined: str


@dataclass(frozen=True, eq=False)
class Columns(View):
    """Named columns of equal length, (rows,) each, of whatever numbers; NaN where there is none.

    Args:
        columns: by name.
        order: the names from left to right.
        units: of each, in that order.
        rows: a name for each row; none where a row has no name.
        notes: a sentence for each row, "" where there is nothing to say; or none at all.

    Raises:
        ValueError: they do not belong together.
    """

    columns: Mapping[str, Array]
    order: tuple[str, ...]
    units: tuple[str, ...]
    rows: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if sorted(self.order) != sorted(self.columns) or len(self.units) != len(self.order):
            raise ValueError("every column has one place and one unit")
        lengths = {len(column) for column in self.columns.values()}
        lengths |= {len(names) for names in (self.rows, self.notes) if names}
        if len(lengths) > 1:
            raise ValueError(f"columns of one table have different lengths: {sorted(lengths)}")

    def __getitem__(self, name: str) -> Array:
        """A column, (rows,)."""
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def cell(self, row: str, column: str) -> float:
        """One number. Raises ValueError or KeyError for a name that is not there."""
        return float(self.columns[column][self.rows.index(row)])

    @classmethod
    def of(
        cls,
        columns: Mapping[str, tuple[Any, str]],
        rows: Sequence[str] = (),
        notes: Sequence[str] = (),
    ) -> Self:
        """From columns with their units, in their order."""
        held = {name: np.asarray(values) for name, (values, _) in columns.items()}
        units = tuple(unit for _, unit in columns.values())
        return cls(held, tuple(columns), units, tuple(rows), tuple(notes))


@dataclass(frozen=True, eq=False)
class Tokens(View):
    """An answer of n tokens.

    Args:
        ids: their numbers, (n,).
        probability: of each, under what it was chosen from, (n,).
        entropy: of that distribution, nats, (n,).
        looks: attention to the image where each was chosen, (n, layers, heads, I); 0 for tokens
            of the image that had been dropped.
        words: as they are written.
        prompt: what was asked.
        grid: rows and columns of the image's tokens; 0 × 0 where they have no place.
        ended: whether the answer came to its end by itself.
    """

    ids: Array
    probability: Floats
    entropy: Floats
    looks: Array
    words: tuple[str, ...]
    prompt: str
    grid: tuple[int, int]
    ended: bool

    @property
    def text(self) -> str:
        """The answer."""
        return " ".join(self.words)


@dataclass(frozen=True, eq=False)
class Grids(View):
    """Small maps over an image's tokens, for each of n words and each layer.

    Args:
        values: (n, layers, rows, columns).
        unit: of the values.
    """

    values: Floats
    unit: str


KINDS: dict[str, type[View]] = {
    kind.__name__: kind
    for kind in (
        HeatMap,
        Curve,
        Scores,
        Table,
        Columns,
        Ranking,
        Field,
        Points,
        Triangle,
        Path,
        WeightScores,
        TrainLog,
        Checkpoint,
        Features,
        Evidence,
        Tokens,
        Grids,
    )
}

Result = Mapping[str, View]


def read_only(array: Array) -> Array:
    """The array, closed to writing, so that nobody spoils a shared answer."""
    shown = np.asarray(array, order="C").view()
    shown.flags.writeable = False
    return shown


def frozen(value: object) -> object:
    """Lists, as JSON has them, as the tuples they were; also inside one another."""
    return tuple(frozen(one) for one in value) if isinstance(value, list) else value


def digest_arrays(arrays: Mapping[str, Array]) -> str:
    """One name for a set of named arrays, independent of their order."""
    said = blake2b(digest_size=16)
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        said.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        said.update(array.tobytes())
    return said.hexdigest()
