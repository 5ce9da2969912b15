"""What a pod may, needs and is given time for."""

import re
from collections.abc import Iterator
from decimal import Decimal

import saas.app  # noqa: F401  which registers every job
from saas.core.jobs import registry
from saas.core.jobs.bounds import Bounds
from tests.kubernetes.manifests import Document, Manifests, Workload, command, is_ours, workloads

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|Ki|Mi|Gi)?")
_UNITS = {None: Decimal(1), "m": Decimal("0.001"), "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30)}
_SANE = {"cpu": (Decimal("0.01"), Decimal(8)), "memory": (Decimal(2**24), Decimal(2**33))}
_MARGIN = 60  # seconds
_HASTE = 2  # minutes; a node that is busy may let a process wait

_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def restricted(manifests: Manifests) -> Iterator[str]:
    for workload in workloads(manifests):
        whole = workload.pod.get("securityContext", {})
        if whole.get("runAsNonRoot") is not True or whole.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{workload}: the pod may run as root or make any system call"
        if workload.pod.get("automountServiceAccountToken") is not False:
            yield f"{workload}: is given a token for the cluster's API"
        for name in ("hostNetwork", "hostPID", "hostIPC"):
            if workload.pod.get(name):
                yield f"{workload}: shares the node's {name[4:].lower()}"
        if any("hostPath" in volume for volume in workload.pod.get("volumes", [])):
            yield f"{workload}: reaches into the node's file system"
        for container in workload.containers:
            if container.get("securityContext") != _RESTRICTED:
                yield f"{workload}: container {container['name']} is not restricted"
            if is_ours(container) and whole.get("runAsUser") != 10001:
                yield f"{workload}: our image runs as 10001"


def resources(manifests: Manifests) -> Iterator[str]:
    for workload in workloads(manifests):
        for container in workload.containers:
            for name in ("cpu", "memory"):
                for fault in _faults(container.get("resources", {}), name):
                    yield f"{workload}: container {container['name']}: {name} {fault}"


def images(manifests: Manifests) -> Iterator[str]:
    every = [container for workload in workloads(manifests) for container in workload.containers]
    if len(ours := {container["image"] for container in every if is_ours(container)}) != 1:
        yield f"there are {len(ours)} images of ours: {sorted(ours)}"
    for image in {str(container["image"]) for container in every}:
        name, _, tag = image.rpartition(":")
        if not name or "/" in tag or tag == "latest":
            yield f"{image} does not say which version"
    for workload in workloads(manifests):
        if workload.document["kind"] == "Deployment" and not is_ours(workload.main):
            yield f"{workload}: is not of our image"


def probes(manifests: Manifests) -> Iterator[str]:
    for workload in workloads(manifests):
        if workload.document["kind"] == "Job":
            continue
        for container in workload.pod["containers"]:
            for probe in ("livenessProbe", "readinessProbe"):
                if probe not in container:
                    yield f"{workload}: container {container['name']} has no {probe}"
        if "dispatch" in command(workload.main) or "--queue" in command(workload.main):
            yield from _pulse(workload)


def time_to_end(manifests: Manifests) -> Iterator[str]:
    """SIGTERM lets a job finish; a web pod first waits until nobody sends it requests any more."""
    for workload in workloads(manifests):
        grace = workload.pod.get("terminationGracePeriodSeconds", 30)
        if grace < _longest_job(workload):
            yield f"{workload}: is killed {grace} s after SIGTERM, and its longest job takes {_longest_job(workload)} s"
        words = command(workload.main)
        if "--queue" in words:
            yield from _own_grace(workload, grace)
        if words[:1] == ["granian"]:
            wait = workload.main.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])
            if wait[:1] != ["sleep"] or not 1 <= int(wait[1]) < grace - _MARGIN / 2:
                yield f"{workload}: does not wait before SIGTERM, or for too long"


def _own_grace(workload: Workload, grace: int) -> Iterator[str]:
    """What a worker takes for itself: time for its longest job, and to hand back one that takes longer."""
    words = command(workload.main)
    given = float(words[words.index("--grace") + 1]) if "--grace" in words else Bounds.grace
    if given >= grace:
        yield f"{workload}: is killed before it has handed its job back"
    elif Bounds(grace=given).patience < _longest_job(workload):
        yield f"{workload}: hands its longest job back before that can be done"


def _pulse(workload: Workload) -> Iterator[str]:
    words, live = command(workload.main), workload.main.get("livenessProbe", {}).get("exec", {}).get("command", [""])
    match = re.fullmatch(r'test -n "\$\(find (\S+) -mmin -(\d+)\)"', live[-1])
    if "--pulse" not in words or not match or match[1] != words[words.index("--pulse") + 1]:
        yield f"{workload}: its livenessProbe does not look at its pulse"
    elif int(match[2]) < _HASTE:
        yield f"{workload}: its livenessProbe is hasty"


def _longest_job(workload: Workload) -> int:
    words = command(workload.main)
    queue = words[words.index("--queue") + 1] if "--queue" in words else None
    return max((handler.limit_seconds for handler in registry.handlers() if handler.queue == queue), default=0)


def _faults(given: Document, name: str) -> Iterator[str]:
    least, most = (_amount(given.get(kind, {}).get(name)) for kind in ("requests", "limits"))
    if least is None or most is None:
        yield "lacks a request or a limit, or it is no quantity"
    elif least > most:
        yield "is limited below what is requested"
    elif not _SANE[name][0] <= least <= most <= _SANE[name][1]:
        yield "is out of all proportion"


def _amount(quantity: object) -> Decimal | None:
    match = _QUANTITY.fullmatch(str(quantity))
    return Decimal(match[1]) * _UNITS[match[2]] if match else None
