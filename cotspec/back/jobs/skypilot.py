"""SkyPilot: a task file, with which `sky launch` rents a machine for a whole experiment, or for one of its tasks.

The rented machine has the project without what git ignores, perhaps without `.git`. So it works through DVC: what there
is already comes from the DVC remote, results go there, and the run cache hands them to `dvc repro --pull` at home, and
to the next machine where one was taken away.
"""

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from cotspec.back.jobs.base import Job, JobFile
from cotspec.back.rendering import HEADER, Setting, yaml_mapping
from cotspec.spec.base import Argument, Count, Text

USAGE: Final = """\
# In the project's folder, the task's inputs pushed (`dvc push`): sky launch {folder}/sky.yaml
# When it is done: dvc repro --pull {folder}/dvc.yaml
"""

# The GPUs of this machine are those of one task: the preflight counts them for none (ELSEWHERE, spec/run_settings.py).
# In the task's folder, since `dvc repro --pull` takes the path of an input from where it was called, not from dvc.yaml.
RUN: Final = """\
run: |
  set -euo pipefail
  [ -e .git ] || git init --quiet
  cd {folder}
  COTSPEC_ELSEWHERE=1 dvc repro --pull --allow-missing
  dvc push --run-cache --with-deps dvc.yaml
"""

WHOLE_USAGE: Final = """\
# In the project's folder, what was made already pushed (`dvc push --run-cache`): sky launch {folder}/sky.yaml
# When it is done: dvc repro --pull {folder}/dvc.yaml
"""

# Every ten minutes, and at the end, also that of a failure: what is finished is safe when the machine is taken away.
WHOLE_RUN: Final = """\
run: |
  set -euo pipefail
  [ -e .git ] || git init --quiet
  push() {{ dvc --wait-for-lock push --run-cache --with-deps {folder}/dvc.yaml; }}
  (while sleep 600; do push || true; done) > /dev/null 2>&1 &
  trap 'kill "$!"; push' EXIT
  dvc --wait-for-lock repro --pull {folder}/dvc.yaml
"""

# sky.skylet.constants.ALL_CLOUDS of SkyPilot 0.14.1
Cloud = Literal[
    "aws",
    "azure",
    "cudo",
    "do",
    "fluidstack",
    "gcp",
    "hyperbolic",
    "ibm",
    "kubernetes",
    "lambda",
    "mithril",
    "nebius",
    "oci",
    "paperspace",
    "primeintellect",
    "runpod",
    "scp",
    "seeweb",
    "shadeform",
    "slurm",
    "ssh",
    "vast",
    "verda",
    "vsphere",
    "yotta",
]


class SkyPilot(JobFile):
    """A task file of SkyPilot for the whole experiment, beside its report, and one for each task that uses a GPU.
    `cpus` and `memory` are the least that its machine has."""

    FILE: ClassVar[str] = "sky.yaml"

    accelerators: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$", examples=["H100", "A100-80GB"])]
    """Name of the GPU without a count, which is the task's `gpus`: `H100`."""
    setup: Annotated[Text, Field(examples=["pip install -c constraints.txt -e '.[train]'"])]
    """Shell commands, run once in the project's folder on the new machine: `python` can import cotspec and run training
    afterwards, and `dvc` is there."""
    envs: dict[Argument, str] = {}
    """Variables of the environment for `setup` and the task. They are in a file: no secrets."""
    cpus: Count | None = None
    """CPU cores."""
    memory: Count | None = None
    """Memory in GB."""
    disk_size: Count | None = None
    """Disk in GB."""
    use_spot: bool = False
    """Rent a machine that may be taken away: cheaper, and the task begins anew then."""
    cloud: Cloud | None = None
    """Where to rent; the cheapest when left out."""
    region: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$")] | None = None
    """Region of the cloud, by its own name: `us-east-1`."""

    def text(self, job: Job) -> str:
        """sky.yaml: the machine, how it is prepared, and the task through DVC."""
        return self._file(job, USAGE, RUN)

    def whole(self, job: Job) -> str:
        """The same for all tasks of an experiment, one after the other on one machine."""
        return self._file(job, WHOLE_USAGE, WHOLE_RUN)

    def _file(self, job: Job, usage: str, run: str) -> str:
        task: dict[str, Setting] = {
            "name": job.id,
            "num_nodes": 1,
            "resources": self._machine(job),
            "setup": self.setup,
            "workdir": ".",
        }
        variables: dict[str, Setting] = {"envs": self.envs} if self.envs else {}
        usage, run = (each.format(folder=job.folder) for each in (usage, run))
        return f"{HEADER}\n{usage}{yaml_mapping(task | variables)}{run}"

    def _machine(self, job: Job) -> dict[str, Setting]:
        limits = {"cpus": self.cpus, "memory": self.memory}
        given: dict[str, Setting | None] = {
            "accelerators": f"{self.accelerators}:{job.gpus}",
            **{name: None if least is None else f"{least}+" for name, least in limits.items()},
            "disk_size": self.disk_size,
            "use_spot": self.use_spot,
            "cloud": self.cloud,
            "region": self.region,
        }
        return {name: value for name, value in given.items() if value is not None}
