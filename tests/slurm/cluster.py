"""A real SLURM of this machine alone: munged, slurmctld and two slurmd in a folder of their own, on ports of their own.

Both nodes are this machine, and each claims two GPUs that are only counted. Three partitions: `cpu`, `gpu`, and
`urgent`, whose jobs take the nodes of the others, which SLURM then requeues.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PROGRAMS: Final = ("munged", "slurmctld", "slurmd", "sbatch")
INSTALL: Final = "apt-get install munge slurmctld slurmd slurm-client"
_NODES: Final = ("n1", "n2")
_CONFIGURATION: Final = """\
ClusterName=tiny
SlurmctldHost={host}
SlurmctldPort={ports[0]}
AuthType=auth/munge
# A job that is put back waits for its credential to expire.
AuthInfo=socket={folder}/munge.sock,cred_expire=5
CredType=cred/munge
SlurmUser=root
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmdSpoolDir={folder}/%n
SlurmdParameters=config_overrides
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
KillWait=2
GresTypes=gpu
NodeName=n1 NodeHostname={host} Port={ports[1]} CPUs=2 RealMemory=8000 Gres=gpu:2
NodeName=n2 NodeHostname={host} Port={ports[2]} CPUs=2 RealMemory=8000 Gres=gpu:2
PartitionName=cpu Nodes=ALL Default=YES PriorityTier=1
PartitionName=gpu Nodes=ALL PriorityTier=1
PartitionName=urgent Nodes=ALL PriorityTier=10
"""


def missing() -> str:
    """Why there can be no cluster here; "" when there can."""
    if os.geteuid():
        return "the daemons of SLURM run as root here"
    gone = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    return f"{', '.join(gone)} not installed ({INSTALL})" if gone else ""


@dataclass
class Cluster:
    """The daemons, while the block lasts."""

    folder: Path
    _daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """For whoever talks to it."""
        return os.environ | {"PATH": _path(), "SLURM_CONF": str(self.folder / "slurm.conf")}

    def __enter__(self) -> Cluster:
        try:
            self._begin()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.clear()
        finally:
            self._end()

    def clear(self) -> None:
        """Take all jobs back."""
        for partition in ("cpu", "gpu", "urgent"):
            self.ask("scancel", f"--partition={partition}", check=False)
        until(lambda: not self.ask("squeue", "-h", check=False), "an empty queue", seconds=30)

    def _end(self) -> None:
        for name in (*_NODES, "slurmctld", "munged"):
            self._stop(name)

    def _begin(self) -> None:
        for name in ("state", *_NODES):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        host, ports = socket.gethostname(), _free_ports(3)
        text = _CONFIGURATION.format(host=host, ports=ports, folder=self.folder)
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "gres.conf").write_text(f"NodeName=n1,n2 Name=gpu File={self.folder}/gpu[0-1]\n")
        for name in ("gpu0", "gpu1"):
            (self.folder / name).touch()  # stands for a device: SLURM only looks whether it is there
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        files = {"key-file": key, "socket": "munge.sock", "pid-file": "munge.pid", "seed-file": "munge.seed"}
        options = [f"--{name}={self.folder / file}" for name, file in files.items()]
        self._start("munged", "munged", "--foreground", "--force", *options)
        until(lambda: (self.folder / "munge.sock").exists(), "munged")
        self.start_controller()
        for node in _NODES:
            self._start(node, "slurmd", "-D", "-N", node)
        until(lambda: {*self.ask("sinfo", "-h", "-o", "%t").split()} == {"idle"}, "the nodes")

    def start_controller(self) -> None:
        """slurmctld, which goes on with the state it has."""
        self._start("slurmctld", "slurmctld", "-D")
        until(lambda: "UP" in self.ask("scontrol", "ping", check=False), "slurmctld")

    def kill_controller(self) -> None:
        """As when its machine goes down, but not in the five seconds in which it has not written what became of a job:
        it asks the nodes for what it forgot half an hour later."""
        queue, since, saved = "", 0.0, self.folder / "state/job_state"

        def written() -> bool:
            nonlocal queue, since
            now, before = time.time(), queue
            queue = self.ask("squeue", "-h", "-o", "%i %T")
            since = since if queue == before else now
            return saved.exists() and saved.stat().st_mtime > since

        until(written, "the state of the jobs")
        self._daemons["slurmctld"].kill()
        self._daemons.pop("slurmctld").wait()

    def ask(self, *command: str, check: bool = True) -> str:
        """What a command of SLURM prints."""
        done = subprocess.run(
            command,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout.strip()

    def _start(self, name: str, *command: str) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self._daemons[name] = subprocess.Popen(
            command, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder
        )
        log.close()

    def _stop(self, name: str) -> None:
        daemon = self._daemons.pop(name, None)
        if daemon is not None:
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def until(true: Callable[[], object], what: str, *, seconds: float = 60) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not after {seconds:.0f} s: {what}"
        time.sleep(0.2)


def _path() -> str:
    """Daemons are in a folder that is not on everybody's path."""
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    try:
        for each in sockets:
            each.bind(("", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
