"""All rules over one overlay."""

from collections.abc import Callable, Iterator

from tests.kubernetes.manifests import Manifests
from tests.kubernetes.rules import pods, processes, schemas, wiring

Rule = Callable[[Manifests], Iterator[str]]

RULES: tuple[Rule, ...] = (
    schemas.schemas,
    wiring.namespaces,
    wiring.selectors,
    wiring.ports,
    wiring.volumes,
    wiring.references,
    wiring.targets,
    wiring.ways_in,
    pods.restricted,
    pods.resources,
    pods.images,
    pods.probes,
    pods.time_to_end,
    processes.settings,
    processes.administrator,
    processes.commands,
)


def findings(manifests: Manifests) -> list[str]:
    """Our own rules presume what the schemas say."""
    return list(schemas.schemas(manifests)) or [finding for rule in RULES for finding in rule(manifests)]
