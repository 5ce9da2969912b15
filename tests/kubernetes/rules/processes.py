"""Our processes: that their commands exist, and that their environment is one the platform starts in."""

import base64
import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

import click
import granian.cli

import billing.sandbox.__main__
import saas.cli
from saas.core.settings import Settings, SettingsError, load
from tests.kubernetes.manifests import ROOT, Document, Manifests, Workload, command, is_ours, workloads

ADMINISTRATORS = {"migrate", "worker-slow"}

# What an operator would bring.
_BROUGHT = {
    "SECRET_KEY": "0123456789abcdef0123456789abcdef0123456789abcdef",
    "DATABASE_URL": "postgresql://freehold_app:secret@db.example.com/freehold",
    "DATABASE_ADMIN_URL": "postgresql://freehold_admin:secret@db.example.com/freehold",
    "REDIS_URL": "rediss://:secret@redis.example.com:6379/0",
    "SMTP_URL": "smtp://user:secret@mail.example.com:587",
    "STRIPE_SECRET_KEY": "sk_live_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
    "METRICS_TOKEN": "secret",
}


def settings(manifests: Manifests) -> Iterator[str]:
    known = {name.upper() for name in Settings.model_fields}
    for workload, container in _processes(manifests):
        env = environment(manifests, container)
        for name in env.keys() - known:
            yield f"{workload}: {name} is no setting"
        with mock.patch.dict(os.environ, env, clear=True):
            try:
                load()
            except SettingsError as error:
                yield from (f"{workload}: {line}" for line in str(error).splitlines())


def administrator(manifests: Manifests) -> Iterator[str]:
    """Only what builds schemas has the administrator's connection."""
    for workload, container in _processes(manifests):
        has = "DATABASE_ADMIN_URL" in environment(manifests, container)
        if has != (workload.name in ADMINISTRATORS):
            yield f"{workload}: {'has' if has else 'lacks'} DATABASE_ADMIN_URL"


def commands(manifests: Manifests) -> Iterator[str]:
    for workload in workloads(manifests):
        for container in filter(is_ours, workload.containers):
            if fault := _fault(command(container)):
                yield f"{workload}: {fault}"


def environment(manifests: Manifests, container: Document) -> dict[str, str]:
    """What its process would find."""
    env: dict[str, str] = {}
    for source in container.get("envFrom", []):
        (field, reference), *_ = source.items()
        env |= _values(manifests, "ConfigMap" if field == "configMapRef" else "Secret", reference["name"])
    for variable in container.get("env", []):
        reference = variable.get("valueFrom", {}).get("secretKeyRef")
        found = _values(manifests, "Secret", reference["name"]).get(reference["key"], "") if reference else None
        env[variable["name"]] = variable.get("value", "") if found is None else found
    return env


def _values(manifests: Manifests, kind: str, name: str) -> dict[str, str]:
    document = manifests.find(kind, name)
    if document is None:
        return {key: _BROUGHT[key] for key in manifests.brought.get(name, ())}
    data: dict[str, str] = document.get("data", {})
    return {key: base64.b64decode(value).decode() for key, value in data.items()} if kind == "Secret" else data


def _processes(manifests: Manifests) -> Iterator[tuple[Workload, Document]]:
    """The stand-in for Stripe is none of the platform's: it reads no settings."""
    for workload in workloads(manifests):
        for container in filter(is_ours, workload.containers):
            if container["name"] == "freehold":
                yield workload, container


def _fault(words: list[str]) -> str | None:
    match words:
        case ["granian", *arguments]:
            return _parsed(granian.cli.cli, arguments)
        case ["python", "worker.py", *arguments]:
            return _parsed(saas.cli.work, arguments)
        case ["python", "-m", "saas.app", *arguments]:
            return _parsed(saas.cli.main, arguments)
        case ["python", "-m", "billing.sandbox", *arguments]:
            return _parsed(billing.sandbox.__main__.main, arguments)
    return f"there is no {' '.join(words)}"


def _parsed(program: Any, arguments: list[str]) -> str | None:
    """Has the program itself read its arguments, without running it."""
    for target in (word for word in arguments if word.endswith(":app")):
        if not (ROOT / f"{target.removesuffix(':app')}.py").exists():
            return f"there is no {target}"
    try:
        context = program.make_context("program", list(arguments))
        if isinstance(program, click.Group):
            _, command, rest = program.resolve_command(context, list(arguments))
            return _parsed(command, rest)
    except click.ClickException as error:
        return error.format_message()
    return None
