"""Random secrets of the development stack, made once and kept in files that only their owner reads."""

import os
import secrets
from pathlib import Path


def secret(file: Path, prefix: str) -> str:
    """The secret in `file`; made at the first call. `prefix` marks it, so that production can refuse it."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_private(file, prefix + secrets.token_urlsafe(24))
    return file.read_text()


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner reads; whoever reads it meanwhile sees the old text or the new."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
    fresh.replace(file)
