"""The command line: the same engine, for scripts.

The shapes of what is printed and written as JSON are a contract; changing them needs a changelog
entry. Status 0 says that everything asked for was computed, 2 that something asked was wrong, 1
that something went wrong here: then one line on stderr says what. Nothing heavy is imported before
it is known what is wanted.
"""

import os
import sys
from argparse import REMAINDER, Namespace
from collections.abc import Callable, Sequence

from engine.commands import lists, make, sweep
from engine.commands.run import USAGE, ask
from engine.commands.terminal import WRONG, Parser, wrong
from engine.core.errors import BlindspotError

FAULT = 1  # exit status of an error that nobody foresaw
TRACE = "BLINDSPOT_TRACE"  # set it to see where
STOPPED = 130  # exit status of Ctrl+C, as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked; the exit status."""
    options = parser().parse_args(arguments)
    command: Callable[[Namespace], None] = options.command
    try:
        command(options)
    except BlindspotError as error:
        return wrong(str(error))
    except BrokenPipeError:  # the reader has seen enough
        sys.stderr.close()
        return WRONG
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        return wrong(f"{named}{error.strerror or error}")
    except KeyboardInterrupt:
        wrong("stopped")
        return STOPPED
    except Exception as error:
        is_reported = isinstance(error, sweep.AnswersFailed)  # what failed is written and logged
        if os.environ.get(TRACE) and not is_reported:
            raise
        fault = f"a fault of ours: {type(error).__name__}: {error}. {TRACE}=1 shows where."
        wrong(str(error) if is_reported else fault)
        return FAULT
    return 0


def parser() -> Parser:
    """What can be asked."""
    top = Parser(prog="python -m engine", description="Blindspot's engine from the command line.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name, command, words in (
        ("methods", lists.methods, "every method, with its settings and the arguments of its case"),
        ("models", lists.models, "the models that can be chosen here, and why one cannot"),
        ("data", lists.data, "the data sets that can be chosen here"),
    ):
        listing = commands.add_parser(name, help=words, description=words.capitalize() + ".")
        listing.add_argument("--json", action="store_true", help="as JSON, for scripts")
        listing.set_defaults(command=command)
    run = commands.add_parser(
        "run",
        help="ask a method",
        usage=f"python -m engine {USAGE}",
        description="Ask a method; result.json, arrays and pictures are written. "
        "`run FAMILY.Name --help` lists what the method can be asked about and its settings.",
    )
    run.add_argument("method", metavar="FAMILY.Name", help="as listed by: python -m engine methods")
    run.add_argument("words", nargs=REMAINDER, metavar="…", help="options of the method")
    run.set_defaults(command=ask)
    sweep.options(
        commands.add_parser(
            "sweep",
            help="ask many questions at once: methods × images × models × settings",
            description="Compute what a plan crosses out to and is not kept yet; write tables of "
            "the numbers and one page of small maps.",
        )
    )
    weights = commands.add_parser("weights", help="train a model that ships again from its recipe")
    make.weights_options(weights)
    coverage = commands.add_parser("coverage", help="rewrite docs/coverage.md")
    coverage.set_defaults(command=make.cover)
    gallery = commands.add_parser("gallery", help="compute the answers that ship with the samples")
    make.gallery_options(gallery)
    return top
