"""Visits without a browser: the real script, run by AppTest, and what its page then says."""

import time
import zipfile
from dataclasses import dataclass, field
from threading import Event
from types import SimpleNamespace

from streamlit.testing.v1 import AppTest

from components.views import HEATMAPS, AppPage
from engine.attribution import HEATMAPS as KINDS
from engine.commands import asking
from engine.core import run
from engine.core.lane import lanes
from engine.core.method import case_kind, quiet
from tests.hostile import archives
from tests.in_memory import png
from tests.opening import at_view

QUICK = ["Grad-CAM", "Gradient"]  # answered at once, so a test need not wait
OPENED = {"heatmaps.methods": QUICK, "trust.on": "false"}  # nor for what is not looked at
TITLES = {kind.title: kind for kind in KINDS}


def visit(link: dict[str, str | list[str]] | None = None, view: AppPage = HEATMAPS) -> AppTest:
    """The page after its first run, as a new visitor who followed the link sees it."""
    at = at_view(view)
    at.query_params.update(OPENED | (link or {}))
    return at.run()


def provenance(at: AppTest) -> list[str]:
    """The line under each picture, in the order of the pictures; without seconds."""
    lines = [
        caption.value.split(" · ") for caption in at.main.caption if caption.value.count(" · ") >= 3
    ]
    return [" · ".join(line[:3] + line[4:]) for line in lines]


def problems(at: AppTest) -> list[str]:
    """Everything that is said about a problem, without Markdown's escapes."""
    results = [*at.error, *at.warning, *at.info]
    return [result.value.replace("\\", "") for result in results]


def pills(at: AppTest, key: str):
    """The row of words with that key."""
    return next(group for group in at.button_group if group.key == key)


def settled(at, done=lambda at: not at.main.get("progress") and not at.sidebar.get("progress")):
    """The page once nothing is computed any more, neither in it nor in the sidebar, or once `done`.

    It is drawn again when an answer is there: drawing takes as long as many an answer.
    """
    until = time.monotonic() + 280  # under the time that a test has
    while time.monotonic() < until:
        if done(at):
            return at
        wait_for_an_answer()
        at.run()
        assert not at.exception
    raise AssertionError(problems(at))


def wait_for_an_answer(seconds=3.0):
    """Until one of those that are computed is there; at most so long, as it may be nobody's."""
    jobs = [job for lane in lanes() for job in lane.jobs()]
    until = time.monotonic() + (seconds if jobs else 0.1)
    while time.monotonic() < until and not any(job.finished for job in jobs):
        time.sleep(0.02)


def words(at):
    """All that the main part says."""
    elements = [*at.main.header, *at.main.markdown, *at.main.caption, *at.main.success]
    html = [element.proto.body for element in at.main.get("html")]
    return " ".join([*(element.value for element in elements), *html]).replace("\\", "")


def unfolded(at):
    """The page with everything open that is drawn only when it is unfolded."""
    for box in at.expander:
        if box.proto.id:
            at.session_state[box.proto.id.split("-", 2)[2]] = True
    at.run()
    assert not at.exception
    return at


def question_in(python):
    """The digest of the question that the lines under Share ask."""
    names = {"engine": SimpleNamespace(answer=digest_of)}
    line = python.split("\n\n")[1].splitlines()[0]
    exec(line, names)  # noqa: S102 - what it asks is the question
    return names["answer"]


def digest_of(name, **given):
    """The digest of a question as engine.answer is asked it."""
    method, arguments = asking.question(asking.method_named(name), given)
    return run.digest(method, case_kind(type(method)).read(arguments))


@dataclass(frozen=True)
class Hold:
    """A method's computing, held up until it is let go."""

    begun: Event = field(default_factory=Event)
    stopped: Event = field(default_factory=Event)
    go: Event = field(default_factory=Event)

    def begins(self, at):
        """Draws the page again until the computing has begun."""
        for _ in range(300):
            if self.begun.wait(0.1):
                return
            at.run()
        raise AssertionError("it was never begun")

    def is_given_up(self, seconds):
        """Lets it go; whether it had been told to stop within so many seconds."""
        result = self.stopped.wait(seconds)
        self.go.set()
        return result


def held_up(monkeypatch, kind, only=lambda _method: True):
    """Hold up what methods of that kind compute, or `only` some of them."""
    hold, plain = Hold(), kind.__call__

    def slowly(method, case, progress=quiet):
        if not only(method):
            return plain(method, case, progress)
        hold.begun.set()
        try:
            while not hold.go.wait(0.01):
                progress(0.5, "held up")
        except BaseException:
            hold.stopped.set()
            raise
        return plain(method, case, progress)

    monkeypatch.setattr(kind, "__call__", slowly)
    return hold


def run_experiment(at):
    """The page of an experiment after its run, which the button begins."""
    label = "Run the experiment"
    button = next(button for button in at.button if button.label.startswith(label))
    at = settled(button.click().run())
    assert not problems(at)
    return at


def zipped(files):
    """A zip of files by path, of bytes or of pixels."""
    bodies = {name: body if isinstance(body, bytes) else png(body) for name, body in files.items()}
    return archives.zipped(bodies, zipfile.ZIP_STORED)
