"""The settings a development stack runs with: what the person's shell says, else what we start ourselves."""

import os
import re
from collections.abc import Mapping

from saas.devstack.errors import DevstackError
from saas.devstack.secrets_kept import secret
from saas.devstack.state import ROOT, State

DATABASE = ("DATABASE_URL", "DATABASE_ADMIN_URL")


def brings_database() -> bool:
    """Whether the shell names a PostgreSQL. Raises DevstackError when it names half of one."""
    missing = [name for name in DATABASE if not os.environ.get(name)]
    if len(missing) == 1:
        raise DevstackError(f"{missing[0]} is missing: set both {' and '.join(DATABASE)}, or neither.")
    return not missing


def brings_queue() -> bool:
    """Whether the shell names a Redis or Valkey."""
    return bool(os.environ.get("REDIS_URL"))


def brings_stripe() -> bool:
    """Whether the shell names an account at Stripe, or a stand-in of its own."""
    return bool(os.environ.get("STRIPE_SECRET_KEY"))


def settings(state: State, port: int, services: Mapping[str, str]) -> dict[str, str]:
    """All settings of the stack at `port`; `services` are the URLs of what runs embedded."""
    own = {name: value for name in _known() if (value := os.environ.get(name))}
    fixed = {"FREEHOLD_ENV": "development", "SITE_URL": f"http://localhost:{port}"}
    own.setdefault("SECRET_KEY", secret(state.folder / "secrets" / "secret_key", "development-"))
    return {**own, **fixed, **services}


def for_process(settings: Mapping[str, str], *, administrator: bool = False) -> dict[str, str]:
    """The environment of one process. As in production, few may have the administrator's database URL."""
    hidden = () if administrator else ("DATABASE_ADMIN_URL",)
    everything = {**os.environ, **settings, "PYTHONUNBUFFERED": "1"}
    return {name: value for name, value in everything.items() if name not in hidden}


def _known() -> list[str]:
    """The names of all settings. Read from the example, as importing the class would delay each start."""
    example = ROOT / ".env.example"
    text = example.read_text(encoding="utf-8") if example.exists() else ""
    return [*DATABASE, "REDIS_URL", "SECRET_KEY", *re.findall(r"(?m)^#? ?([A-Z][A-Z0-9_]*)=", text)]
