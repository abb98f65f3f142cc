"""One job at a time per device, with progress, cancel and a place in the queue.

A job is named by the digest of its question: whoever asks the same thing while it waits or runs
joins it, and it is cancelled only when the last of them has left. The shortest kind of job goes
first, among equals what somebody looks at, and then the visitor who was served longest ago. A
longer job lets waiting live questions through at its progress calls, as long as it has no hook on a
model at that moment.

What costs a "job" is wanted by the house too: it goes on when its visitors have closed the page,
and ends when the last of them who is still there stops it.
"""

from engine.core.lane.devices import lane, lanes
from engine.core.lane.job import HOUSE, Job, Past
from engine.core.lane.queue import Lane

__all__ = ["HOUSE", "Job", "Lane", "Past", "lane", "lanes"]
