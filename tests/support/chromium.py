"""A real browser, where one is installed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

# Without these, Chromium looks up hosts of its maker at each start.
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

_START = 180_000  # milliseconds, on a machine that is busy


@contextmanager
def chromium() -> Iterator[Browser]:
    """Skips the test where no Chromium is installed, unless FREEHOLD_BROWSER=required."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        missing = "no Chromium on this machine: install the package chromium"
        if os.environ.get("FREEHOLD_BROWSER") == "required":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_QUIET, timeout=_START)
        yield browser
        browser.close()
