"""The app, noting every name that it reads from a link: `python -m tests.links.recording run …`.

What a view reads is so known without a list: a new control or a new name is tried by itself.
"""

import os
import sys
from pathlib import Path
from typing import Any

from streamlit.runtime.state.query_params import QueryParams
from streamlit.web.cli import main

NAMES = "LINK_NAMES"  # the variable that says which file the names are written to


def note_names(path: Path) -> None:
    """Write each name into the file, once for each of the process's reads."""
    file = path.open("a", buffering=1)

    def noting(method: str) -> None:
        plain = getattr(QueryParams, method)

        def read(self: QueryParams, key: str, *more: Any) -> Any:
            file.write(f"{key}\n".replace("\x00", ""))
            return plain(self, key, *more)

        setattr(QueryParams, method, read)

    for method in ("__getitem__", "get_all"):
        noting(method)


if __name__ == "__main__":
    note_names(Path(os.environ[NAMES]))
    sys.argv[0] = "streamlit"
    main()
