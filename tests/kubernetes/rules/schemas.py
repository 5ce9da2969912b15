"""Kubernetes' own schemas, strictly: what they don't know is a finding too."""

import json
from collections.abc import Iterator
from functools import cache

import kubernetes_validate

from tests.kubernetes.manifests import Manifests

OLDEST = "1.30"  # that kubernetes/README.md names


def schemas(manifests: Manifests) -> Iterator[str]:
    for document in manifests.documents:
        for version in (OLDEST, kubernetes_validate.latest_version()):
            if fault := _fault(json.dumps(document), version):
                yield f"{document['kind']} {document['metadata']['name']}, Kubernetes {version}: {fault}"


@cache
def _fault(text: str, version: str) -> str | None:
    try:
        kubernetes_validate.validate(json.loads(text), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{'.'.join(map(str, error.path))}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:  # a mere WARN of its command line
        return str(error.message)
    return None
