"""What a first visit waits for, and what visitors cost the server.

A browser without a cache opens every view; many clients without a browser ask at the same moment.
A browser counts from the address to the first picture in its window. Chromium has no graphics card
here and shares the cores with the server.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from time import perf_counter, sleep

import psutil
from playwright.sync_api import Browser, Page
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from benchmarks.table import BenchmarkRow, number
from components.views import HEATMAPS, START, VIEWS, AppPage
from tests.browser.server import ROOT, serving, settle

VISITS = 3  # of each view that count, at most, after one that does not
MANY = 20
REST = 45  # seconds without a visitor, after which a server counts as idle
LONG = 240  # seconds
PICTURE_GOAL, FRESH_GOAL, MANY_GOAL = 1.5, 4.0, 5.0  # seconds
IDLE_GOAL, VISITOR_GOAL, MESSAGE_GOAL = 600, 10, 1.0  # MB

# Notes when the title stands there, and when the first picture, chart or table in the window does.
WATCH = """
window.told = {};
(() => {
  const KINDS = 'img, canvas, svg, table, [data-testid="stPlotlyChart"]';
  const inside = node => [...node.querySelectorAll('*')].filter(one => one.shadowRoot)
    .flatMap(one => all(one.shadowRoot));
  const all = node => [...node.querySelectorAll(KINDS), ...inside(node)];
  const seen = one => {
    const {width, height, top} = one.getBoundingClientRect();
    const whole = one.tagName !== 'IMG' || one.complete && one.naturalWidth;
    return width >= 80 && height >= 60 && top < innerHeight && whole;
  };
  const look = () => {
    const main = document.querySelector('[data-testid="stMain"]');
    if (main?.querySelector('h1')) window.told.title ??= performance.now();
    if (main && !window.told.picture && all(main).some(seen)) {
      window.told.picture = performance.now();
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""


@dataclass(frozen=True)
class FirstVisit:
    """Seconds until the title and the first picture (None without one), and MB of messages."""

    title: float
    picture: float | None
    megabytes: float


def rows(browser: Browser, rounds: int) -> Iterator[BenchmarkRow]:
    """Fresh servers, many at once, memory, then each view."""
    yield from fresh(browser)
    yield from many_at_once()
    with serving(ROOT / "app.py") as url:
        for view in VIEWS:
            address = f"{url}/{view.address}"
            visit(browser, address)
            yield from opened(view, [visit(browser, address) for _ in range(min(rounds, VISITS))])


def opened(view: AppPage, visits: list[FirstVisit]) -> Iterator[BenchmarkRow]:
    """What the visits of a view took."""
    name = f"Fresh browser, {view.menu}: {view.title}"
    titles = [first_visit.title for first_visit in visits]
    seconds = [first_visit.picture for first_visit in visits if first_visit.picture is not None]
    if seconds:
        note = f"title after {number(median(titles))} s"
        yield BenchmarkRow.of(f"{name}, picture", seconds, "s", most=PICTURE_GOAL, note=note)
    else:
        yield BenchmarkRow.of(f"{name}, title", titles, "s", note="it has no picture")
    sizes = [first_visit.megabytes for first_visit in visits]
    yield BenchmarkRow.of(f"{name}, messages", sizes, "MB", most=MESSAGE_GOAL)


def fresh(browser: Browser) -> Iterator[BenchmarkRow]:
    """The first visitor of a server that has just begun to listen."""
    for view in (START, HEATMAPS):
        begun = perf_counter()
        with serving(ROOT / "app.py") as url:
            listening = perf_counter() - begun
            result = visit(browser, f"{url}/{view.address}")
        yield BenchmarkRow.of(
            f"First visit to a fresh server, {view.title}: picture",
            [result.picture or result.title],
            "s",
            most=FRESH_GOAL,
            note=f"title after {result.title:.1f} s; the server listened after {listening:.1f} s",
        )


def visit(browser: Browser, url: str) -> FirstVisit:
    """One visit with an empty cache."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(WATCH)
    page = context.new_page()
    page.set_default_timeout(1000 * LONG)
    size = received(page)
    page.goto(url, wait_until="commit")
    settle(page, LONG)
    timings: dict[str, float] = page.evaluate("window.told")
    context.close()
    picture = timings.get("picture")
    return FirstVisit(timings["title"] / 1000, picture and picture / 1000, size() / 1e6)


def received(page: Page) -> Callable[[], int]:
    """Counts the bytes of the page's messages from now on."""
    sizes: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda f: sizes.append(len(f))))
    return lambda: sum(sizes)


def many_at_once() -> Iterator[BenchmarkRow]:
    """Clients that ask for Heatmaps at the same moment, and what server and clients weigh."""
    with serving(ROOT / "app.py") as url:
        server = at_port(int(url.rsplit(":", 1)[1]))
        sleep(REST)
        idle = megabytes(server)
        yield BenchmarkRow.of("An idle server", [idle], "MB", most=IDLE_GOAL)
        start = threading.Barrier(MANY)
        with ThreadPoolExecutor(MANY) as pool:
            clients = list(pool.map(lambda _: first_run(url, HEATMAPS, start), range(MANY)))
        waits = [seconds for _, seconds in clients]
        yield BenchmarkRow.of(
            f"{MANY} first visits at once, {HEATMAPS.title}: the last is answered",
            [max(waits)],
            "s",
            most=MANY_GOAL,
            note=f"the median after {median(waits):.1f} s",
        )
        before = megabytes(server)
        more = [first_run(url, HEATMAPS, threading.Barrier(1))[0] for _ in range(MANY)]
        per_visitor = (megabytes(server) - before) / MANY
        yield BenchmarkRow.of(
            "Each further visitor who stays", [per_visitor], "MB", most=VISITOR_GOAL
        )
        for client in [*more, *(visitor for visitor, _ in clients)]:
            client.close()


def first_run(url: str, view: AppPage, start: threading.Barrier) -> tuple[ClientConnection, float]:
    """A client that stays, and the seconds until its first run has ended."""
    start.wait()
    begun = perf_counter()
    client = connect(
        f"ws{url.removeprefix('http')}/_stcore/stream",
        origin=url,
        subprotocols=["streamlit"],
        max_size=None,
        ping_interval=None,
    )
    rerun = BackMsg()
    rerun.rerun_script.page_name = view.address
    client.send(rerun.SerializeToString())
    while True:
        message = ForwardMsg()
        message.ParseFromString(bytes(client.recv(timeout=LONG)))
        if message.WhichOneof("type") == "script_finished":
            return client, perf_counter() - begun


def at_port(port: int) -> psutil.Process:
    """The server that we started on that port."""
    ours = psutil.Process().children(recursive=True)
    return next(process for process in ours if str(port) in process.cmdline())


def megabytes(server: psutil.Process) -> float:
    """Resident memory of a server and of the processes it has started."""
    family = [server, *server.children(recursive=True)]
    return sum(process.memory_info().rss for process in family) / 1e6
