"""The script that every visit runs, at a view, without a browser and before its first run."""

from functools import cache
from typing import Any

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from components.views import ROOT, VIEWS, AppPage

# Each run of an AppTest looks for components in all installed packages; they stay the same.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
# An AppTest learns addresses in a first run. That costs as much as a page, and a browser has none.
PAGES = {calc_hash(view.address): {"script_path": str(view.path)} for view in VIEWS}


class Page(AppTest):
    """A page none of whose runs may end in an exception."""

    def _run(self, *given: Any, **more: Any) -> AppTest:
        super()._run(*given, **more)
        assert not self.exception
        return self

    @classmethod
    def _from_string(cls, *given: Any, **more: Any) -> AppTest:
        at = super()._from_string(*given, **more)  # Streamlit's own makes an AppTest of it
        at.__class__ = cls
        return at


def at_view(view: AppPage) -> AppTest:
    """What the first run will draw at a view's address."""
    at = Page(ROOT / "components" / "frame.py", default_timeout=120)
    at._registered_pages = PAGES
    return at.switch_page(str(view.path))
