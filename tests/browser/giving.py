"""Files for an uploader, given again where the page's next drawing took the first one along."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator
from playwright.sync_api import TimeoutError as NothingSent

SENT = re.compile("/_stcore/upload_file/")  # where Streamlit's browser side sends files
WAITED = 15_000  # ms, until whoever gave a file sees that nothing happens
TRIES = 3


def give(uploader: Locator, file: dict[str, Any] | Path | str) -> None:
    """Hand a file to the uploader, and see that it is sent.

    While a page is drawn anew, the uploader may be replaced in the moment it gets a file, which
    then goes nowhere. A person sees that nothing happens, and opens the file again.
    """
    for left in reversed(range(TRIES)):
        try:
            with uploader.page.expect_request(lambda one: SENT.search(one.url), timeout=WAITED):
                uploader.set_input_files(file)
        except NothingSent:
            if not left:
                raise
        else:
            return
