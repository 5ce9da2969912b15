"""Getting about by keyboard alone. At each stop the focus can be seen, and it can't be where it is no longer."""

from typing import Any

from playwright.sync_api import Locator, expect

from tests.support.visit import Visit

MOST = 120  # stops until what is looked for counts as out of reach

# What the focused element looks like, or the frame around it that stands for it, and whether the one before looks the
# same now that it has lost the focus.
_STOP = """() => {
    const rings = (element) => [element, element.parentElement ?? element].map((one) => getComputedStyle(one));
    const look = (element) => rings(element).map(
        (style) => [style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow].join()).join();
    const here = document.activeElement, before = window.lastStop, box = here.getBoundingClientRect();
    const left = before && before.element !== here && before.element.isConnected;
    window.lastStop = {element: here, look: look(here), name: here.outerHTML.slice(0, 200)};
    return {
        name: window.lastStop.name,
        nowhere: here === document.body,
        ringed: rings(here).some((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0),
        inView: box.width > 1 && box.height > 1 && box.bottom > 0 && box.top < innerHeight
            && box.right > 0 && box.left < innerWidth,
        unchanged: left && look(before.element) === before.look ? before.name : null,
    };
}"""


class Keyboard:
    def __init__(self, visit: Visit) -> None:
        self.visit, self.page = visit, visit.page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def to(self, target: Locator, key: str = "Tab") -> Locator:
        """Press Tab, or Shift+Tab, until the target has the focus."""
        expect(target).to_be_visible()
        self.page.wait_for_load_state()  # a key that leads to another page does not wait for it, nor for its scripts
        for _ in range(MOST):
            if focused(target):
                return target
            self.press(key)
            self.stop()
        raise AssertionError(f"{target} is not reached with {key}")

    def stop(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate(_STOP)
        if not found["nowhere"]:
            assert found["ringed"], f"{self.page.url}: the focus can't be seen at {found['name']}"
            assert found["inView"], f"{self.page.url}: the focus is out of sight at {found['name']}"
            assert not found["unchanged"], f"{self.page.url}: looks the same with the focus: {found['unchanged']}"
        return found

    def follow(self, target: Locator, key: str = "Enter") -> None:
        """A link or a button."""
        self.to(target)
        self.press(key)

    def write(self, target: Locator, text: str) -> None:
        self.to(target)
        self.page.keyboard.type(text)
        expect(target).to_have_value(text)

    def choose(self, target: Locator, option: str) -> None:
        """In a list: by the arrow keys."""
        self.to(target)
        self.press("Home")
        for _ in range(target.locator("option").count()):
            if target.evaluate("list => list.selectedOptions[0].label") == option:
                return
            self.press("ArrowDown")
        raise AssertionError(f"there is no {option}")


def focused(target: Locator) -> bool:
    return bool(target.evaluate("element => element === document.activeElement"))
