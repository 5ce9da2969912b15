"""A browser that takes pictures, and what to do with a picture that has hardly changed."""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from saas.devstack.errors import DevstackError

WIDTH, HEIGHT = 1280, 800
SAME = 0.006  # the part of a picture's pixels that other times and ids may change

Theme = Literal["light", "dark"]

# Without these, Chromium looks up hosts of its maker at each start.
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_DIFFERENCE = """async ([one, two]) => {
  const pixels = async (data) => {
    const image = await createImageBitmap(await (await fetch("data:image/png;base64," + data)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height);
  };
  const [a, b] = [await pixels(one), await pixels(two)];
  if (a.width !== b.width || a.height !== b.height) return 1;
  let changed = 0;
  for (let i = 0; i < a.data.length; i += 4)
    if (Math.max(...[0, 1, 2].map((c) => Math.abs(a.data[i + c] - b.data[i + c]))) > 16) changed += 1;
  return changed / (a.data.length / 4);
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Raises DevstackError when none is installed."""
    path = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if path is None:
        raise DevstackError("No Chromium was found: install it (Debian, Ubuntu: apt install chromium) and try again.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_QUIET))
        yield browser
        browser.close()


def page(browser: Browser, theme: Theme = "light") -> Page:
    """With cookies of its own."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=theme, reduced_motion="reduce", locale="en-GB"
    )
    return context.new_page()


def keep(looker: Page, file: Path, picture: bytes) -> str:
    """Write a picture unless the file shows nearly the same; returns what was done. `looker` is an empty page."""
    if not file.exists():
        file.write_bytes(picture)
        return "written"
    pair = [base64.b64encode(data).decode() for data in (file.read_bytes(), picture)]
    if looker.evaluate(_DIFFERENCE, pair) <= SAME:
        return "as before"
    file.write_bytes(picture)
    return "written"
