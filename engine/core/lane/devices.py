"""The lanes of this process, one for each device, from the first question to the end."""

import atexit
import threading

from engine.core.lane.queue import Lane

_lanes: dict[str, Lane] = {}
_lanes_lock = threading.Lock()


def lane(device: str) -> Lane:
    """The one lane of a device in this process."""
    with _lanes_lock:
        if device not in _lanes:
            _lanes[device] = Lane(device)
        return _lanes[device]


def lanes() -> tuple[Lane, ...]:
    """Every lane that was used in this process."""
    with _lanes_lock:
        return tuple(_lanes.values())


@atexit.register
def close_lanes() -> None:
    """Leave no job running when the process ends."""
    for open_lane in list(_lanes.values()):
        open_lane.close()
