"""Rules on files that are not Python, each shown on a checkout with that one fault in it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from saas.devstack import locks
from saas.devstack.rules.files import (
    dependencies_named,
    machine_paths,
    stale_env_example,
    stale_locks,
    stale_permissions,
    write_env_example,
    write_permissions,
)
from saas.devstack.rules.findings import Finding
from tenants.members import permissions
from tenants.members.models import Role

SETUP = """
[options]
python_requires = >=3.11
install_requires =
    flask>=3.1
    Types_Psycopg2
[options.extras_require]
dev =
    pytest[x]>=9
"""

PAGE = """
| package | licence | why |
|---|---|---|
| flask | BSD | Serves. |
| types-psycopg2 | Apache-2.0 | Types. |
| pytest | MIT | Tests. |
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "setup.cfg").write_text(SETUP)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/dependencies.md").write_text(PAGE)
    (tmp_path / ".gitignore").write_text("# made here\n.venv/\n*.log\n")
    (tmp_path / "kubernetes").mkdir()
    for lock in locks.LOCKS:
        (tmp_path / lock).write_text(
            f"# setup.cfg dependencies sha256: {locks.dependencies_digest(tmp_path / 'setup.cfg')}\n"
        )
    write_env_example(tmp_path)
    write_permissions(tmp_path)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def told(rule: Callable[[Path], list[Finding]], tree: Path) -> list[str]:
    return [f"{finding.path}: {finding.message}" for finding in rule(tree)]


@pytest.mark.parametrize("rule", [stale_locks, stale_env_example, stale_permissions, dependencies_named, machine_paths])
def test_a_sound_tree_has_no_findings(tree, rule):
    assert told(rule, tree) == []


def test_locks_are_stale_when_a_dependency_changes(tree):
    change(tree / "setup.cfg", "flask>=3.1", "flask>=3.2")
    assert [text.partition(":")[0] for text in told(stale_locks, tree)] == list(locks.LOCKS)


@pytest.mark.parametrize("lock", locks.LOCKS)
def test_a_lock_without_its_stamp_and_a_missing_one_are_stale(tree, lock):
    (tree / lock).write_text("flask==3.1\n")
    assert [text.partition(":")[0] for text in told(stale_locks, tree)] == [lock]
    (tree / lock).unlink()
    assert [text.partition(":")[0] for text in told(stale_locks, tree)] == [lock]


def test_an_edited_or_missing_env_example_is_stale(tree):
    with (tree / ".env.example").open("a") as file:
        file.write("EXTRA=1\n")
    assert len(told(stale_env_example, tree)) == 1
    (tree / ".env.example").unlink()
    assert len(told(stale_env_example, tree)) == 1


def test_an_edited_or_missing_page_of_permissions_is_stale(tree):
    change(tree / "docs/permissions.md", "see, create and revoke API keys | yes", "see, create and revoke API keys | ")
    assert len(told(stale_permissions, tree)) == 1
    write_permissions(tree)
    assert told(stale_permissions, tree) == []
    (tree / "docs/permissions.md").unlink()
    assert len(told(stale_permissions, tree)) == 1


def test_the_page_of_permissions_follows_the_table(tree, monkeypatch):
    assert told(stale_permissions, tree) == []
    given = permissions.Permission("tests.planted", "do as they like", frozenset(Role))
    monkeypatch.setitem(permissions._table, given.name, given)
    assert len(told(stale_permissions, tree)) == 1
    write_permissions(tree)
    row = "| do as they like | yes | yes | yes | yes | yes | yes | reading, removing |  | `tests.planted` |"
    assert row in (tree / "docs/permissions.md").read_text().splitlines()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("| flask | BSD | Serves. |\n", "", "flask has no row"),
        (
            "| pytest | MIT | Tests. |",
            "| pytest | MIT | Tests. |\n| nose | MIT | Smells. |",
            "nose is no dependency",
        ),
        ("| BSD | Serves. |", "| BSD | |", "flask lacks its licence or its reason"),
        ("| BSD | Serves. |", "| | Serves. |", "flask lacks its licence or its reason"),
    ],
)
def test_the_list_of_dependencies_is_complete_and_no_longer(tree, old, new, message):
    change(tree / "docs/dependencies.md", old, new)
    found = told(dependencies_named, tree)
    assert len(found) == 1
    assert message in found[0]


# Put together here, or this file would break the rule itself.
MACHINE = [
    "cd " + "/wo" + "rk/main",
    "see /fa" + "rm/x",
    "home = " + "/ro" + "ot/.pyenv",
    "--find" + "-links wheels",
    "  --extra-index" + "-url x",
    "https://" + "pypi.example.com/simple",
    "http://" + "nexus.corp/x",
    "file:" + "///opt/x",
]


@pytest.mark.parametrize("text", MACHINE)
@pytest.mark.parametrize("path", ["README.md", "docs/x.txt", ".ci/run", "deep/er/x.py"])
def test_a_machines_path_or_index_is_found_in_any_file(tree, path, text):
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(f"fine\n{text}\n")
    assert [(finding.path, finding.line) for finding in machine_paths(tree)] == [(path, 2)]


def test_public_addresses_and_relative_paths_are_left_alone(tree):
    lines = [
        "https://pypi.org/simple",
        "a/work/b",
        "../farm/x",
        "GET /workspaces",
        "/work/",
        "pip's --index-url option",
    ]
    (tree / "README.md").write_text("\n".join(lines))
    assert told(machine_paths, tree) == []


def test_what_git_ignores_and_what_is_no_text_is_not_read(tree):
    for path in (".venv/pyvenv.cfg", "deep/run.log"):
        (tree / path).parent.mkdir(exist_ok=True)
        (tree / path).write_text(MACHINE[0])
    (tree / "font.woff2").write_bytes(b"\xff\xfe" + MACHINE[0].encode())
    assert told(machine_paths, tree) == []
