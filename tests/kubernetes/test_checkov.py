"""checkov finds nothing but what kubernetes/checkov.yaml names, and what a reason is given for."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.kubernetes.manifests import FOLDER, ROOT, Manifests

CHECKOV = Path(sys.prefix) / "checkov/bin/checkov"
EXCEPTIONS = FOLDER / "checkov.yaml"


@pytest.fixture(scope="module")
def checkov() -> Path:
    """Skips the test where checkov is not installed, unless FREEHOLD_CHECKOV=required, as in CI."""
    if not CHECKOV.exists():
        if os.environ.get("FREEHOLD_CHECKOV") == "required":
            pytest.fail("checkov is not installed: run .ci/checkov")
        pytest.skip("checkov is not installed; .ci/checkov installs it")
    return CHECKOV


def test_what_it_finds_is_what_is_excepted(checkov: Path, rendered: dict[str, Manifests], tmp_path: Path) -> None:
    found = look(checkov, "dockerfile", ROOT / "Dockerfile")
    for name, manifests in rendered.items():
        found |= look(checkov, "kubernetes", write(manifests, tmp_path / f"{name}.yaml"))
    assert found == set(yaml.safe_load(EXCEPTIONS.read_text())["skip-check"])


def test_each_exception_has_its_reason() -> None:
    lines = [line for line in EXCEPTIONS.read_text().splitlines() if line.startswith("  -")]
    assert lines
    assert [line for line in lines if not re.fullmatch(r"  - CKV\w+ # [^:]+: .{20,}", line)] == []


def test_it_does_find_a_fault(checkov: Path, production: Manifests, tmp_path: Path) -> None:
    web = production.workload("web")
    web.pod["hostPID"] = True
    web.main["securityContext"]["privileged"] = True
    assert {"CKV_K8S_16", "CKV_K8S_17"} <= look(checkov, "kubernetes", write(production, tmp_path / "faulty.yaml"))


def write(manifests: Manifests, path: Path) -> Path:
    path.write_text(yaml.safe_dump_all(manifests.documents))
    return path


def look(checkov: Path, framework: str, path: Path) -> set[str]:
    """The ids of the checks that fail, exceptions or not."""
    done = subprocess.run(
        [checkov, "--skip-download", "--framework", framework, "--file", path, "--compact", "--output", "json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=path.parent,
    )
    results = json.loads(done.stdout)["results"]
    assert results["parsing_errors"] == []
    assert results["passed_checks"]
    return {check["check_id"] for check in results["failed_checks"]}
