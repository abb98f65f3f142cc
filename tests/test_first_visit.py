"""What a first visit loads and sends: no package that a shipped answer does not need, no megabyte.

A process of its own draws every view as it opens, since in this one other tests load whatever they
like. That takes eight seconds, most of them for torch; two processes would take it twice.
"""

import json
import subprocess
import sys

from components.views import ROOT, VIEWS

MOST = 1_000_000  # bytes of a view's messages
HEAVY = {  # 0.2 to 2 s each; what computes with them loads them
    "captum", "dask", "distributed", "matplotlib.figure", "nibabel", "onnx", "open_clip", "pydicom",
    "scipy.integrate", "scipy.optimize", "scipy.stats", "skimage.metrics", "skimage.segmentation",
    "sklearn", "torchxrayvision", "transformers",
}  # fmt: skip
DRAW = """
import json, sys
from components import ready
from components.views import VIEWS
from engine.vision.models import pace
from tests.opening import at_view
pace.try_paces = lambda model, use, formats: pace.Pace(4, formats[0], use, 0.01)
ready.load()

def size(node):
    proto = getattr(node, "proto", None)
    own = proto.ByteSize() if hasattr(proto, "ByteSize") else 0
    return own + sum(size(one) for one in getattr(node, "children", {}).values())

found = {}
for view in VIEWS:
    at = at_view(view).run()
    assert not at.exception, view.address
    found[view.address] = size(at._tree)
print(json.dumps({"bytes": found, "modules": sorted(sys.modules)}))
"""


def test_views_open_below_a_megabyte_and_without_packages_that_shipped_answers_do_not_need():
    done = subprocess.run(
        [sys.executable, "-c", DRAW], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    opened = json.loads(done.stdout.splitlines()[-1])
    assert not HEAVY.intersection(opened["modules"])
    assert "torch" in opened["modules"]  # the names are modules' names
    assert opened["bytes"].keys() == {view.address for view in VIEWS}
    assert {address for address, size in opened["bytes"].items() if size > MOST} == set()
    assert min(opened["bytes"].values()) > 5_000
