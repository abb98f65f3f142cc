"""How threads wait is settled before torch is loaded."""

import os
import subprocess
import sys

from engine.process import SPINS


def test_importing_the_engine_settles_it_and_does_not_load_torch():
    script = "import sys, os, engine; print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"
    env = {k: v for k, v in os.environ.items() if k != "GOMP_SPINCOUNT"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [SPINS, "False"]


def test_a_choice_made_outside_is_kept():
    script = "import os, engine; print(os.environ['GOMP_SPINCOUNT'])"
    env = os.environ | {"GOMP_SPINCOUNT": "7"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["7"]
