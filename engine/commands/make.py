"""`weights`, `gallery` and `coverage`: what ships is made again."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from engine.commands.terminal import clear_line, progress, say
from engine.core.errors import BlindspotError


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
    gallery.add_argument(
        "--confirm",
        nargs="+",
        action="extend",
        default=[],
        metavar="METHOD",
        help="their code changed and not what they compute: compare, and lock their revision",
    )
    gallery.add_argument(
        "--accept",
        nargs="*",
        metavar="METHOD",
        help="lock these as they are, or all, without computing: their files moved, or they train, "
        "which differs between machines, and their recorded answers are the same",
    )
    gallery.add_argument(
        "--check", action="store_true", help="which methods changed under their old revision"
    )
    gallery.set_defaults(command=ship)


def ship(arguments: Namespace) -> None:
    """Compute the answers that ship with the samples, or hold what computes them to its lock."""
    from engine.commands.gallery import accept, confirm, lock_file, make
    from engine.commands.revisions import unconfirmed
    from engine.core.run import GALLERY

    if arguments.check:
        if sentences := unconfirmed(lock_file()):
            raise BlindspotError("\n".join(sentences))
        return
    if arguments.accept is not None:
        accept(arguments.accept)
        return
    if arguments.confirm:
        confirm(arguments.confirm)
        say(f"{', '.join(arguments.confirm)}: as shipped")
        return
    say(f"{make(arguments.again)} answers are in {GALLERY}")


def retrain(arguments: Namespace) -> None:
    """Train a model that ships again."""
    from engine.attribution.mhim import section_networks as sections
    from engine.attribution.study import things
    from engine.hallucination.bands import figures as measured
    from engine.hallucination.ssr_audit import weights as refusal
    from engine.unlearning.generator import weights as generators
    from engine.vision.language.tiny_vlm import weights as tiny_vlm
    from engine.vision.models.embedded import FOLDER, file_of, plan
    from engine.vision.models.embedded import retrain as again

    folder = arguments.out or FOLDER
    if arguments.name == tiny_vlm.NAME:
        networks = tiny_vlm.retrain(measured, folder, tiny_vlm.planned(arguments.seed), progress)
        results = [(network.title, network.path, network.figures) for network in networks]
    elif arguments.name == tiny_vlm.MIXTURE:
        recipe = tiny_vlm.planned(arguments.seed, tiny_vlm.MIXTURE_PLAN)
        model = tiny_vlm.retrain_mixture(measured, folder, recipe, progress)
        results = [(model.title, model.path, model.figures)]
    elif arguments.name == tiny_vlm.LONG:
        recipe = tiny_vlm.planned(arguments.seed, tiny_vlm.LONG_PLAN)
        model = tiny_vlm.retrain_long(measured, folder, recipe, progress)
        results = [(model.title, model.path, model.figures)]
    elif arguments.name == refusal.NAME:
        seeds = refusal.SHIPPED if arguments.seed is None else (arguments.seed,)
        made_nets = refusal.retrain(folder, seeds, progress)
        results = [(net.title, net.path, net.figures) for net in made_nets]
    elif arguments.name == sections.NAME:
        path, all_figures = sections.retrain(folder, arguments.seed or 0, progress)
        results = [(name, path, figures) for name, figures in all_figures.items()]
    elif arguments.name == things.NAME:
        seed = things.SEED if arguments.seed is None else arguments.seed
        card = things.retrain(folder, progress, seed)
        results = [(card.title, file_of(arguments.name, folder), card.figures)]
    elif arguments.name in generators.plans():
        drawing = generators.retrain(arguments.name, folder, progress, arguments.seed)
        results = [(drawing.title, drawing.path, drawing.figures)]
    else:
        name = plan(arguments.name).name
        card = again(name, folder, progress, arguments.seed)
        results = [(card.title, file_of(name, folder), card.figures)]
    clear_line()
    for title, path, figures in results:
        say(f"{title}: {path}, {path.stat().st_size / 1000:.0f} kB")
        for what, figure in figures.items():
            say(f"    {what}: {figure:.4f}")


def cover(_arguments: Namespace) -> None:
    """Rewrite docs/coverage.md."""
    from engine.commands.coverage import FILE, page

    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(page(), encoding="utf-8")
    say(str(FILE))
