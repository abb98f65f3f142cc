"""Which data sets there are by name, and the one way to have one: `load`.

A set is made or read at its first use and kept while there is room.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from weakref import WeakValueDictionary

from engine.core.errors import BadData
from engine.core.keeping import access
from engine.core.keeping.memory import Memory
from engine.core.method import Progress, quiet
from engine.vision.data.bars import BarAngles
from engine.vision.data.dataset import DataCard, DataSet
from engine.vision.data.digits import Digits, Mnist
from engine.vision.data.evidence import Bags, TwoCopies
from engine.vision.data.interactions import Interactions
from engine.vision.data.phantoms import Phantoms
from engine.vision.data.recipe import DataRecipe
from engine.vision.data.scenes import Scenes
from engine.vision.data.tabular import Cohort
from engine.vision.data.textured import TexturedShapes
from engine.vision.data.variants import variant

CACHE_BYTES = 1 * 2**30
MOST_VARIANTS = 6  # on each other
UPLOAD = "upload-"  # how the name of a set from a person's file begins
ELSEWHERE = "These images were brought in another session: open their file again."


@dataclass(frozen=True)
class DataEntry:
    """A data set in the picker."""

    name: str
    recipe: type[DataRecipe]
    available: bool = True
    reason: str = "comes with Blindspot"

    @property
    def card(self) -> DataCard:
        """What it is, in words."""
        return self.recipe.card


RECIPES: tuple[type[DataRecipe], ...] = (
    Digits,
    Mnist,
    Phantoms,
    Scenes,
    TwoCopies,
    Bags,
    BarAngles,
    TexturedShapes,
)
UNLISTED_RECIPES: tuple[type[DataRecipe], ...] = (Interactions,)
"""Sets of one experiment, which know their name but are in no picker: they show no things."""

_memory: Memory[DataSet] = Memory(CACHE_BYTES, lambda data: data.nbytes)
_brought: WeakValueDictionary[str, DataSet] = WeakValueDictionary()  # while a person holds them


def entries() -> tuple[DataEntry, ...]:
    """Every data set, as the picker lists it."""
    return tuple(DataEntry(recipe.word, recipe) for recipe in RECIPES)


def tables() -> tuple[type[Cohort], ...]:
    """What there is in tables instead of images: each makes its own, `Cohort().make()`."""
    return (Cohort,)


def names() -> tuple[str, ...]:
    """The names that `load` knows, without settings and variants."""
    return tuple(recipe.word for recipe in RECIPES)


def entry(name: str) -> DataEntry:
    """What is known of a data set before it is loaded.

    Raises:
        BadData: no data set, variant or setting of that name.
        BadSetting: a value outside its range.
    """
    base, *changes = name.split("+")
    for change in changes:
        variant(change)
    return DataEntry(name, type(recipe(base)))


def recipe(name: str) -> DataRecipe:
    """What makes the data set of that name, without its variants."""
    word, _, settings = name.partition(":")
    for kind in (*RECIPES, *UNLISTED_RECIPES):
        if kind.word == word:
            return kind.read(settings)
    if word.startswith(UPLOAD):
        raise BadData(ELSEWHERE)
    known = ", ".join(names())
    raise BadData(f"There is no data set called “{word[:60]}”: choose one of {known}.")


def title_of(name: str, own: Mapping[str, str] = MappingProxyType({})) -> str:
    """What a person calls the data set of that name, such as "Brain phantoms (100 slices)".

    Args:
        name: as `load` knows it.
        own: titles of the sets from this person's files, by name: those of others are not told.

    Raises:
        BadData: no data set, variant or setting of that name.
        BadSetting: a value outside its range.
    """
    base, *changes = name.split("+")
    first = own[base] if base in own else recipe(base).words
    return " · ".join([first, *(lowered(variant(change).words) for change in changes)])


def lowered(words: str) -> str:
    """With a small letter at the beginning, but for abbreviations."""
    return words if words[:2].isupper() else words[:1].lower() + words[1:]


def add(data: DataSet) -> str:
    """Let `load` find a data set that a person brought; the name under which it does.

    It is found as long as somebody holds it, and nothing of it is copied to the disk: it may be a
    file of patients.
    """
    if data.name.startswith(UPLOAD):
        _brought[data.name] = data
    else:
        _memory.put(data.name, data)
    return data.name


def forget_variants() -> None:
    """Let go of what was made of data sets that nobody holds any more."""
    for name in _memory.names():
        if name.startswith(UPLOAD) and name.partition("+")[0] not in _brought:
            _memory.drop(name)


def load(name: str, progress: Progress = quiet) -> DataSet:
    """The data set of that name; shared and read-only.

    A name may carry settings and variants: `phantoms:contrast=0.5`, `digits+noisy:share=0.3`.
    `progress` is told while a set is made for the first time, and may raise to cancel.

    Raises:
        BadData: no data set, variant or setting of that name, or one of another person's file.
        BadSetting: a value outside its range.
    """
    if not may_open(name):
        raise BadData(ELSEWHERE)
    if (brought := _brought.get(name)) is not None:
        return brought
    return _memory.made(name, lambda: make(name, progress))


def may_open(name: str) -> bool:
    """Whether whoever asks may open a data set: one of a person's file only if they have opened it.

    A variant of it counts as the set.
    """
    base, rights = name.partition("+")[0], access.current()
    return not base.startswith(UPLOAD) or rights is None or rights.data(base)


def make(name: str, progress: Progress) -> DataSet:
    """The data set of that name, from its recipe or from the set that it is a variant of."""
    if name.count("+") > MOST_VARIANTS:
        raise BadData(f"At most {MOST_VARIANTS} variants can be put on each other.")
    base, _, change = name.rpartition("+")
    return variant(change)(load(base, progress)) if base else recipe(name).make(progress)


def cached(name: str) -> DataSet | None:
    """The data set if it was loaded before, and may be opened."""
    return (_brought.get(name) or _memory.get(name)) if may_open(name) else None
