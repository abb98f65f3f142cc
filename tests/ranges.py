"""Do the ranges of requirements.txt hold? `python -m tests.ranges lowest|newest FOLDER`.

Makes an environment of its own in the folder, with the lowest or the newest version of each package
that requirements.txt allows, asks a first question there and runs the tests that touch most of the
packages. On Linux the lowest PyTorch comes with CUDA: 6 GB.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements.txt"
FOR_TESTS = ("pytest>=8.3", "pytest-timeout>=2.3", "hypothesis>=6.100", "syrupy>=5,<8")
METHOD_ARGUMENTS = ("attribution.GradCam", "--image", "sample:chelsea")
TESTS = (
    "tests/engine/core/test_store.py",
    "tests/engine/core/test_run.py",
    "tests/engine/vision/test_images.py",
    "tests/engine/vision/test_hostile.py",
    "tests/engine/core/test_lane.py",
    "tests/engine/commands/test_cli.py",
    "tests/engine/vision/images",
    "tests/engine/vision/data",
    "tests/components/test_guard.py",
    "tests/components/test_forms.py",
)


def lowest(text: str) -> list[str]:
    """Each package of a requirements file at its lower bound. Raises ValueError: one has none."""
    results = []
    for line in text.splitlines():
        words = line.partition("#")[0].strip()
        if not words or words.startswith("-"):
            continue
        need = Requirement(words)
        bounds = [bound.version for bound in need.specifier if bound.operator == ">="]
        if len(bounds) != 1:
            raise ValueError(f"{need.name} has no lower bound")
        results.append(f"{need.name}=={bounds[0]}")
    return results


def install(folder: Path, *, at_lowest: bool) -> Path:
    """The Python of a new environment."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    constraints = folder / "lowest.txt"
    constraints.write_text("\n".join(lowest(REQUIREMENTS.read_text(encoding="utf-8"))) + "\n")
    options = ["-c", str(constraints)] if at_lowest else []
    command = [str(python), "-m", "pip", "install", "-q", *options, "-r", str(REQUIREMENTS)]
    subprocess.run([*command, *FOR_TESTS], check=True)
    return python


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.ranges", description=__doc__)
    parser.add_argument("end", choices=("lowest", "newest"))
    parser.add_argument("folder", type=Path, help="of the environment, which must not exist")
    parsed = parser.parse_args()
    python = install(parsed.folder, at_lowest=parsed.end == "lowest")
    with TemporaryDirectory(prefix="blindspot-ranges-") as home:
        env = {**os.environ, "BLINDSPOT_HOME": home}
        question = [str(python), "-m", "engine", "run", *METHOD_ARGUMENTS, "--out", f"{home}/out"]
        subprocess.run(question, cwd=ROOT, env=env, check=True)
        tests = [str(python), "-m", "pytest", "-q", "-m", "not slow", *TESTS]
        return subprocess.run(tests, cwd=ROOT, env=env, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
