"""A cluster runs what is pickled to it: it is on this computer, or all show a certificate."""

import shutil
import subprocess
from contextlib import nullcontext
from itertools import product

import pytest

from engine.core.errors import BlindspotError
from engine.sweep import scheduler
from engine.sweep.scheduler import Scheduler, TlsFiles, connected, is_loopback
from engine.sweep.spread import LocalExecutor, cluster
from engine.sweep.sweeping import look_up, sweep

LOCAL, EVERYWHERE = "tcp://127.0.0.1:8786", "tcp://0.0.0.0:8786"
LOOPBACK = ["127.0.0.1", "localhost", "[::1]", "127.8.0.1"]
OUTSIDE = ["10.0.0.1", "host", "[fe80::1]", *(f"{host}.example" for host in LOOPBACK[:2])]
NONE = ["", "tcp://", "nonsense://x", "ucx://10.0.0.1:1", "inproc://x/1/1", "ws://127.0.0.1:1"]


def addresses(hosts):
    """Each with the scheme of a plain scheduler and a port, and the first without a scheme."""
    return [f"{hosts[0]}:8786", *(f"tcp://{host}:8786" for host in hosts)]


@pytest.mark.parametrize("address", addresses(LOOPBACK))
def test_a_plain_scheduler_on_this_computer_is_spoken_to(address):
    assert is_loopback(address)
    assert Scheduler(address).security() is None


@pytest.mark.parametrize("address", [*addresses([*OUTSIDE, "127.0.0.1@10.0.0.1"]), EVERYWHERE])
def test_a_plain_scheduler_elsewhere_is_refused_unless_the_network_is_trusted(address):
    with pytest.raises(BlindspotError, match="not encrypted: whoever reaches"):
        Scheduler(address)
    assert Scheduler(address, trusted=True)


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("address", [*NONE, "http://127.0.0.1:1"])
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


class ClientOfAnExposedCluster(nullcontext):
    """Reached through loopback, while its scheduler or a worker listens outside too."""

    def scheduler_info(self, n_workers):
        return self.enter_result


@pytest.mark.parametrize(
    "there",
    [
        {"address": "tcp://10.0.0.1:8786", "workers": {}},
        {"address": LOCAL, "workers": {"tcp://127.0.0.1:1": {}, "tcp://10.0.0.2:2": {}}},
    ],
)
def test_a_scheduler_that_listens_outside_too_is_refused(monkeypatch, there):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(distributed, "Client", lambda *_, **__: ClientOfAnExposedCluster(there))
    with pytest.raises(BlindspotError, match=r"10\.0\.0\.. is not|10\.0\.0\..:\d+ is not on this"):
        cluster(Scheduler(LOCAL))
    with connected(Scheduler(LOCAL, trusted=True)) as client:
        assert client.scheduler_info(1) is there


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
    files = product(("scheduler", "worker", "client"), ("cert", "key"))
    both = {f"tls_{part}_{what}": str(getattr(ours, what)) for part, what in files}
    security = distributed.Security(tls_ca_file=str(ours.ca_file), require_encryption=True, **both)
    at_home()
    small = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    over_tls = {"protocol": "tls://", "host": "127.0.0.1", "security": security}
    with distributed.LocalCluster(**small, **over_tls) as local_cluster:
        address = local_cluster.scheduler_address
        assert address.startswith("tls://")
        workers = cluster(Scheduler(address, ours))
        done = sweep(look_up(digits(1), workers, lambda _: None), workers, lambda _: None)
        assert (len(done.rows), done.left_out) == (3, ())
        assert look_up(digits(1), LocalExecutor(), lambda _: None).kept == 3
        monkeypatch.setattr(scheduler, "PATIENCE", 2.0)
        for wrong in (strange, TlsFiles(ours.ca_file, strange.cert, strange.key)):
            with pytest.raises(BlindspotError, match="with a certificate that we know"):
                cluster(Scheduler(address, wrong))
        with pytest.raises(BlindspotError, match="No Dask scheduler answers"):
            cluster(Scheduler(address.replace("tls", "tcp")))
