"""The address of a Dask scheduler, and whether it is safe to speak to it.

A scheduler, its workers and its clients run whatever is pickled to them. So a plain connection
stays on this computer, and any other one is TLS in which both sides show a certificate, unless a
person says that nobody else can reach the network.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine.core.errors import BlindspotError

PATIENCE = 10.0  # seconds for a scheduler to answer
PLAIN, TLS = "tcp", "tls"
FLAGS = "--tls-ca-file, --tls-cert and --tls-key"
ADDRESS_LETTERS = 80  # letters of an address in a sentence


@dataclass(frozen=True)
class TlsFiles:
    """The PEM files by which both sides of a connection know each other, as Dask calls them.

    Args:
        ca_file: who has signed the certificates that are believed.
        cert: the certificate that is shown.
        key: its private key.
    """

    ca_file: Path
    cert: Path
    key: Path

    def __post_init__(self) -> None:
        for path in (self.ca_file, self.cert, self.key):
            if not path.is_file():
                raise BlindspotError(f"There is no file {path}: {FLAGS} name PEM files.")


@dataclass(frozen=True)
class Scheduler:
    """A scheduler by its address.

    Args:
        address: tcp://HOST:PORT or tls://HOST:PORT.
        certificates: for tls.
        trusted: whether a person says that only trusted people reach this network.

    Raises:
        BlindspotError: the address is none, or must not be spoken to in that way.
    """

    address: str
    certificates: TlsFiles | None = None
    trusted: bool = False

    def __post_init__(self) -> None:
        if self.protocol not in {PLAIN, TLS} or not host_of(self.address):
            raise BlindspotError(
                f"{self.address[:ADDRESS_LETTERS]!r} is no address of a scheduler: write "
                "tls://HOST:8786, or "
                "tcp://127.0.0.1:8786 for one on this computer."
            )
        if self.protocol == PLAIN and self.certificates:
            raise BlindspotError(
                f"{FLAGS} are for tls://: {self.address[:ADDRESS_LETTERS]} is plain."
            )
        if self.protocol == TLS and not self.certificates:
            raise BlindspotError(
                f"{self.address[:ADDRESS_LETTERS]} needs {FLAGS}, see docs/sweep.md."
            )
        self.check([self.address])

    @property
    def protocol(self) -> str:
        """How it is spoken to; plain where the address does not say."""
        return urlsplit(self.address).scheme if "://" in self.address else PLAIN

    def check(self, addresses: Iterable[str]) -> None:
        """Raise BlindspotError where one of them can be reached from outside, and is plain."""
        for address in addresses:
            if (
                not self.trusted
                and not address.startswith(f"{TLS}://")
                and not is_loopback(address)
            ):
                raise BlindspotError(
                    f"{address[:ADDRESS_LETTERS]} is not on this computer and not encrypted: "
                    "whoever reaches "
                    "it may run code on every computer of the cluster, and here. Start the "
                    "scheduler and its workers with TLS or on 127.0.0.1 (docs/sweep.md says how), "
                    "or say with --trusted-network that nobody else reaches this network."
                )

    def security(self) -> Any:
        """What Dask calls its certificates; None for a plain connection."""
        from distributed import Security

        if not self.certificates:
            return None
        names = self.certificates
        return Security(
            tls_ca_file=str(names.ca_file),
            tls_client_cert=str(names.cert),
            tls_client_key=str(names.key),
            require_encryption=True,
        )


def host_of(address: str) -> str:
    """The host of an address; "" where it has none."""
    with suppress(ValueError):
        return urlsplit(address if "://" in address else f"{PLAIN}://{address}").hostname or ""
    return ""


def is_loopback(address: str) -> bool:
    """Whether only this computer reaches an address; of names only localhost is known."""
    host = host_of(address)
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


@contextmanager
def connected(scheduler: Scheduler) -> Iterator[Any]:
    """A client of a scheduler.

    Raises:
        BlindspotError: none answers, or it or a worker listens outside of this computer without
            TLS: a scheduler listens on every interface unless it is told otherwise.
    """
    from distributed import Client

    address = scheduler.address
    try:
        client: Any = Client(
            address, timeout=PATIENCE, set_as_default=False, security=scheduler.security()
        )
    except (OSError, ValueError, TimeoutError, RuntimeError):
        also = " with a certificate that we know" if scheduler.certificates else ""
        raise BlindspotError(
            f"No Dask scheduler answers at {address[:ADDRESS_LETTERS]}{also}: start one as "
            "docs/sweep.md "
            "says, or leave --scheduler out."
        ) from None
    with client:
        scheduler_info = client.scheduler_info(n_workers=-1)
        scheduler.check([scheduler_info["address"], *scheduler_info["workers"]])
        yield client
