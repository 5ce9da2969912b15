"""What an overlay renders to, and ways to look at it."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "kubernetes"
OVERLAYS = ("production", "try")
KUBECTL = Path(sys.executable).with_name("kubectl")

Document = dict[str, Any]


@dataclass(frozen=True)
class Manifests:
    """`brought` are the Secrets that the operator makes, with their keys; the overlay's `*.env.example` name them."""

    documents: list[Document]
    brought: Mapping[str, set[str]]

    def of(self, *kinds: str) -> list[Document]:
        return [document for document in self.documents if document["kind"] in kinds]

    def find(self, kind: str, name: str) -> Document | None:
        return next((found for found in self.of(kind) if found["metadata"]["name"] == name), None)

    def workload(self, name: str) -> "Workload":
        return next(workload for workload in workloads(self) if workload.name == name)

    def keys(self, kind: str, name: str) -> set[str] | None:
        """The keys of a ConfigMap or Secret; None when there is none of that name."""
        if found := self.find(kind, name):
            return set(found.get("data", {})) | set(found.get("stringData", {}))
        return self.brought.get(name) if kind == "Secret" else None


@dataclass(frozen=True)
class Workload:
    document: Document

    @property
    def name(self) -> str:
        return str(self.document["metadata"]["name"])

    def __str__(self) -> str:
        return f"{self.document['kind']} {self.name}"

    @property
    def spec(self) -> Document:
        spec: Document = self.document["spec"]
        return spec

    @property
    def labels(self) -> dict[str, str]:
        labels: dict[str, str] = self.spec["template"]["metadata"]["labels"]
        return labels

    @property
    def pod(self) -> Document:
        pod: Document = self.spec["template"]["spec"]
        return pod

    @property
    def containers(self) -> list[Document]:
        return [*self.pod.get("initContainers", []), *self.pod["containers"]]

    @property
    def main(self) -> Document:
        """The container with our process; the only one where there is none called so."""
        return next((one for one in self.containers if one["name"] == "freehold"), self.containers[0])


def render(folder: Path, brought: Mapping[str, set[str]] | None = None) -> Manifests:
    done = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Manifests([document for document in yaml.safe_load_all(done.stdout) if document], brought or {})


def brought(folder: Path) -> dict[str, set[str]]:
    """Secrets that are made from what `*.env.example` name; the certificate comes from whoever issues it."""
    names = {"secrets": "freehold", "administrator": "freehold-administrator"}
    found = {
        names[path.name.partition(".")[0]]: {
            line.partition("=")[0] for line in path.read_text().splitlines() if "=" in line and not line.startswith("#")
        }
        for path in folder.glob("*.env.example")
    }
    return found | {"freehold-tls": {"tls.crt", "tls.key"}} if found else found


def workloads(manifests: Manifests) -> Iterator[Workload]:
    for document in manifests.of("Deployment", "StatefulSet", "Job"):
        yield Workload(document)


def is_ours(container: Document) -> bool:
    return str(container["image"]).partition(":")[0].rpartition("/")[2] == "freehold"


def command(container: Document) -> list[str]:
    return [*container.get("command", []), *container.get("args", [])]


def selects(selector: Document, labels: Mapping[str, str]) -> bool:
    """Whether a label selector takes pods with these labels; an empty one takes all."""
    wanted = selector.get("matchLabels", {}).items()
    return all(labels.get(key) == value for key, value in wanted) and all(
        labels.get(rule["key"]) in rule["values"]
        for rule in selector.get("matchExpressions", [])
        if rule["operator"] == "In"
    )
