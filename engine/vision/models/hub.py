"""Published weights from the model hub, and whether it can be reached from here."""

import logging
import socket
import threading
from functools import partial
from time import monotonic
from urllib.parse import urlsplit

import timm

from engine.core.errors import BadModel
from engine.vision.models.architectures import known_architecture, wrap
from engine.vision.models.building import on_meta
from engine.vision.models.classifier import Classifier
from engine.vision.models.lite import DEFAULT

log = logging.getLogger(__name__)

HUB_SECONDS = 3.0  # how long a hub may take to show that it is there
HUB_REMEMBERED = 60.0  # seconds for which the last look holds

_hub_seen: tuple[float, bool] | None = None
_hosts_seen: dict[str, tuple[float, bool]] = {}
_hub_lock = threading.Lock()


def load_from_hub(architecture: str) -> Classifier:
    """A timm architecture with its published weights."""
    known_architecture(architecture)
    if not in_hub_cache(architecture) and not hub_answers():
        raise BadModel(
            f"{architecture} needs weights from the model hub, which cannot be reached from here. "
            f"Choose {DEFAULT}, or give a .safetensors file of your own."
        )
    on_meta(partial(timm.create_model, architecture, pretrained=False), architecture)
    try:
        network = timm.create_model(architecture, pretrained=True)
    except Exception as error:  # the hub's client, timm and torch each raise kinds of their own
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise BadModel(f"The weights of {architecture} could not be had: {first}") from error
    return wrap(network, architecture, architecture, architecture=architecture)


def in_hub_cache(architecture: str) -> bool:
    """Whether the published weights were downloaded before."""
    from huggingface_hub import try_to_load_from_cache

    config = timm.models.get_pretrained_cfg(architecture)
    repository = getattr(config, "hf_hub_id", None)
    if not repository:
        return False
    names = ("model.safetensors", "pytorch_model.bin")
    return any(isinstance(try_to_load_from_cache(repository, name), str) for name in names)


def hub_known() -> bool | None:
    """Whether the hub could be reached when it was last needed; None when that is not known.

    Nobody is asked: a hub is looked for only when somebody chooses a model of it.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    last_check = _hub_seen
    return (
        None
        if last_check is None or monotonic() - last_check[0] > HUB_REMEMBERED
        else last_check[1]
    )


def hub_answers() -> bool:
    """Whether the model hub can be reached; looked for once a minute at most, never for long."""
    global _hub_seen  # noqa: PLW0603 - one look for the whole process
    with _hub_lock:  # those who ask meanwhile share the one look
        if _hub_seen is None or monotonic() - _hub_seen[0] > HUB_REMEMBERED:
            reached = knock()
            _hub_seen = monotonic(), reached
        return _hub_seen[1]


def knock() -> bool:
    """Try to connect to the hub, unless this process is told to stay offline."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    return connects(urlsplit(constants.ENDPOINT).hostname or "")


def host_known(host: str) -> bool | None:
    """As `hub_known`, for another host that weights are downloaded from."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    last_check = _hosts_seen.get(host)
    return (
        None
        if last_check is None or monotonic() - last_check[0] > HUB_REMEMBERED
        else last_check[1]
    )


def host_answers(host: str) -> bool:
    """As `hub_answers`, for another host."""
    with _hub_lock:
        if (reachable := host_known(host)) is None:
            reachable = connects(host)
            _hosts_seen[host] = monotonic(), reachable
        return reachable


def connects(host: str) -> bool:
    """Try to connect, in a thread, because a name lookup cannot be timed out otherwise."""
    reached = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection((host, 443), timeout=HUB_SECONDS).close()
            reached.set()
        except OSError as error:
            log.info("%s cannot be reached: %s", host, error)

    threading.Thread(target=connect, daemon=True).start()
    return reached.wait(HUB_SECONDS)
