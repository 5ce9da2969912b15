"""A module that does not fit stops the start with a sentence that says which one and what to mend."""

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from flask import Flask

from saas.app import create_app
from saas.core.jobs import registry
from saas.core.settings import Settings
from tenants import discovery
from tenants.backend.keys import views
from tenants.members import permissions
from tenants.modules import Module, ModuleUnfit
from tests.support import live, modules

HEAD = """
    from flask import Blueprint
    from tenants import extend
    pages = Blueprint("parcels", __name__, url_prefix="/parcels")
    api = Blueprint("parcels_api", __name__, url_prefix="/parcels")
"""
PAGE = """
    @pages.get("")
    @extend.needs(extend.WORKSPACE_OPEN)
    def index():
        return "parcels"
"""
MODULE = 'MODULE = extend.Module("parcels", (pages,), (api,))'
GOOD = f"{HEAD}{PAGE}    {MODULE}\n"
TABLE = """
    class Parcel(extend.Row):
        __tablename__ = "NAME"
"""
FIRST = """
    from alembic import op
    revision, down_revision, branch_labels = "0001", None, ("parcels",)
    def upgrade():
        op.execute("STATEMENT")
"""
CREATE = "CREATE TABLE fh_parcels_sent (id uuid PRIMARY KEY)"

Start = Callable[..., Flask]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Whatever modules the whole run has."""
    return settings.model_copy(update={"modules_dir": None})


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "modules").mkdir()
    with modules.forgotten(tmp_path):
        yield tmp_path / "modules"


@pytest.fixture
def start(settings: Settings, folder: Path) -> Start:
    """Build the application with one module, of these files."""

    def build(init: str, migration: str | None = None, name: str = "parcels") -> Flask:
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "__init__.py").write_text(textwrap.dedent(init))
        if migration is not None:
            (folder / name / "migrations").mkdir()
            (folder / name / "migrations" / "0001_first.py").write_text(textwrap.dedent(migration))
        return create_app(settings.model_copy(update={"modules_dir": folder}))

    return build


def test_a_module_that_fits_is_installed(start: Start) -> None:
    app = start(GOOD, FIRST.replace("STATEMENT", CREATE))
    (module,) = modules.added(app)
    assert (module.name, module.blueprints) == ("parcels", {"parcels", "parcels_api"})
    assert module.migrations
    assert "parcels.index" in app.view_functions
    assert app.test_client().get("/parcels").status_code == 404  # on the bare host


def test_without_a_setting_there_is_none(settings: Settings) -> None:
    assert modules.added(create_app(settings)) == ()


def test_a_second_application_in_the_same_process_has_it_too(start: Start) -> None:
    start(GOOD)
    (module,) = modules.added(start(GOOD))
    assert module.name == "parcels"


def test_an_installed_package_is_found_by_its_entry_point(
    start: Start, folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "parcels_package.py").write_text(textwrap.dedent(GOOD))
    monkeypatch.syspath_prepend(str(folder.parent))
    point = EntryPoint("parcels", "parcels_package:MODULE", "freehold.modules")
    monkeypatch.setattr(discovery, "entry_points", lambda group: [point] if group == point.group else [])
    (module,) = modules.added(create_app(settings))
    assert module.name == "parcels"
    with pytest.raises(ModuleUnfit, match="two modules are called parcels"):
        start(GOOD)


def added_to(text: str) -> str:
    return f"{HEAD}{PAGE}{text}    {MODULE}\n"


BAD = {
    "does not import": ("import nothing_of_this_name", r"parcels does not import: ModuleNotFoundError: .*nothing_of"),
    "broken": ("def (", r"parcels does not import: SyntaxError"),
    "no MODULE": ("X = 1", r"parcels has no MODULE: write `MODULE = Module\(…\)`"),
    "MODULE of another kind": ("MODULE = 1", "has no MODULE"),
    "a bad name": (GOOD.replace('Module("parcels"', 'Module("My_Parcels"'), "'My_Parcels' is no module's name"),
    "an underscore": (GOOD.replace('Module("parcels"', 'Module("par_cels"'), "'par_cels' is no module's name"),
    "a name of ours": (GOOD.replace('Module("parcels"', 'Module("keys"'), "two modules are called keys"),
    "a foreign permission": (
        added_to('    extend.permission("stamps.read", "read stamps")\n'),
        r"parcels: the permission stamps\.read needs a name that starts with parcels\.",
    ),
    "a permission of ours": (
        added_to('    extend.permission("records.read", "read all")\n'), "two permissions are called records.read",
    ),
    "a foreign limit": (
        added_to('    extend.stock("stamps", "Stamps", 1)\n'), r"the limit stamps needs a name that starts with"
    ),
    "a limit of ours": (added_to('    extend.stock("records", "Mine", 1)\n'), "two limits are called records"),
    "a foreign job": (
        added_to('    @extend.handler("send", scope="tenant")\n    def send(): pass\n'),
        r"the job send needs a name that starts with parcels\.",
    ),
    "a job of ours": (
        added_to('    @extend.handler("mail.deliver")\n    def send(): pass\n'), "two handlers are called mail.deliver"
    ),
    "a foreign table": (
        added_to(TABLE.replace("NAME", "parcels")), "the table parcels needs a name that starts with fh_parcels_",
    ),
    "a table of ours": (added_to(TABLE.replace("NAME", "fh_keys")), "does not import: InvalidRequestError: .*fh_keys"),
    "a table that nothing makes": (
        added_to(TABLE.replace("NAME", "fh_parcels_sent")), "parcels: nothing makes its tables; put a folder",
    ),
    "a table in our schema": (
        added_to(
            "    class Sent(extend.db.Model):\n        __tablename__ = 'parcels'\n"
            "        id: extend.Mapped[int] = extend.mapped_column(primary_key=True)\n"
        ),
        r"parcels: platform\.parcels would lie in our schema",
    ),
    "a blueprint of another name": (
        GOOD.replace('Blueprint("parcels"', 'Blueprint("stamps"'), "the blueprint stamps needs a name that starts with",
    ),
    "the same blueprint name twice": (
        GOOD.replace('"parcels_api"', '"parcels"'), "there is a blueprint called parcels already",
    ),
    "a page elsewhere": (GOOD.replace('"/parcels")', '"/stamps")'), r"/stamps \(parcels\.index\) has to lie below"),
    "a page over ours": (GOOD.replace('"/parcels")', '"/collections")'), r"/collections .* has to lie below /parcels"),
    "a route that begins alike": (GOOD.replace('"/parcels")', '"/parcels-x")'), "has to lie below /parcels"),
    "an API elsewhere": (
        added_to('    @api.get("/../x")\n    @extend.needs(extend.WORKSPACE_OPEN)\n    def x(): pass\n').replace(
            'Blueprint("parcels_api", __name__, url_prefix="/parcels")', 'Blueprint("parcels_api", __name__)'
        ),
        "has to lie below /api/v1/parcels",
    ),
    "a name that is an address of ours": (
        GOOD.replace("parcels", "pricing").replace('Blueprint("pricing"', 'Blueprint("pricing_pages"'),
        "pricing: /pricing is an address of ours",
    ),
    "a view without a permission": (
        GOOD.replace("    @extend.needs(extend.WORKSPACE_OPEN)\n", ""),
        r"parcels: parcels\.index does not say which permission it needs",
    ),
    "static files, which ask nobody": (
        GOOD.replace('"/parcels")', '"/parcels", static_folder="static")', 1), r"parcels\.static does not say which",
    ),
    "a view outside of its blueprints": (
        added_to(
            '    pages.record(lambda state: state.app.add_url_rule("/parcels/open", "parcels_open", lambda: "open"))\n'
        ),
        "parcels_open stands outside of its blueprints, so nobody guards it",
    ),
    "a menu entry that leads nowhere": (
        GOOD.replace(
            "(api,))",
            '(api,), (extend.MenuEntry("parcels", "Parcels", "parcels.list", "mail", extend.WORKSPACE_OPEN),))',
        ),
        r"parcels: the menu's Parcels leads to parcels\.list, which is no page",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_what_does_not_fit_stops_the_start(start: Start, fault: str) -> None:
    init, message = BAD[fault]
    with pytest.raises(ModuleUnfit, match=message):
        start(init)


BAD_MIGRATIONS = {
    "an empty folder": ("", "parcels: .*migrations"),
    "no label": (FIRST.replace(', ("parcels",)', ", None"), r'needs `branch_labels = \("parcels",\)`'),
    "another's label": (FIRST.replace('("parcels",)', '("stamps",)'), "first revision needs"),
    "it builds on what is not there": (FIRST.replace("None", '"0000"'), "parcels: .*0000"),
    "it does not run": (FIRST.replace("op.execute", "op.nothing"), "parcels: .*AttributeError"),
    "a table of another name": (
        CREATE.replace("fh_parcels_sent", "parcels"),
        "about its own tables, fh_parcels_…, and",
    ),
    "a table of ours": ("ALTER TABLE fh_keys ADD COLUMN x text", "and not: ALTER TABLE fh_keys"),
    "another module's table": (CREATE.replace("fh_parcels_", "fh_parcelsx_"), "about its own tables"),
    "rows of ours": ("DELETE FROM fh_keys", "and not: DELETE FROM fh_keys"),
    "an index on ours": ("CREATE INDEX fh_parcels_x ON fh_keys (id)", "and not: CREATE INDEX"),
    "another schema": (CREATE.replace("fh_parcels_sent", "platform.fh_parcels_sent"), "about its own tables"),
    "a second statement": (f"{CREATE}; GRANT fh_owner TO PUBLIC", "and not: GRANT fh_owner TO PUBLIC"),
    "another role": ("SET LOCAL ROLE fh_app", "and not: SET LOCAL ROLE"),
    "a function": ("CREATE FUNCTION fh_parcels_f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "and not: CREATE FUNCTION"),
    "no primary key": ("CREATE TABLE fh_parcels_sent (id uuid)", "fh_parcels_sent needs a primary key"),
}


@pytest.mark.parametrize("fault", BAD_MIGRATIONS)
def test_migrations_that_do_not_fit_stop_the_start(start: Start, fault: str) -> None:
    text, message = BAD_MIGRATIONS[fault]
    whole = not text or "revision" in text
    with pytest.raises(ModuleUnfit, match=message):
        start(GOOD, text if whole else FIRST.replace("STATEMENT", text))


@pytest.mark.parametrize(
    "statement",
    [
        CREATE,
        "CREATE TABLE IF NOT EXISTS \\\"fh_parcels_sent\\\" (id uuid PRIMARY KEY)",
        f"{CREATE}; CREATE UNIQUE INDEX fh_parcels_sent_ix ON fh_parcels_sent (id)",
        f"SET LOCAL lock_timeout = '2s'; {CREATE}; ALTER TABLE fh_parcels_sent ADD COLUMN x text",
        f"{CREATE}; INSERT INTO fh_parcels_sent SELECT id FROM fh_collections",
        f"{CREATE}; COMMENT ON COLUMN fh_parcels_sent.id IS 'key'; DROP INDEX IF EXISTS fh_parcels_old",
    ],
)  # fmt: skip
def test_control_migrations_of_its_own_tables_fit(start: Start, statement: str) -> None:
    start(GOOD, FIRST.replace("STATEMENT", statement))


def test_a_folder_that_is_not_there_or_holds_no_package_is_said(settings: Settings, folder: Path) -> None:
    for place, message in ((folder / "nowhere", "MODULES_DIR: there is no folder"), (folder, "is no package")):
        (folder / "empty").mkdir(exist_ok=True)
        with pytest.raises(ModuleUnfit, match=message):
            create_app(settings.model_copy(update={"modules_dir": place}))


def test_a_folder_called_like_a_package_that_python_has_is_refused(start: Start) -> None:
    with pytest.raises(ModuleUnfit, match="Python has another package called json already; rename the folder"):
        start(GOOD, name="json")


def test_a_view_of_ours_without_a_permission_stops_the_start_too(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(views.revoke, permissions._MARK)
    with pytest.raises(ModuleUnfit, match=r"keys: keys\.revoke does not say which permission it needs"):
        create_app(settings)


@pytest.mark.parametrize("command", [["wsgi.py"], ["-m", "saas.app", "migrate"], ["worker.py", "--queue", "fast"]])
def test_each_process_ends_with_the_sentence(settings: Settings, folder: Path, command: list[str]) -> None:
    (folder / "parcels").mkdir()
    (folder / "parcels" / "__init__.py").write_text("X = 1\n")
    own = live.environment(settings.model_copy(update={"modules_dir": folder}), settings.site_url)
    done = subprocess.run(
        [sys.executable, *command], cwd=live.ROOT, env=own, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "parcels has no MODULE" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_a_test_here_defines_is_gone_afterwards(settings: Settings, tmp_path: Path) -> None:
    before = permissions.every(), registry.handlers()
    with modules.forgotten(tmp_path):
        permissions.define("parcels.read", "read parcels")
        assert permissions.every() != before[0]
    assert (permissions.every(), registry.handlers()) == before


def test_no_two_modules_tables_begin_alike() -> None:
    names = [Module(name).tables for name in ("help", "helpdesk", "helpx")]
    assert not any(a.startswith(b) for a in names for b in names if a is not b)
