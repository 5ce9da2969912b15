"""What `kubernetes/` renders to is sound; and each kind of fault, planted in it, is found."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from saas.core.jobs.queues import QUEUES
from saas.core.jobs.registry import handlers
from tests.kubernetes.findings import RULES, findings
from tests.kubernetes.manifests import FOLDER, OVERLAYS, Document, Manifests, render, workloads

Plant = Callable[[Manifests], object]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_has_no_findings(rendered: dict[str, Manifests], overlay: str, rule: Any) -> None:
    assert list(rule(rendered[overlay])) == []


def test_every_role_is_there(rendered: dict[str, Manifests]) -> None:
    roles = {"web", "dispatcher", *(f"worker-{queue}" for queue in QUEUES), "migrate", "sync-plans"}
    assert {workload.name for workload in workloads(rendered["production"])} == roles
    assert {workload.name for workload in workloads(rendered["try"])} == roles | {"postgres", "valkey"}


def test_no_secret_is_committed_for_production(rendered: dict[str, Manifests]) -> None:
    assert rendered["production"].of("Secret") == []
    examples = (FOLDER / "overlays/production").glob("*.env.example")
    lines = [line for path in examples for line in path.read_text().splitlines() if "=" in line and line[0] != "#"]
    assert lines
    assert [line for line in lines if not line.endswith("=")] == []


def test_the_readme_says_how_to_make_what_production_brings(rendered: dict[str, Manifests]) -> None:
    page = (FOLDER / "README.md").read_text()
    assert [name for name in rendered["production"].brought if not re.search(rf"create secret \w+ {name} ", page)] == []


def test_production_refuses_the_secrets_of_try(rendered: dict[str, Manifests]) -> None:
    tried = rendered["try"]
    settings = next(one for one in tried.of("ConfigMap") if one["metadata"]["name"].startswith("settings"))
    settings["data"]["FREEHOLD_ENV"], before = "production", settings["data"]["FREEHOLD_ENV"]
    said = "\n".join(findings(tried))
    settings["data"]["FREEHOLD_ENV"] = before
    for name in ("SECRET_KEY", "DATABASE_URL", "DATABASE_ADMIN_URL", "REDIS_URL", "STRIPE_API_URL"):
        assert f" {name} " in said


def test_the_base_renders_by_itself() -> None:
    assert render(FOLDER / "base").of("Deployment")


def container(manifests: Manifests, name: str) -> Document:
    return manifests.workload(name).main


def settings_of(manifests: Manifests) -> Document:
    (found,) = manifests.of("ConfigMap")
    data: Document = found["data"]
    return data


def of(manifests: Manifests, kind: str, name: str) -> Document:
    found = manifests.find(kind, name)
    assert found
    spec: Document = found["spec"]
    return spec


def rename(data: Document, old: str, new: str) -> None:
    data[new] = data.pop(old)


def put(words: list[str], old: str, new: str) -> None:
    words[words.index(old)] = new


FAULTS: dict[str, tuple[Plant, str]] = {
    "a service that selects nothing": (
        lambda m: of(m, "Service", "web")["selector"].update({"app.kubernetes.io/component": "wbe"}),
        "Service web: selects no pod",
    ),
    "a deployment that takes another's pods": (
        lambda m: of(m, "Deployment", "worker-fast")["selector"]["matchLabels"].pop("app.kubernetes.io/component"),
        "Deployment worker-fast: its selector takes the pods of",
    ),
    "a budget for nobody": (
        lambda m: of(m, "PodDisruptionBudget", "dispatcher")["selector"]["matchLabels"].update(
            {"app.kubernetes.io/component": "dispatch"}
        ),
        "Deployment dispatcher: has 0 PodDisruptionBudgets",
    ),
    "a policy for nobody": (
        lambda m: of(m, "NetworkPolicy", "into-web")["podSelector"]["matchLabels"].update({"app": "web"}),
        "NetworkPolicy into-web: selects no pod",
    ),
    "spreading somebody else's pods": (
        lambda m: (
            m.workload("web")
            .pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]
            .update({"app.kubernetes.io/component": "dispatcher"})
        ),
        "Deployment web: spreads pods that are not its own",
    ),
    "a service to a port that is not there": (
        lambda m: of(m, "Service", "web")["ports"][0].update(targetPort=8080),
        "Service web: Deployment web has no port 8080",
    ),
    "a probe of another port": (
        lambda m: container(m, "web")["readinessProbe"]["httpGet"].update(port="web"),
        "readinessProbe asks port web",
    ),
    "a process on another port": (
        lambda m: put(container(m, "web")["args"], "8000", "8001"),
        "listens on a port that its container does not name",
    ),
    "an ingress to a port that is not there": (
        lambda m: of(m, "Ingress", "web")["rules"][0]["http"]["paths"][0]["backend"]["service"].update(
            port={"number": 80}
        ),
        "there is no Service web with port {'number': 80}",
    ),
    "a host without certificate": (
        lambda m: of(m, "Ingress", "web")["tls"][0]["hosts"].pop(),
        "*.freehold.example.com is not both served and in the certificate",
    ),
    "a mount without volume": (
        lambda m: m.workload("web").pod["volumes"].clear(),
        "volume tmp is mounted and not there",
    ),
    "a volume without mount": (
        lambda m: m.workload("web").pod["volumes"].append({"name": "cache", "emptyDir": {}}),
        "volume cache is never mounted",
    ),
    "a pulse on the read-only root": (
        lambda m: put(container(m, "dispatcher")["command"], "/tmp/pulse", "/app/pulse"),
        "/app/pulse is on the read-only root file system",
    ),
    "a key that the secret lacks": (
        lambda m: container(m, "migrate")["env"][0]["valueFrom"]["secretKeyRef"].update(key="ADMIN_URL"),
        "Secret freehold-administrator has no key ADMIN_URL",
    ),
    "settings that are not there": (
        lambda m: container(m, "web")["envFrom"][0]["configMapRef"].update(name="setting"),
        "there is no ConfigMap setting",
    ),
    "an account that is not there": (
        lambda m: m.documents.remove(m.of("ServiceAccount")[0]),
        "there is no ServiceAccount freehold",
    ),
    "an autoscaler of nothing": (
        lambda m: of(m, "HorizontalPodAutoscaler", "web")["scaleTargetRef"].update(name="www"),
        "there is no Deployment www",
    ),
    "replicas that fight the autoscaler": (
        lambda m: of(m, "Deployment", "web").update(replicas=3),
        "Deployment web: names its replicas",
    ),
    "an autoscaler upside down": (
        lambda m: of(m, "HorizontalPodAutoscaler", "web").update(minReplicas=30),
        "from 30 to 20 replicas",
    ),
    "another namespace": (
        lambda m: m.of("Service")[0]["metadata"].update(namespace="default"),
        "is in namespace default",
    ),
    "a privileged container": (
        lambda m: container(m, "web")["securityContext"].update(privileged=True),
        "container freehold is not restricted",
    ),
    "a capability": (
        lambda m: container(m, "web")["securityContext"]["capabilities"].update(add=["NET_ADMIN"]),
        "container freehold is not restricted",
    ),
    "root": (
        lambda m: m.workload("dispatcher").pod["securityContext"].update(runAsUser=0),
        "our image runs as 10001",
    ),
    "the node's network": (
        lambda m: m.workload("dispatcher").pod.update(hostNetwork=True),
        "shares the node's network",
    ),
    "a token": (
        lambda m: m.workload("web").pod.pop("automountServiceAccountToken"),
        "is given a token for the cluster's API",
    ),
    "limits below requests": (
        lambda m: container(m, "web")["resources"]["limits"].update(memory="128Mi"),
        "memory is limited below what is requested",
    ),
    "no limit": (
        lambda m: container(m, "web")["resources"]["limits"].pop("cpu"),
        "cpu lacks a request or a limit",
    ),
    "a quantity in the wrong unit": (
        lambda m: container(m, "web")["resources"]["limits"].update(memory="512m"),
        "memory is limited below what is requested",
    ),
    "a quantity out of proportion": (
        lambda m: container(m, "web")["resources"]["limits"].update(memory="512Gi"),
        "memory is out of all proportion",
    ),
    "two images of ours": (
        lambda m: container(m, "migrate").update(image="registry.example.com/freehold:0.0.9"),
        "there are 2 images of ours",
    ),
    "an image without version": (
        lambda m: [container(m, workload.name).update(image="freehold") for workload in workloads(m)],
        "freehold does not say which version",
    ),
    "no liveness probe": (
        lambda m: container(m, "worker-slow").pop("livenessProbe"),
        "container freehold has no livenessProbe",
    ),
    "a probe that kills a worker whose node is busy": (
        lambda m: container(m, "worker-slow")["livenessProbe"]["exec"].update(
            command=["sh", "-c", 'test -n "$(find /tmp/pulse -mmin -1)"']
        ),
        "its livenessProbe is hasty",
    ),
    "no time to hand a job back": (
        lambda m: put(container(m, "worker-fast")["command"], "110", "120"),
        "is killed before it has handed its job back",
    ),
    "a worker that hands its longest job back": (
        lambda m: put(container(m, "worker-slow")["command"], "320", "300"),
        "hands its longest job back before that can be done",
    ),
    "no time to finish a job": (
        lambda m: m.workload("worker-slow").pod.update(terminationGracePeriodSeconds=30),
        "is killed 30 s after SIGTERM",
    ),
    "SIGTERM while requests still come": (
        lambda m: container(m, "web").pop("lifecycle"),
        "does not wait before SIGTERM",
    ),
    "a misspelt setting": (
        lambda m: rename(settings_of(m), "SITE_URL", "SITEURL"),
        "Deployment web: SITEURL is no setting",
    ),
    "a setting that is missing": (
        lambda m: settings_of(m).pop("TRUSTED_PROXIES"),
        "Deployment web: TRUSTED_PROXIES is not set",
    ),
    "a secret that is missing": (
        lambda m: [container(m, "web")["envFrom"].pop()],
        "Deployment web: SECRET_KEY: Field required",
    ),
    "a setting of the wrong kind": (
        lambda m: settings_of(m).update(DATABASE_POOL_SIZE="many"),
        "Deployment worker-fast: DATABASE_POOL_SIZE: Input should be a valid integer",
    ),
    "the administrator's connection in a web pod": (
        lambda m: container(m, "web").update(env=container(m, "migrate")["env"]),
        "Deployment web: has DATABASE_ADMIN_URL",
    ),
    "a job without it": (
        lambda m: container(m, "worker-slow").pop("env"),
        "Deployment worker-slow: lacks DATABASE_ADMIN_URL",
    ),
    "a program that is not there": (
        lambda m: put(container(m, "dispatcher")["command"], "worker.py", "workers.py"),
        "there is no python workers.py",
    ),
    "a command that is not there": (
        lambda m: put(container(m, "migrate")["command"], "migrate", "migrations"),
        "No such command 'migrations'",
    ),
    "a second word that is not there": (
        lambda m: put(container(m, "sync-plans")["command"], "sync", "synch"),
        "No such command 'synch'",
    ),
    "a queue that is not there": (
        lambda m: put(container(m, "worker-fast")["command"], "fast", "quick"),
        "'quick' is not one of",
    ),
    "an option that the stand-in lacks": (
        lambda m: container(m, "web").update(command=["python", "-m", "billing.sandbox"], args=["--hook", "x"]),
        "No such option '--hook'",
    ),
    "an option that granian lacks": (
        lambda m: put(container(m, "web")["args"], "--blocking-threads", "--threads"),
        "No such option",
    ),
    "an unknown field, at which a cluster only warns": (
        lambda m: of(m, "Deployment", "web").update(replica=3),
        "Additional properties are not allowed ('replica' was unexpected)",
    ),
    "a field at the wrong depth": (
        lambda m: m.workload("web").pod.update(livenessProbe=container(m, "web")["livenessProbe"]),
        "Additional properties are not allowed ('livenessProbe' was unexpected)",
    ),
    "a number where text belongs": (
        lambda m: put(container(m, "web")["args"], "8000", 8000),  # type: ignore[arg-type]
        "8000 is not of type 'string'",
    ),
    "a version that Kubernetes no longer has": (
        lambda m: m.of("HorizontalPodAutoscaler")[0].update(apiVersion="autoscaling/v2beta2"),
        "Couldn't find schema for kind HorizontalPodAutoscaler",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(production: Manifests, fault: str) -> None:
    plant, finding = FAULTS[fault]
    plant(production)
    assert finding in "\n".join(findings(production))


def test_a_longer_job_asks_for_a_longer_grace(production: Manifests, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = next(handler for handler in handlers() if handler.queue == "slow")
    longer = replace(slow, limit_seconds=3600)
    monkeypatch.setattr("saas.core.jobs.registry.handlers", lambda: [longer])
    assert "hands its longest job back before that can be done" in "\n".join(findings(production))
