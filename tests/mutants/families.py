"""Which code a family's mutants come from, and which tests are asked to notice them."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = "tests/test_contract.py", "tests/test_contract_answers.py"


@dataclass(frozen=True)
class Family:
    """Code and tests, as patterns below the root; what `without` names is left out of both.

    With `contract`, what every method must keep is asked of the methods whose full name begins so.
    `pages` are the page tests that show what the code gives.
    """

    name: str
    code: tuple[str, ...]
    tests: tuple[str, ...]
    without: tuple[str, ...] = ()
    contract: str = ""
    pages: tuple[str, ...] = ()

    def files(self) -> list[str]:
        """The code's files."""
        return self._found(self.code)

    def proofs(self) -> list[str]:
        """The tests' files."""
        pages = [f"tests/pages/test_{page}.py" for page in self.pages]
        return self._found((*self.tests, *pages, *(CONTRACT if self.contract else ())))

    @property
    def only(self) -> str:
        """The tests to be asked, as pytest's -k has it."""
        return f"not test_contract or {self.contract}" if self.contract else ""

    def _found(self, patterns: tuple[str, ...]) -> list[str]:
        paths = {path for pattern in patterns for path in ROOT.glob(pattern)}
        out = {path for pattern in self.without for path in ROOT.glob(pattern)}
        return sorted(str(path.relative_to(ROOT)) for path in paths - out)


ROOMS = ("anomaly", "attribution", "hallucination", "sparsity", "unlearning")  # of methods
CORE = (
    "",
    "commands/",
    "commands/openings/",
    "core/",
    "core/keeping/",
    "core/lane/",
    "core/pictures/",
    "core/result/",
    "evaluation/",
    "sweep/",
    "vision/",
    "vision/case/",
)
IN_OTHERS = (  # of these folders, but tested with others
    "engine/core/borrow.py",
    "engine/core/tally.py",
    "engine/evaluation/cost.py",
    "engine/vision/shares.py",
)
OF_FILES = (  # what strangers may open
    "tests/engine/vision/test_images.py",
    "tests/engine/vision/test_hostile.py",
    "tests/components/sidebar/test_*.py",
)
OTHER_MAPS = ("experiments", "trust", "infidelity")  # of other families' tests
OTHERS = ("adasmooth", "cbc", "cbsn", "comet", "gp_unet", "mhim", "quadattack",
          "robustness", "safecv", "tilt")  # fmt: skip


def part(
    name: str, folder: str, *tests: str, also: tuple[str, ...] = (), methods: str = "", pages: str
) -> Family:
    """A family whose code is a folder of the engine, and what else is tested with it."""
    code = (f"engine/{folder}/**/*.py", *also)
    proofs = tests or (f"tests/engine/{folder}/**/test_*.py",)
    return Family(name, code, proofs, (), methods or room(folder), tuple(pages.split()))


def room(folder: str) -> str:
    """How the full names of a folder's methods begin, if it has methods."""
    first = folder.split("/", maxsplit=1)[0]
    return f"{first}." if first in ROOMS else ""


FAMILIES = (
    Family(
        "attribution",
        (
            "engine/attribution/*.py",
            "engine/attribution/heatmaps/*.py",
            "engine/evaluation/maps/*.py",
        ),
        ("tests/engine/attribution/test_*.py",),
        tuple(f"tests/engine/attribution/test_{name}*.py" for name in OTHER_MAPS),
        contract="attribution.",
        pages=("which_explanation", "trust"),
    ),
    Family(
        "other attribution",
        tuple(f"engine/attribution/{folder}/**/*.py" for folder in OTHERS),
        (
            *(f"tests/engine/attribution/{folder}/**/test_*.py" for folder in OTHERS),
            "tests/engine/attribution/test_*experiment*.py",
        ),
        contract="attribution.",
        pages=(
            "robustness",
            "certificates",
            "slides",
            "tilted_boundary",
            "prototypes",
            "attribution_experiments",
        ),
    ),
    part("level sets", "attribution/lst", pages="level_sets"),
    part("lfa", "attribution/lfa", pages="before_after"),
    part("lima", "attribution/lima", pages="minimal_regions"),
    part(
        "trust",
        "evaluation/trust",
        "tests/engine/attribution/test_trust*.py",
        "tests/engine/evaluation/trust/test_*.py",
        "tests/engine/attribution/test_infidelity.py",
        "tests/components/trust/test_*.py",
        methods="attribution.",
        pages="trust",
    ),
    part("study", "attribution/study", pages="study"),
    part(
        "anomaly",
        "anomaly",
        also=("engine/evaluation/detection/*.py",),
        pages="where_odd where_parts in_distribution normal_images doubt anomaly_experiments",
    ),
    part(
        "hallucination",
        "hallucination",
        also=("engine/evaluation/language/**/*.py", "engine/vision/language/**/*.py"),
        pages="decoding ask benchmarks own_vlm hallucination_experiments",
    ),
    Family(
        "sparsity",
        ("engine/sparsity/**/*.py", "engine/evaluation/cost.py", "engine/vision/weights/*.py"),
        ("tests/engine/sparsity/**/test_*.py",),
        contract="sparsity.",
        pages=("prune", "prune_search", "tickets", "sparsity_experiments"),
    ),
    part(
        "unlearning",
        "unlearning",
        also=("engine/evaluation/forgetting/*.py",),
        pages="forget forget_range judge protect_data generator stories",
    ),
    Family(
        "training",
        ("engine/vision/training/*.py", "engine/vision/lab/*.py"),
        ("tests/engine/vision/training/test_*.py", "tests/engine/vision/lab/test_*.py"),
        pages=("data_and_models", "private_models"),
    ),
    part(
        "images",
        "vision/images",
        "tests/engine/vision/images/test_*.py",
        *OF_FILES,
        pages="robustness_bad_input",
    ),
    part(
        "measures",
        "evaluation/measures",
        also=("engine/vision/shares.py",),
        pages="which_explanation",
    ),
    part(
        "data",
        "vision/data",
        "tests/engine/vision/data/**/test_*.py",
        *OF_FILES,
        pages="data_and_models",
    ),
    part(
        "models",
        "vision/models",
        "tests/engine/vision/models/test_*.py",
        "tests/engine/vision/training/test_stacked.py",
        "tests/engine/unlearning/test_passes.py",
        "tests/engine/attribution/test_class_activation.py",
        *OF_FILES,
        pages="private_models own_pair",
        also=("engine/core/borrow.py", "engine/core/tally.py"),
    ),
    Family(
        "core",
        tuple(f"engine/{part}*.py" for part in CORE),
        (
            "tests/engine/test_*.py",
            *(
                f"tests/engine/{room}/test_*.py"
                for room in ("commands", "core", "evaluation", "sweep", "vision")
            ),
            "tests/test_private.py",
            "tests/components/test_*.py",
        ),
        (
            *IN_OTHERS,
            "engine/commands/cli.py",
            "engine/commands/coverage.py",
            "engine/commands/gallery.py",
            "tests/engine/vision/test_images.py",
        ),
        pages=("pages", "case_forms", "sweep", "tray"),
    ),
)
