"""`weights`, `gallery` and `coverage`: what ships is made again."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from engine.commands.terminal import clear_line, progress, say


def weights_options(weights: ArgumentParser) -> None:
    """How a model that ships is trained again."""
    weights.add_argument(
        "name",
        metavar="NAME",
        help="as in assets/weights/recipes.toml or generators.toml, or tiny-vlm, tiny-vlm-experts, "
        "tiny-vlm-long, scene-decliner, scenes-things or section-networks",
    )
    weights.add_argument(
        "--out", type=Path, help="the folder to write it into; assets/weights when left out"
    )
    weights.add_argument("--seed", type=int, help="another seed than the recipe's")
    weights.set_defaults(command=retrain)


def gallery_options(gallery: ArgumentParser) -> None:
    """How the answers that ship are computed."""
    gallery.add_argument(
        "--again",
        nargs="+",
        action="extend",
        default=[],
        metavar="METHOD",
        help="compute these anew although they are there, such as Study for its seconds",
    )
    gallery.set_defaults(command=ship)


def ship(wanted: Namespace) -> None:
    """Compute the answers that ship with the samples."""
    from engine.gallery import make
    from engine.run import GALLERY

    say(f"{make(wanted.again)} answers are in {GALLERY}")


def retrain(wanted: Namespace) -> None:
    """Train a model that ships again."""
    from engine.attribution.slides import section_networks as sections
    from engine.attribution.study import things
    from engine.hallucination.refusal import weights as refusal
    from engine.hallucination.tiny_vlm import weights as tiny_vlm
    from engine.models.embedded import FOLDER, file_of, plan
    from engine.models.embedded import retrain as again
    from engine.unlearning.generator import weights as generators

    folder = wanted.out or FOLDER
    if wanted.name == tiny_vlm.NAME:
        made = tiny_vlm.retrain(folder, tiny_vlm.planned(wanted.seed), progress)
        results = [(network.title, network.path, network.figures) for network in made]
    elif wanted.name == tiny_vlm.MIXTURE:
        recipe = tiny_vlm.planned(wanted.seed, tiny_vlm.MIXTURE_PLAN)
        model = tiny_vlm.retrain_mixture(folder, recipe, progress)
        results = [(model.title, model.path, model.figures)]
    elif wanted.name == tiny_vlm.LONG:
        recipe = tiny_vlm.planned(wanted.seed, tiny_vlm.LONG_PLAN)
        model = tiny_vlm.retrain_long(folder, recipe, progress)
        results = [(model.title, model.path, model.figures)]
    elif wanted.name == refusal.NAME:
        seeds = refusal.SHIPPED if wanted.seed is None else (wanted.seed,)
        made_nets = refusal.retrain(folder, seeds, progress)
        results = [(net.title, net.path, net.figures) for net in made_nets]
    elif wanted.name == sections.NAME:
        path, all_figures = sections.retrain(folder, wanted.seed or 0, progress)
        results = [(name, path, figures) for name, figures in all_figures.items()]
    elif wanted.name == things.NAME:
        seed = things.SEED if wanted.seed is None else wanted.seed
        card = things.retrain(folder, progress, seed)
        results = [(card.title, file_of(wanted.name, folder), card.figures)]
    elif wanted.name in generators.plans():
        drawing = generators.retrain(wanted.name, folder, progress, wanted.seed)
        results = [(drawing.title, drawing.path, drawing.figures)]
    else:
        name = plan(wanted.name).name
        card = again(name, folder, progress, wanted.seed)
        results = [(card.title, file_of(name, folder), card.figures)]
    clear_line()
    for title, path, figures in results:
        say(f"{title}: {path}, {path.stat().st_size / 1000:.0f} kB")
        for what, figure in figures.items():
            say(f"    {what}: {figure:.4f}")


def cover(_wanted: Namespace) -> None:
    """Rewrite docs/coverage.md."""
    from engine.commands.coverage import FILE, page

    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(page(), encoding="utf-8")
    say(str(FILE))
