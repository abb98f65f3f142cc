"""A large image in tiles: which tiles are unlike the others?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.core.case_base import Case, Parts
from engine.core.controls import Text, argument
from engine.core.errors import BadImage, BadSetting
from engine.core.keeping.memory import Memory
from engine.core.method import Method, Precision, Progress, Slider, defaults, quiet, setting
from engine.core.naming import Unknown, named_by
from engine.core.result import Result, Table
from engine.evaluation.measures.detection import auroc
from engine.vision.arguments import classifier_field
from engine.vision.data.whole_slide import made_slide
from engine.vision.images.large import MAX_MB, open_large
from engine.vision.images.large_base import LargeImage
from engine.vision.models.catalog import DEFAULT
from engine.vision.models.classifier import Classifier

MOST_TILES = 4000
BLOCK = 512  # tiles that are compared with all others at once
WHITE = 225  # gray levels, of the darkest channel of a pixel that counts as glass
BLANK = 6.0  # gray levels: a tile whose standard deviation is below it has nothing in it
KEY_SHARE = 0.25  # of a tile, from which on it counts as part of a planted region
TOP = 20  # tiles that a finding speaks of
KEPT_BYTES = 80_000_000  # of what was read of images, by all visitors
SYNTHETIC = "made"


def large_image(name: str) -> LargeImage:
    """The section made here, or a file. Raises BadImage."""
    if name == SYNTHETIC:
        return made_slide()
    path = Path(name)
    try:
        if path.stat().st_size > MAX_MB * 1_000_000:
            raise BadImage(f"{path.name[:60]} is larger than {MAX_MB} MB.")
        data = path.read_bytes()
    except OSError as error:
        raise BadImage(f"{path.name[:60]} cannot be read: {error.strerror}.") from error
    return open_large(data, path.name)


@dataclass(frozen=True, eq=False)
class WholeSlideCase(Case):
    """A large image, and the network that reads its tiles.

    Args:
        model: reads the tiles.
        image: read in pieces.
    """

    case_name: ClassVar[str] = "slide"
    what: ClassVar[str] = "a large image and a network that reads its tiles"

    model: Classifier = classifier_field(DEFAULT, "Reads the tiles.")
    image: LargeImage = named_by(
        large_image,
        lambda _image: Unknown(),
        image=argument(
            SYNTHETIC,
            Text(),
            "Large image",
            "A file: a TIFF in strips or tiles, uncompressed or with JPEG, Deflate or LZW, is read "
            f"at its full size, other pictures up to 16 million px. “{SYNTHETIC}” is a section "
            "made here, with regions that are known.",
        ),
    )
    precision: Precision = "exact"

    def digest_parts(self) -> Parts:
        """Model and image."""
        yield f"slide|{self.model.fingerprint}|{self.image.fingerprint}"
        if self.precision != "exact":
            yield f"|{self.precision}"

    def facts(self) -> dict[str, Any]:
        """What it is; another image's seconds say nothing of this one's, whose size differs."""
        return super().facts() | {"alike": self.fingerprint}


@dataclass(frozen=True, eq=False)
class TilesRead:
    """The tiles of an image, row by row, and what the head of the network sees of them.

    Args:
        rows: of tiles.
        columns: of tiles.
        blank: (N,), those with nothing in them or much glass, which are not read.
        planted: (N,), the share of each that is of a planted region; NaN where that is not known.
        features: of the others, (n, D).
        seconds: spent in all, and in the network.
    """

    rows: int
    columns: int
    blank: NDArray[np.bool_]
    planted: NDArray[np.float32]
    features: Tensor
    seconds: tuple[float, float]

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self.features.nbytes)

    def placed(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """A number of each tile that was read, among all; NaN for the others."""
        result = np.full(len(self.blank), np.nan, np.float32)
        result[~self.blank] = values
        return result

    def columns_with(self, values: Mapping[str, tuple[NDArray[np.float32], str]]) -> Table:
        """A row for each tile: where it is, what is planted, and some values."""
        places = np.divmod(np.arange(self.rows * self.columns), self.columns)
        return Table.of(
            {
                "row": (places[0], ""),
                "column": (places[1], ""),
                **{name: (self.placed(numbers), unit) for name, (numbers, unit) in values.items()},
                "planted": (self.planted, "share"),
            }
        )


_READ: Memory[TilesRead] = Memory(KEPT_BYTES, lambda tiles_read: tiles_read.size)


@dataclass(frozen=True)
class TileReading(Method[WholeSlideCase]):
    """What methods about the tiles of a large image share: how it is cut, and what is left out."""

    tile: int = setting(
        224, Slider(16, 1024, 16, "px"), "Tile", "The side of a square, in px of the image."
    )
    glass: float = setting(
        0.05,
        Slider(0.0, 1.0, 0.05),
        "Glass",
        "A tile with more than this share of nearly white pixels is left out: the edge of a "
        "section is rare, too. 1 keeps all but blank tiles.",
    )

    def grid(self, case: WholeSlideCase) -> tuple[int, int]:
        """Rows and columns of tiles; what is left at the right and below is not read.

        Raises:
            BadImage: the image is smaller than two tiles.
            BadSetting: there would be too many tiles.
        """
        rows, columns = case.image.height // self.tile, case.image.width // self.tile
        size = f"{case.image.width:,} × {case.image.height:,} px"
        if rows * columns < 2:
            raise BadImage(f"An image of {size} has no two tiles of {self.tile} px: make it less.")
        if rows * columns > MOST_TILES:
            most = int(np.sqrt(case.image.height * case.image.width / MOST_TILES)) // 16 * 16 + 16
            raise BadSetting(
                f"{size} has {rows * columns:,} tiles of {self.tile} px; {MOST_TILES:,} are read "
                f"at most: choose {most} px or more."
            )
        return rows, columns

    def read(self, case: WholeSlideCase, progress: Progress = quiet) -> TilesRead:
        """The tiles, read once: the next method that cuts the image alike is given the same.

        Raises:
            BadImage: the image is smaller than two tiles, or no two have anything in them.
            BadSetting: there would be too many tiles.
        """
        self.grid(case)
        name = f"{case.fingerprint}|{self.tile}|{self.glass:g}"
        return _READ.made(name, lambda: self.fresh(case, progress))

    def fresh(self, case: WholeSlideCase, progress: Progress) -> TilesRead:
        """The tiles, read now."""
        rows, columns = self.grid(case)
        start, spent = perf_counter(), Seconds()
        blank = np.zeros(rows * columns, bool)
        planted = np.full(rows * columns, np.nan, np.float32)
        parts: list[Tensor] = []
        for at, pixels in enumerate(self.strips(case, columns)):
            span = slice(at * columns, (at + 1) * columns)
            blank[span] = (tile_deviation(pixels) < BLANK) | (white(pixels) > self.glass)
            planted[span] = self.planted(case, at, columns)
            if not blank[span].all():
                parts.append(tile_features(case.model, pixels[~blank[span]], spent))
            progress(0.95 * (at + 1) / rows, f"row {at + 1} of {rows}")
        if (tile_count := sum(map(len, parts))) < 2:
            reason = (
                "Only one tile has anything in it"
                if tile_count
                else "There is nothing in this image"
            )
            raise BadImage(
                f"{reason}: no two tiles are anything but blank or glass. Choose smaller tiles, or "
                "allow more glass."
            )
        seconds = perf_counter() - start, spent.total
        return TilesRead(rows, columns, blank, planted, torch.cat(parts), seconds)

    def strips(self, case: WholeSlideCase, columns: int) -> Iterator[NDArray[np.uint8]]:
        """The tiles of one row after the other, (columns, tile, tile, 3)."""
        side = self.tile
        for row in range(case.image.height // side):
            strip = case.image.piece(row * side, (row + 1) * side, 0, columns * side)
            yield strip.reshape(side, columns, side, 3).transpose(1, 0, 2, 3)

    def planted(self, case: WholeSlideCase, row: int, columns: int) -> NDArray[np.float32]:
        """Which share of each tile of a row is of a planted region; NaN where that is not known."""
        side = self.tile
        mask = case.image.mask(row * side, (row + 1) * side, 0, columns * side)
        if mask is None:
            return np.full(columns, np.nan, np.float32)
        return mask.reshape(side, columns, side).mean((0, 2), dtype=np.float32)


@dataclass(frozen=True)
class UnlikeTiles(TileReading):
    """Which tiles of a large image are unlike the other tiles of the same image.

    The image is cut into squares; a network that was trained on photographs gives each a row of
    numbers. A tile's number is the mean cosine distance to the tiles most like it: 0 when the image
    is full of such tiles, larger when there is hardly another one. Nothing was learned about this
    kind of image: a high number means rare here, not diseased, and what is common is not found,
    however bad it is. A tile with nothing in it, and one with much glass, is left out.
    """

    name = "UnlikeTiles"
    family = "attribution"
    title = "Tiles unlike the others"
    cost = "job"
    proof = (
        "tests/engine/attribution/mhim/test_whole.py"
        "::test_a_tile_counts_its_distance_to_those_most_like_it"
    )
    example = defaults(tile=16)

    neighbors: int = setting(
        10,
        Slider(1, 50, 1),
        "Most alike",
        "To how many of the tiles most like it a tile is compared. What occurs more often than "
        "this stops being rare.",
    )

    def __call__(self, case: WholeSlideCase, progress: Progress = quiet) -> Result:
        """Views: tiles, row by row: distance (NaN where blank), share of a planted region; cost."""
        progress(0.0, "reading tiles")
        tiles = self.read(case, progress)
        distance = neighbor_distances(F.normalize(tiles.features, dim=1), self.neighbors)
        progress(1.0, "compared")
        total_seconds, network = tiles.seconds
        cost = {
            "seconds, reading": ([total_seconds - network], "s"),
            "seconds, network": ([network], "s"),
        }
        return {
            "tiles": tiles.columns_with({"distance": (distance, "cosine distance")}),
            "cost": Table.of(cost),
        }

    def finding(self, case: WholeSlideCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """How many tiles there are, and whether the strangest are those that were planted."""
        table: Table = result["tiles"]
        is_compared = np.isfinite(table["distance"])
        words = f"{int(is_compared.sum()):,} of {len(is_compared):,} tiles are compared"
        if np.isnan(table["planted"]).all():
            most = table["distance"][is_compared].max() / max(
                np.median(table["distance"][is_compared]), 1e-9
            )
            return f"{words}; the strangest is {most:.1f} times as unlike the others as usual."
        key = (table["planted"] >= KEY_SHARE)[is_compared]
        if not key.any():
            return f"{words}; none lies in a planted region by a quarter: choose smaller tiles."
        distance = table["distance"][is_compared]
        top = np.argsort(-distance, kind="stable")[: min(TOP, int(key.sum()))]
        area = 100 * key.mean()
        return (
            f"{int(key[top].sum())} of the {len(top)} strangest tiles lie in the planted regions, "
            f"which are {area:.0f} % of the tissue (AUROC {separated(distance, key):.2f})."
        )


@dataclass
class Seconds:
    """Spent in the network's forward pass."""

    total: float = 0.0


def separated(distance: NDArray[np.float32], key: NDArray[np.bool_]) -> float:
    """The chance that a planted tile is stranger than another one; NaN without both."""
    if key.all() or not key.any():
        return float("nan")
    return auroc(distance[~key].astype(np.float64), distance[key].astype(np.float64))


def tile_deviation(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Standard deviation of each tile's gray levels, from every fourth pixel."""
    gray = pixels[:, ::4, ::4].mean(-1, dtype=np.float32)
    return np.asarray(gray.std((1, 2)), np.float32)


def white(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Share of each tile's pixels that are nearly white, from every fourth."""
    light = pixels[:, ::4, ::4].min(-1) >= WHITE
    return np.asarray(light.mean((1, 2)), np.float32)


def tile_features(model: Classifier, tiles: NDArray[np.uint8], spent: Seconds) -> Tensor:
    """What the head sees of each tile (n, h, w, 3), (n, D), on the CPU; batch by batch."""
    batch, parts = model.pace("exact").batch, []
    for at in range(0, len(tiles), batch):
        chunk = torch.from_numpy(np.ascontiguousarray(tiles[at : at + batch])).permute(0, 3, 1, 2)
        pixels = chunk.to(torch.float32) / 255
        if pixels.shape[-1] != model.side:
            pixels = F.interpolate(
                pixels, (model.side, model.side), mode="bilinear", antialias=True
            )
        before = perf_counter()
        parts.append(model.features(pixels).float().cpu().clone())
        spent.total += perf_counter() - before
    return torch.cat(parts)


def neighbor_distances(features: Tensor, neighbors: int) -> NDArray[np.float32]:
    """The mean cosine distance of each row (n, D) to the rows most like it, itself left out."""
    count = len(features)
    most = min(neighbors, count - 1)
    result = torch.empty(count)
    for at in range(0, count, BLOCK):
        part = features[at : at + BLOCK] @ features.T
        # a tile would be its own nearest neighbor
        part[torch.arange(len(part)), torch.arange(at, at + len(part))] = -torch.inf
        result[at : at + BLOCK] = 1 - part.topk(most, 1).values.mean(1)
    # a cosine can round to a little more than 1
    return result.clamp_min(0).numpy().astype(np.float32)
