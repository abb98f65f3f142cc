"""Sample photographs that come inside the installed packages: no network, nothing copied.

The first ones are those on which the default classifier does well. Licenses are in
`assets/LICENSES.md`.
"""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from engine.core.errors import BlindspotError
from engine.vision.images import Picture, read_shipped


@dataclass(frozen=True)
class Sample:
    """One photograph: its key in links, its title, whom to thank, and where it lies."""

    name: str
    title: str
    credit: str
    package: str
    file: str

    def path(self) -> Path:
        """Where the file is; the package is found without being imported, which takes seconds."""
        spec = find_spec(self.package)
        for folder in (spec and spec.submodule_search_locations) or ():
            path = Path(folder, self.file)
            if path.is_file():
                return path
        raise BlindspotError(
            f"The sample “{self.title}” is not there, because the package {self.package} is "
            "missing or incomplete: run make run again, or open a picture of your own."
        )


SAMPLES = (
    Sample("chelsea", "A cat (Chelsea)", "Stefan van der Walt, CC0", "skimage", "data/chelsea.png"),
    Sample(
        "coffee",
        "A cup of coffee",
        "Rachel Michetti, Pikolo Espresso Bar, CC0",
        "skimage",
        "data/coffee.png",
    ),
    Sample("camera", "A cameraman", "Lav Varshney, CC0", "skimage", "data/camera.png"),
    Sample(
        "china",
        "A Chinese palace",
        "danielbuechele (Flickr), CC BY 2.0",
        "sklearn",
        "datasets/images/china.jpg",
    ),
    Sample(
        "flower",
        "A dahlia",
        "vultilion (Flickr), CC BY 2.0",
        "sklearn",
        "datasets/images/flower.jpg",
    ),
    Sample("rocket", "A rocket at launch", "SpaceX, public domain", "skimage", "data/rocket.jpg"),
    Sample(
        "motorcycle",
        "A motorcycle in a garage",
        "Middlebury 2014 stereo benchmark (Scharstein et al.)",
        "skimage",
        "data/motorcycle_left.png",
    ),
    Sample(
        "hopper",
        "An officer (Grace Hopper)",
        "James S. Davis, US Navy, public domain",
        "matplotlib",
        "mpl-data/sample_data/grace_hopper.jpg",
    ),
    Sample(
        "astronaut",
        "An astronaut (Eileen Collins)",
        "NASA, public domain",
        "skimage",
        "data/astronaut.png",
    ),
    Sample("retina", "The back of an eye", "Mikael Häggström, CC0", "skimage", "data/retina.jpg"),
    Sample(
        "ihc",
        "Colon tissue, stained",
        "Center for Microscopy and Molecular Imaging, no known restrictions",
        "skimage",
        "data/ihc.png",
    ),
)


@cache
def sample(name: str) -> Picture:
    """The photograph of that name, decoded once."""
    for photograph in SAMPLES:
        if photograph.name == name:
            return read_shipped(photograph.path())
    known = ", ".join(photograph.name for photograph in SAMPLES)
    raise BlindspotError(f"There is no sample called “{name[:60]}”: choose one of {known}.")
