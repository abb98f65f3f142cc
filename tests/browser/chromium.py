"""Finds a Chromium, or installs one: `python -m tests.browser.chromium`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

SHELL = "chromium-headless-shell"  # draws the same and has no window's work to do
COMMANDS = (SHELL, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--process-per-site",  # what one page has compiled, the next page of the server need not
]


def find(playwright: Playwright) -> str | None:
    for command in COMMANDS:
        if path := shutil.which(command):
            return path
    bundled = playwright.chromium.executable_path
    return bundled if Path(bundled).exists() else None


def launch(playwright: Playwright) -> Browser:
    """A headless browser; raises when this machine has none."""
    path = find(playwright)
    if path is None:
        raise FileNotFoundError("There is no Chromium here. Run: make chromium")
    return playwright.chromium.launch(executable_path=path, args=FLAGS)


def installers() -> list[list[str]]:
    ways = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get"):
        may = [] if os.geteuid() == 0 else ["sudo", "-n"]
        install = "DEBIAN_FRONTEND=noninteractive apt-get install -y -q"
        get = f"apt-get update -q && {{ {install} {SHELL} || {install} chromium; }}"
        if not may or shutil.which("sudo"):
            ways.insert(0, [*may, "sh", "-c", get])
    return ways


def main() -> int:
    """Makes sure there is a browser; says so in one sentence when there cannot be."""
    with sync_playwright() as playwright:
        if find(playwright):
            return 0
        for way in installers():
            sys.stderr.write(f"Installing Chromium for the browser tests: {' '.join(way)}\n")
            subprocess.run(way, check=False, stdout=subprocess.DEVNULL)
            if find(playwright):
                return 0
    sys.stderr.write(
        "The browser tests need Chromium, and none could be installed. "
        "Install Chromium or Google Chrome yourself, then run this again.\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
