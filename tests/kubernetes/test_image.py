"""The image holds what its processes need and nothing that production refuses."""

import json
import re
from configparser import ConfigParser

from tests.kubernetes.manifests import ROOT, Manifests, command

DOCKERFILE = (ROOT / "Dockerfile").read_text()
IGNORE = (ROOT / ".dockerignore").read_text().split()


def test_it_starts_the_web_process_as_the_deployment_does(rendered: dict[str, Manifests]) -> None:
    (started,) = re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert json.loads(started) == command(rendered["production"].workload("web").main)


def test_it_runs_as_the_user_and_on_the_port_that_the_deployment_names(rendered: dict[str, Manifests]) -> None:
    web = rendered["production"].workload("web")
    user = web.pod["securityContext"]
    assert f"\nUSER {user['runAsUser']}:{user['runAsGroup']}\n" in DOCKERFILE
    assert f"\nEXPOSE {web.main['ports'][0]['containerPort']}\n" in DOCKERFILE


def test_every_package_and_program_goes_into_it_and_nothing_else() -> None:
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", "utf-8")
    packages = [f"!{name.rstrip('*')}/" for name in config["options.packages.find"]["include"].split()]
    modules = [f"!{name}.py" for name in config["options"]["py_modules"].split()]
    wanted = {*packages, *modules, "!LICENSE", "!NOTICE", "!kubernetes/image.lock"}
    assert "*" in IGNORE
    assert {line for line in IGNORE if line.startswith("!")} == wanted
    assert [line for line in sorted(wanted) if not (ROOT / line.strip("!/")).exists()] == []


def test_its_lock_is_that_of_a_run_without_the_embedded_services() -> None:
    image, run = _pins("kubernetes/image.lock"), _pins("run.lock")
    config = ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", "utf-8")
    embedded = {line.partition("==")[0] for line in config["options.extras_require"]["run"].split()}
    assert embedded <= {name for name, _ in run}
    assert not embedded & {name for name, _ in image}
    assert image <= run


def _pins(lock: str) -> set[tuple[str, str]]:
    return set(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))
