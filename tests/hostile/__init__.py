"""Files that mean harm, each made on the fly and small: name, bytes, and what the refusal says.

An empty sentence means that the file may be read, if that costs little.
"""

from tests.hostile.archives import ARRAYS, ZIPS
from tests.hostile.medical import LARGE_SCANS, SCANS
from tests.hostile.pictures import LARGE_PICTURES, PICTURES
from tests.hostile.weights import ARCHITECTURE, OTHERS, WEIGHTS

IMAGES = (*PICTURES, *SCANS)
LARGE = (*LARGE_PICTURES, *LARGE_SCANS)

__all__ = ["ARCHITECTURE", "ARRAYS", "IMAGES", "LARGE", "OTHERS", "WEIGHTS", "ZIPS"]
