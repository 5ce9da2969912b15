"""`.ci/run` on machines with more and less on them; apt-get, ./dev and .ci/checkov are stand-ins that say so."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from saas.devstack.lint import ROOT

PYTHON = f'#!/bin/sh\nexec {sys.executable} "$@"\n'

DEV = """#!/bin/sh
echo "dev $* CI=$CI required=$FREEHOLD_BROWSER,$FREEHOLD_CHECKOV,$FREEHOLD_PGBOUNCER stdin=[$(cat)]"
case $1 in lint) exit ${LINT:-0} ;; esac
echo "== closing line =="
exit ${TEST:-0}
"""
APT = f"""#!/bin/sh
echo "apt-get $*" >>"$CALLS"
case "$*" in *python3-venv*)
cat >"$(dirname "$0")/python3" <<'END'
{PYTHON}END
esac
"""

Run = Callable[..., tuple[int, list[str], list[str]]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs it with these programs and returns its status, its output and the calls of apt-get, by lines."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    for name in ("bash", "sh", "dirname", "env", "cat"):
        (programs / name).symlink_to(str(shutil.which(name)))

    def write(path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)

    write(tmp_path / "dev", DEV)
    write(tmp_path / ".ci/checkov", "#!/bin/sh\necho checkov\nexit ${CHECKOV:-0}\n")
    write(programs / "apt-get", APT)
    write(programs / "ldconfig", "#!/bin/sh\necho $LIBRARIES\n")
    write(programs / "pgbouncer", "#!/bin/sh\n")

    def start(*, python: str = PYTHON, browser: bool = True, **more: str) -> tuple[int, list[str], list[str]]:
        write(programs / "python3", python)
        if browser:
            write(programs / "chromium", "#!/bin/sh\n")
        calls = tmp_path / "calls"
        calls.touch()
        env = {"PATH": str(programs), "CALLS": str(calls), "LIBRARIES": "libatomic.so.1 (x)", **more}
        done = subprocess.run(
            [tmp_path / ".ci/run"],
            cwd="/",
            env=env,
            capture_output=True,
            text=True,
            check=False,
            input="from a terminal",
        )
        return done.returncode, done.stdout.splitlines(), calls.read_text().splitlines()

    return start


def test_lint_and_tests_run_with_a_browser_required_and_without_stdin(run):
    status, output, installed = run()
    assert status == 0
    assert output == [
        "dev lint CI=true required=required,required,required stdin=[]",
        "checkov",
        "dev test CI=true required=required,required,required stdin=[]",
        "== closing line ==",
    ]
    assert installed == []


def test_a_missing_browser_is_installed(run):
    status, output, installed = run(browser=False)
    assert status == 0
    assert output[0] == "installing chromium"
    assert installed == ["apt-get -qq update", "apt-get -qq install --yes --no-install-recommends chromium"]


def test_what_the_browsers_driver_lacks_is_installed(run):
    status, _, installed = run(LIBRARIES="libc.so.6 (x)")
    assert status == 0
    assert installed[1].endswith(" libatomic1")


def test_a_missing_pgbouncer_is_installed(run, tmp_path):
    (tmp_path / "bin/pgbouncer").unlink()
    status, output, installed = run()
    assert (status, output[0]) == (0, "installing pgbouncer")
    assert installed[1].endswith("--no-install-recommends pgbouncer")


def test_a_python_without_venv_gets_it(run):
    status, _, installed = run(python="#!/bin/sh\nexit 1\n")
    assert status == 0
    assert installed[1].endswith("--no-install-recommends python3 python3-venv")


def test_failing_lint_ends_it(run):
    status, output, _ = run(LINT="1")
    assert status == 1
    assert len(output) == 1


def test_a_checkov_that_cannot_be_installed_ends_it(run):
    status, output, _ = run(CHECKOV="3")
    assert (status, output[-1]) == (3, "checkov")


def test_its_status_is_that_of_the_tests(run):
    status, output, _ = run(TEST="7")
    assert status == 7
    assert output[-1] == "== closing line =="


def test_it_can_be_run_as_it_is_checked_out():
    assert os.access(ROOT / ".ci/run", os.X_OK)
