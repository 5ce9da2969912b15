"""What a browser calls itself, in words."""

import re

# In this order: most browsers name the ones that they descend from as well.
_BROWSERS = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/")),
    ("Opera", re.compile(r"\b(?:OPR|Opera)/")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"\b(?:Chrome|CriOS|HeadlessChrome)/")),
    ("Safari", re.compile(r"\bVersion/\S+ .*Safari/")),
)
_SYSTEMS = (
    ("iPhone", re.compile(r"\biPhone\b")),
    ("iPad", re.compile(r"\biPad\b")),
    ("Android", re.compile(r"\bAndroid\b")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("Windows", re.compile(r"\bWindows\b")),
    ("macOS", re.compile(r"\bMac OS X\b|\bMacintosh\b")),
    ("Linux", re.compile(r"\bLinux\b")),
)
_PROGRAM = re.compile(r"[A-Za-z][\w.-]{0,30}(?=/\d)")


def in_words(agent: str | None) -> str:
    """ "Firefox on Windows"; what is no browser goes by its own name; anything can be claimed here."""
    browser = next((name for name, mark in _BROWSERS if mark.search(agent or "")), None)
    system = next((name for name, mark in _SYSTEMS if mark.search(agent or "")), None)
    if browser is None and agent and not agent.startswith("Mozilla/") and (program := _PROGRAM.match(agent)):
        browser = program.group()
    if browser is None:
        return f"A browser on {system}" if system else "An unknown browser"
    return f"{browser} on {system}" if system else browser
