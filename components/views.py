"""The views that exist, in the order of the menu: question, title, address, file."""

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


START = AppPage("Overview", "Start", "", "overview/start.py", ":material/home:")
STORIES = AppPage("Overview", "Stories", "stories", "overview/stories.py", ":material/slideshow:")
DATA_AND_MODELS = AppPage(
    "Overview",
    "Data and models",
    "data-and-models",
    "overview/data_and_models.py",
    ":material/database:",
)
SWEEP = AppPage("Overview", "Sweep", "sweep", "overview/sweep.py", ":material/grid_view:")
TRAY = AppPage("Overview", "Tray", "tray", "overview/tray.py", ":material/push_pin:")
HEATMAPS = AppPage(
    "Attribution",
    "Heatmaps",
    "heatmaps",
    "attribution/heatmaps.py",
    ":material/local_fire_department:",
)
LEVEL_SETS = AppPage(
    "Attribution", "Level sets", "level-sets", "attribution/level_sets.py", ":material/route:"
)
WHICH_EXPLANATION = AppPage(
    "Attribution",
    "Which explanation?",
    "which-explanation",
    "attribution/which_explanation.py",
    ":material/rule:",
)
MINIMAL_REGIONS = AppPage(
    "Attribution",
    "Minimal regions",
    "minimal-regions",
    "attribution/minimal_regions.py",
    ":material/extension:",
)
ROBUSTNESS = AppPage(
    "Attribution", "Robustness", "robustness", "attribution/robustness.py", ":material/gpp_maybe:"
)
PROTOTYPES = AppPage(
    "Attribution", "Prototypes", "prototypes", "attribution/prototypes.py", ":material/category:"
)
STUDY = AppPage("Attribution", "Study", "study", "attribution/study.py", ":material/leaderboard:")
TILTED_BOUNDARY = AppPage(
    "Attribution",
    "Tilted boundary",
    "tilted-boundary",
    "attribution/tilted_boundary.py",
    ":material/architecture:",
)
ATTRIBUTION_EXPERIMENTS = AppPage(
    "Attribution",
    "Experiments",
    "attribution-experiments",
    "attribution/experiments.py",
    ":material/science:",
)
SLIDES = AppPage("Attribution", "Slides", "slides", "attribution/slides.py", ":material/grid_on:")
FORGET = AppPage("Unlearning", "Forget", "forget", "unlearning/forget.py", ":material/auto_delete:")
JUDGE = AppPage(
    "Unlearning", "Judge a model", "judge-a-model", "unlearning/judge.py", ":material/gavel:"
)
UNLEARNING_EXPERIMENTS = AppPage(
    "Unlearning",
    "Experiments",
    "unlearning-experiments",
    "unlearning/experiments.py",
    ":material/science:",
)
CONCEPTS = AppPage(
    "Unlearning", "Concepts", "concepts", "unlearning/concepts.py", ":material/visibility_off:"
)
GENERATOR = AppPage(
    "Unlearning", "Generator", "generator", "unlearning/generator.py", ":material/brush:"
)
CERTIFICATES = AppPage(
    "Unlearning",
    "Certificates",
    "certificates",
    "unlearning/certificates.py",
    ":material/verified_user:",
)
PROTECT_DATA = AppPage(
    "Unlearning", "Protect data", "protect-data", "unlearning/protect_data.py", ":material/shield:"
)
ASK = AppPage("Hallucination", "Ask", "ask", "hallucination/ask.py", ":material/chat:")
DECODING = AppPage(
    "Hallucination", "Decoding", "decoding", "hallucination/decoding.py", ":material/alt_route:"
)
BENCHMARKS = AppPage(
    "Hallucination",
    "Benchmarks",
    "benchmarks",
    "hallucination/benchmarks.py",
    ":material/fact_check:",
)
INSIDE = AppPage(
    "Hallucination", "Inside", "inside", "hallucination/inside.py", ":material/neurology:"
)
BEFORE_AFTER = AppPage(
    "Hallucination",
    "Before and after",
    "before-and-after",
    "hallucination/before_after.py",
    ":material/compare:",
)
HALLUCINATION_EXPERIMENTS = AppPage(
    "Hallucination",
    "Experiments",
    "hallucination-experiments",
    "hallucination/experiments.py",
    ":material/science:",
)
FAMILIAR = AppPage(
    "Anomaly", "Familiar?", "familiar", "anomaly/familiar.py", ":material/help_center:"
)
WHERE_ODD = AppPage(
    "Anomaly", "Where is it odd?", "where-odd", "anomaly/where.py", ":material/location_searching:"
)

DOUBT = AppPage(
    "Anomaly",
    "Confusion or ignorance",
    "confusion-or-ignorance",
    "anomaly/doubt.py",
    ":material/psychology_alt:",
)
ANOMALY_EXPERIMENTS = AppPage(
    "Anomaly", "Experiments", "anomaly-experiments", "anomaly/experiments.py", ":material/science:"
)

PRUNE = AppPage("Sparsity", "Prune", "prune", "sparsity/prune.py", ":material/content_cut:")
TICKETS = AppPage(
    "Sparsity", "Tickets", "tickets", "sparsity/tickets.py", ":material/confirmation_number:"
)
SPARSITY_EXPERIMENTS = AppPage(
    "Sparsity",
    "Experiments",
    "sparsity-experiments",
    "sparsity/experiments.py",
    ":material/science:",
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
