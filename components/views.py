"""The views that exist, in the order of the menu: question, title, address, file."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class AppPage:
    """One page of the app."""

    menu: str
    title: str
    address: str  # "" for the start
    file: str
    icon: str

    @property
    def path(self) -> Path:
        return ROOT / "pages" / self.file


def app_page(
    menu: str, title: str, symbol: str, *, address: str | None = None, file: str = ""
) -> AppPage:
    """A page; address and file are named after the title where nothing else is said."""
    name = re.sub(r"\W+", "-", title.lower()).strip("-")
    path = f"{menu.lower()}/{file or name.replace('-', '_')}.py"
    return AppPage(menu, title, name if address is None else address, path, f":material/{symbol}:")


START = app_page("Overview", "Start", "home", address="")
STORIES = app_page("Overview", "Stories", "slideshow")
DATA_AND_MODELS = app_page("Overview", "Data and models", "database")
SWEEP = app_page("Overview", "Sweep", "grid_view")
TRAY = app_page("Overview", "Tray", "push_pin")
HEATMAPS = app_page("Attribution", "Heatmaps", "local_fire_department")
LEVEL_SETS = app_page("Attribution", "Level sets", "route")
WHICH_EXPLANATION = app_page("Attribution", "Which explanation?", "rule")
MINIMAL_REGIONS = app_page("Attribution", "Minimal regions", "extension")
ROBUSTNESS = app_page("Attribution", "Robustness", "gpp_maybe")
PROTOTYPES = app_page("Attribution", "Prototypes", "category")
STUDY = app_page("Attribution", "Study", "leaderboard")
TILTED_BOUNDARY = app_page("Attribution", "Tilted boundary", "architecture")
ATTRIBUTION_EXPERIMENTS = app_page(
    "Attribution", "Experiments", "science", address="attribution-experiments"
)
SLIDES = app_page("Attribution", "Slides", "grid_on")
FORGET = app_page("Unlearning", "Forget", "auto_delete")
JUDGE = app_page("Unlearning", "Judge a model", "gavel", file="judge")
UNLEARNING_EXPERIMENTS = app_page(
    "Unlearning", "Experiments", "science", address="unlearning-experiments"
)
CONCEPTS = app_page("Unlearning", "Concepts", "visibility_off")
GENERATOR = app_page("Unlearning", "Generator", "brush")
CERTIFICATES = app_page("Unlearning", "Certificates", "verified_user")
PROTECT_DATA = app_page("Unlearning", "Protect data", "shield")
ASK = app_page("Hallucination", "Ask", "chat")
DECODING = app_page("Hallucination", "Decoding", "alt_route")
BENCHMARKS = app_page("Hallucination", "Benchmarks", "fact_check")
INSIDE = app_page("Hallucination", "Inside", "neurology")
BEFORE_AFTER = app_page("Hallucination", "Before and after", "compare", file="before_after")
HALLUCINATION_EXPERIMENTS = app_page(
    "Hallucination", "Experiments", "science", address="hallucination-experiments"
)
FAMILIAR = app_page("Anomaly", "Familiar?", "help_center")
WHERE_ODD = app_page(
    "Anomaly", "Where is it odd?", "location_searching", address="where-odd", file="where"
)
DOUBT = app_page("Anomaly", "Confusion or ignorance", "psychology_alt", file="doubt")
ANOMALY_EXPERIMENTS = app_page("Anomaly", "Experiments", "science", address="anomaly-experiments")
PRUNE = app_page("Sparsity", "Prune", "content_cut")
TICKETS = app_page("Sparsity", "Tickets", "confirmation_number")
SPARSITY_EXPERIMENTS = app_page(
    "Sparsity", "Experiments", "science", address="sparsity-experiments"
)

VIEWS = (
    START,
    STORIES,
    DATA_AND_MODELS,
    SWEEP,
    TRAY,
    HEATMAPS,
    LEVEL_SETS,
    WHICH_EXPLANATION,
    STUDY,
    MINIMAL_REGIONS,
    ROBUSTNESS,
    PROTOTYPES,
    TILTED_BOUNDARY,
    SLIDES,
    ATTRIBUTION_EXPERIMENTS,
    FORGET,
    JUDGE,
    CONCEPTS,
    GENERATOR,
    CERTIFICATES,
    PROTECT_DATA,
    UNLEARNING_EXPERIMENTS,
    ASK,
    DECODING,
    BENCHMARKS,
    INSIDE,
    BEFORE_AFTER,
    HALLUCINATION_EXPERIMENTS,
    FAMILIAR,
    WHERE_ODD,
    DOUBT,
    ANOMALY_EXPERIMENTS,
    PRUNE,
    TICKETS,
    SPARSITY_EXPERIMENTS,
)
