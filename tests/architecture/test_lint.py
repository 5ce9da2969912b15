"""`./dev lint` as a whole: what it says, and with which status it ends."""

import pytest

from saas.devstack import lint as linter
from saas.devstack.lint import ROOT

QUICK = ["code-rules", "templates", "machine-paths", "dependencies", "locks", "env-example"]

FAULTS = [
    ("templates", "saas/templates/planted.html", '<p style="color: red">'),
    ("code-rules", "saas/signup/planted.py", "db.session.commit()"),
    ("env-example", ".env.example", "EXTRA=1"),
    ("dependencies", "docs/dependencies.md", "| nose | MIT | Smells. |"),
    ("machine-paths", "README.md", "/wo" + "rk/main"),
    ("ruff-check", "saas/signup/planted.py", "import os"),
    ("ruff-format", "saas/signup/planted.py", "x  =  1"),
    ("import-linter", "tenants/planted.py", "import billing"),
]


@pytest.mark.parametrize("check", QUICK)
def test_this_checkout_passes_what_is_quick_to_check(check):
    assert [str(fault) for fault in linter.CHECKS[check](ROOT)] == []


@pytest.mark.parametrize(("check", "path", "text"), FAULTS)
def test_a_planted_fault_fails_its_check_and_the_whole(checkout, lint, check, path, text):
    before = lint(check)
    assert (before.returncode, before.stdout.split()[:2]) == (0, ["ok", check])
    with (checkout / path).open("a") as file:
        file.write(f"{text}\n")
    after = lint(check)
    assert after.returncode == 1
    assert after.stdout.startswith("failed")
    assert path.rpartition("/")[2].partition(".py")[0] in after.stdout


def test_stale_locks_fail(checkout, lint):
    setup = checkout / "setup.cfg"
    setup.write_text(setup.read_text().replace("    rq==", "    rq>=0.1,=="))
    done = lint("locks", "dependencies")
    assert done.returncode == 1
    assert "run ./dev lock" in done.stdout
    assert "ok      dependencies" in done.stdout


def test_fix_mends_what_can_be_mended(checkout, lint):
    planted = checkout / "saas/signup/planted.py"
    planted.write_text("import os\nx  =  1\n")
    (checkout / ".env.example").unlink()
    assert lint("ruff-check", "ruff-format", "env-example").returncode == 1
    assert lint("--fix", "ruff-check", "ruff-format", "env-example").returncode == 0
    assert planted.read_text() == "x = 1\n"


def test_a_check_that_breaks_down_has_failed_and_the_others_still_run(checkout, lint):
    (checkout / "setup.cfg").write_bytes(b"\xff")
    done = lint("dependencies", "templates")
    assert done.returncode == 1
    assert "failed  dependencies" in done.stdout
    assert "UnicodeDecodeError" in done.stdout
    assert "ok      templates" in done.stdout


def test_types_are_checked_in_each_package_and_in_the_two_entry_points(tmp_path):
    (tmp_path / "setup.cfg").write_text("[options]\npy_modules =\n    worker\n[mypy]\nstrict = true\npackages = saas\n")
    (tmp_path / "saas").mkdir()
    (tmp_path / "saas/__init__.py").write_text('a: int = "x"\n')
    (tmp_path / "worker.py").write_text("def f(x): ...\n")
    faults = [str(fault) for fault in linter.CHECKS["mypy"](tmp_path)]
    assert {fault.partition(" ")[0] for fault in faults} == {"saas/__init__.py:1:", "worker.py:1:"}


def test_a_command_that_fails_without_a_word_has_failed(tmp_path):
    assert linter._run(tmp_path, "false") == ["ended with status 1"]
    assert linter._run(tmp_path, "true") == []
