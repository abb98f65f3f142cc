"""`python -m engine`: the engine from the command line."""

import sys

from engine.commands.cli import main

sys.exit(main())
