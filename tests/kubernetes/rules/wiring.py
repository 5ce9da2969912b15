"""What one object says of another: selectors, ports, volumes, references, targets."""

from collections.abc import Iterator

from tests.kubernetes.manifests import Document, Manifests, Workload, command, selects, workloads

_KINDS = {
    "configMapRef": "ConfigMap",
    "secretRef": "Secret",
    "configMapKeyRef": "ConfigMap",
    "secretKeyRef": "Secret",
}


def namespaces(manifests: Manifests) -> Iterator[str]:
    known = {document["metadata"]["name"] for document in manifests.of("Namespace")}
    for document in manifests.documents:
        place = document["metadata"].get("namespace")
        if document["kind"] != "Namespace" and place not in known:
            yield f"{_title(document)}: is in namespace {place}, which is not made here"


def selectors(manifests: Manifests) -> Iterator[str]:
    every = list(workloads(manifests))
    for workload in every:
        if own := workload.spec.get("selector"):
            taken = [other.name for other in every if selects(own, other.labels)]
            if taken != [workload.name]:
                yield f"{workload}: its selector takes the pods of {taken}"
        for spread in workload.pod.get("topologySpreadConstraints", []):
            if not selects(spread["labelSelector"], workload.labels):
                yield f"{workload}: spreads pods that are not its own"
    for document, selector in _selecting(manifests):
        if not any(selects(selector, workload.labels) for workload in every):
            yield f"{_title(document)}: selects no pod"


def ports(manifests: Manifests) -> Iterator[str]:
    for workload in workloads(manifests):
        for container in workload.containers:
            yield from _ports_of(workload, container)
    for service in manifests.of("Service"):
        for workload in workloads(manifests):
            if selects({"matchLabels": service["spec"]["selector"]}, workload.labels):
                for port in service["spec"]["ports"]:
                    if port.get("targetPort", port["port"]) not in _offered(*workload.containers):
                        yield f"{_title(service)}: {workload} has no port {port.get('targetPort')}"
    for policy in manifests.of("NetworkPolicy"):
        yield from _ports_of_policy(manifests, policy)


def volumes(manifests: Manifests) -> Iterator[str]:
    for workload in workloads(manifests):
        there = {volume["name"] for volume in workload.pod.get("volumes", [])}
        mounts = [mount for container in workload.containers for mount in container.get("volumeMounts", [])]
        for name in {mount["name"] for mount in mounts} ^ there:
            yield f"{workload}: volume {name} is {'never mounted' if name in there else 'mounted and not there'}"
        for container in workload.containers:
            paths = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
            if len(set(paths)) < len(paths):
                yield f"{workload}: two volumes are mounted at one path"
            for path in (word for word in command(container) if word.startswith("/")):
                if not any(path.startswith(mounted) for mounted in paths):
                    yield f"{workload}: {path} is on the read-only root file system"


def references(manifests: Manifests) -> Iterator[str]:
    for workload in workloads(manifests):
        for kind, name, key in _referenced(workload):
            keys = manifests.keys(kind, name)
            if keys is None:
                yield f"{workload}: there is no {kind} {name}"
            elif key is not None and key not in keys:
                yield f"{workload}: {kind} {name} has no key {key}"
        account = workload.pod.get("serviceAccountName")
        if account and not manifests.find("ServiceAccount", account):
            yield f"{workload}: there is no ServiceAccount {account}"
        service = workload.spec.get("serviceName")
        if service and not manifests.find("Service", service):
            yield f"{workload}: there is no Service {service}"


def targets(manifests: Manifests) -> Iterator[str]:
    for scaler in manifests.of("HorizontalPodAutoscaler"):
        target, spec = scaler["spec"]["scaleTargetRef"], scaler["spec"]
        found = manifests.find(target["kind"], target["name"])
        if not found:
            yield f"{_title(scaler)}: there is no {target['kind']} {target['name']}"
        elif "replicas" in found["spec"]:
            yield f"{_title(found)}: names its replicas, which {_title(scaler)} decides"
        if not 2 <= spec.get("minReplicas", 1) <= spec["maxReplicas"]:
            yield f"{_title(scaler)}: from {spec.get('minReplicas', 1)} to {spec['maxReplicas']} replicas"
    for deployment in manifests.of("Deployment"):
        budgets = [
            budget
            for budget in manifests.of("PodDisruptionBudget")
            if selects(budget["spec"]["selector"], Workload(deployment).labels)
        ]
        if deployment["spec"].get("replicas") != 1 and len(budgets) != 1:
            yield f"{_title(deployment)}: has {len(budgets)} PodDisruptionBudgets"


def ways_in(manifests: Manifests) -> Iterator[str]:
    for ingress in manifests.of("Ingress"):
        rules = ingress["spec"]["rules"]
        secured = {host for entry in ingress["spec"].get("tls", []) for host in entry["hosts"]}
        for entry in ingress["spec"].get("tls", []):
            if manifests.keys("Secret", entry["secretName"]) is None:
                yield f"{_title(ingress)}: there is no Secret {entry['secretName']}"
        for host in {rule["host"] for rule in rules} ^ secured:
            yield f"{_title(ingress)}: {host} is not both served and in the certificate"
        for path in (path for rule in rules for path in rule["http"]["paths"]):
            backend = path["backend"]["service"]
            service = manifests.find("Service", backend["name"])
            offered = [port[key] for port in service["spec"]["ports"] for key in ("name", "port")] if service else []
            if not set(backend["port"].values()) <= set(offered):
                yield f"{_title(ingress)}: there is no Service {backend['name']} with port {backend['port']}"


def _selecting(manifests: Manifests) -> Iterator[tuple[Document, Document]]:
    for document in manifests.of("Service"):
        yield document, {"matchLabels": document["spec"]["selector"]}
    for document in manifests.of("PodDisruptionBudget"):
        yield document, document["spec"]["selector"]
    for document in manifests.of("NetworkPolicy"):
        yield document, document["spec"]["podSelector"]


def _ports_of(workload: Workload, container: Document) -> Iterator[str]:
    offered, words = _offered(container), command(container)
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        for how in ("httpGet", "tcpSocket"):
            port = container.get(probe, {}).get(how, {}).get("port")
            if port is not None and port not in offered:
                yield f"{workload}: {probe} asks port {port}, which its container does not have"
    if "--port" in words and int(words[words.index("--port") + 1]) not in offered:
        yield f"{workload}: listens on a port that its container does not name"


def _ports_of_policy(manifests: Manifests, policy: Document) -> Iterator[str]:
    for port in (port for rule in policy["spec"].get("ingress", []) for port in rule.get("ports", [])):
        for workload in workloads(manifests):
            taken = selects(policy["spec"]["podSelector"], workload.labels)
            if taken and port["port"] not in _offered(*workload.containers):
                yield f"{_title(policy)}: {workload} has no port {port['port']}"


def _offered(*containers: Document) -> set[object]:
    ports = [port for container in containers for port in container.get("ports", [])]
    return {port["containerPort"] for port in ports} | {port["name"] for port in ports}


def _referenced(workload: Workload) -> Iterator[tuple[str, str, str | None]]:
    """Kind, name and key of what the pod is given; None for all keys."""
    for container in workload.containers:
        for source in container.get("envFrom", []):
            yield from ((_KINDS[field], to["name"], None) for field, to in source.items())
        for variable in container.get("env", []):
            yield from ((_KINDS[field], to["name"], to["key"]) for field, to in variable.get("valueFrom", {}).items())
    for volume in workload.pod.get("volumes", []):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"], None
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"], None


def _title(document: Document) -> str:
    return f"{document['kind']} {document['metadata']['name']}"
