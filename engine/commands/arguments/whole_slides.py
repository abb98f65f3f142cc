"""Arguments of cases about one large image that is read in tiles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.attribution.slides.whole import WholeSlideCase
from engine.commands.arguments.classifiers import ModelArguments, model_argument
from engine.core.controls import Text, argument
from engine.core.errors import BadImage
from engine.vision.data.whole_slide import made_slide
from engine.vision.images.large import MAX_MB, open_large
from engine.vision.models.catalog import DEFAULT

SYNTHETIC = "made"


@dataclass(frozen=True)
class WholeSlideArguments(ModelArguments[WholeSlideCase]):
    """A large image, and the network that reads its tiles."""

    model: str = model_argument(DEFAULT, "Reads the tiles.")
    image: str = argument(
        SYNTHETIC,
        Text(),
        "Large image",
        "A file: a TIFF in strips or tiles, uncompressed or with JPEG, Deflate or LZW, is read at "
        f"its full size, other pictures up to 16 million px. “{SYNTHETIC}” is a section made here, "
        "with regions that are known.",
    )

    def case(self) -> WholeSlideCase:
        """The case of the image. Raises BadImage."""
        if self.image == SYNTHETIC:
            return WholeSlideCase(self.classifier(), made_slide())
        path = Path(self.image)
        try:
            if path.stat().st_size > MAX_MB * 1_000_000:
                raise BadImage(f"{path.name[:60]} is larger than {MAX_MB} MB.")
            data = path.read_bytes()
        except OSError as error:
            raise BadImage(f"{path.name[:60]} cannot be read: {error.strerror}.") from error
        return WholeSlideCase(self.classifier(), open_large(data, path.name))

    unnamed = ("image",)

    @classmethod
    def named(cls, case: WholeSlideCase) -> dict[str, Any]:
        """All but the image."""
        return {"model": case.model.name}
