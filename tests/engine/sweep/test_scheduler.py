"""A cluster runs what is pickled to it: it is on this computer, or all show a certificate."""

import shutil
import subprocess

import pytest

from engine.core.errors import BlindspotError
from engine.sweep import scheduler
from engine.sweep.scheduler import Scheduler, TlsFiles, connected, is_loopback
from engine.sweep.spread import LocalExecutor, cluster
from engine.sweep.sweeping import look_up, sweep

LOOPBACK = [
    "tcp://127.0.0.1:8786",
    "127.0.0.1:8786",
    "tcp://localhost:1",
    "tcp://[::1]:8786",
    "tcp://127.8.0.1:1",
]
OUTSIDE = [
    "tcp://10.0.0.1:8786",
    "10.0.0.1:8786",
    "tcp://0.0.0.0:8786",
    "tcp://host:8786",
    "tcp://[fe80::1]:8786",
    "tcp://127.0.0.1.example:1",
    "tcp://localhost.example:1",
    "tcp://127.0.0.1@10.0.0.1:1",
]
NONE = [
    "",
    "tcp://",
    "nonsense://x",
    "ws://127.0.0.1:1",
    "ucx://10.0.0.1:1",
    "inproc://x/1/1",
    "http://127.0.0.1:1",
]


@pytest.mark.parametrize("address", LOOPBACK)
def test_a_plain_scheduler_on_this_computer_is_spoken_to(address):
    assert is_loopback(address)
    assert Scheduler(address).security() is None


@pytest.mark.parametrize("address", OUTSIDE)
def test_a_plain_scheduler_elsewhere_is_refused_unless_the_network_is_trusted(address):
    with pytest.raises(BlindspotError, match="not encrypted: whoever reaches"):
        Scheduler(address)
    assert Scheduler(address, trusted=True)


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("address", NONE)
def test_what_is_no_address_is_refused_in_a_sentence(address, trusted):
    with pytest.raises(BlindspotError, match="is no address of a scheduler"):
        Scheduler(address, trusted=trusted)


def test_certificates_are_there_and_go_with_tls(tmp_path):
    file = tmp_path / "dask.pem"
    with pytest.raises(BlindspotError, match="There is no file"):
        TlsFiles(file, file, file)
    file.touch()
    mine = TlsFiles(file, file, file)
    with pytest.raises(BlindspotError, match="are for tls://"):
        Scheduler("tcp://127.0.0.1:1", mine)
    with pytest.raises(BlindspotError, match="needs --tls-ca-file"):
        Scheduler("tls://127.0.0.1:1", trusted=True)


class ClientOfAnExposedCluster:
    """Reached through loopback, while its scheduler or a worker listens outside too."""

    def __init__(self, there):
        self.there = there

    def scheduler_info(self, n_workers):
        return self.there

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


@pytest.mark.parametrize(
    "there",
    [
        {"address": "tcp://10.0.0.1:8786", "workers": {}},
        {
            "address": "tcp://127.0.0.1:8786",
            "workers": {"tcp://127.0.0.1:1": {}, "tcp://10.0.0.2:2": {}},
        },
    ],
)
def test_a_scheduler_that_listens_outside_too_is_refused(monkeypatch, there):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(distributed, "Client", lambda *_, **__: ClientOfAnExposedCluster(there))
    with pytest.raises(BlindspotError, match=r"10\.0\.0\.. is not|10\.0\.0\..:\d+ is not on this"):
        cluster(Scheduler("tcp://127.0.0.1:8786"))
    with connected(Scheduler("tcp://127.0.0.1:8786", trusted=True)) as client:
        assert client.there is there


@pytest.fixture
def certificate(tmp_path):
    """Make a certificate by hand, in the way of docs/sweep.md."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing")

    def make(name):
        pem, key = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        command += f" -days 90 -subj /CN=dask -keyout {key} -out {pem}"
        subprocess.run(command.split(), check=True, capture_output=True)
        return TlsFiles(pem, pem, key)

    return make


def test_over_tls_only_who_has_the_certificate_is_heard(certificate, at_home, digits, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(scheduler, "PATIENCE", 60.0)
    ours, strange = certificate("ours"), certificate("strange")
    both = {
        f"tls_{part}_{what}": str(getattr(ours, what))
        for part in ("scheduler", "worker", "client")
        for what in ("cert", "key")
    }
    security = distributed.Security(tls_ca_file=str(ours.ca_file), require_encryption=True, **both)
    at_home()
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tls://",
        host="127.0.0.1",
        security=security,
        dashboard_address=None,
    ) as local_cluster:
        address = local_cluster.scheduler_address
        assert address.startswith("tls://")
        workers = cluster(Scheduler(address, ours))
        looked = look_up(digits(1), workers, lambda _: None)
        done = sweep(looked, workers, lambda _: None)
        assert (len(done.rows), done.left_out) == (3, ())
        assert look_up(digits(1), LocalExecutor(), lambda _: None).kept == 3
        monkeypatch.setattr(scheduler, "PATIENCE", 2.0)
        for wrong in (strange, TlsFiles(ours.ca_file, strange.cert, strange.key)):
            with pytest.raises(BlindspotError, match="with a certificate that we know"):
                cluster(Scheduler(address, wrong))
        with pytest.raises(BlindspotError, match="No Dask scheduler answers"):
            cluster(Scheduler(address.replace("tls", "tcp")))
