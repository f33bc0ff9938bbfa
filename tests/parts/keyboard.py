"""Moves the focus by keyboard alone, and records how each focused element looks."""

from typing import Any

from playwright.sync_api import Locator, Page

MOST = 80
FOCUSED = """() => {
    const here = document.activeElement;
    if (!here || here === document.body) return null;
    const style = getComputedStyle(here), box = here.getBoundingClientRect();
    const at = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height, 40) / 2);
    window.stops ??= [];
    const before = window.stops.at(-1);
    window.stops.push(here);
    return {
        name: (here.id || here.textContent || here.name || "").trim().slice(0, 60),
        tag: here.localName,
        ring: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
        shadow: style.boxShadow !== "none",
        isInView: box.top >= 0 && box.left >= 0
            && box.bottom <= innerHeight + 1 && box.right <= innerWidth + 1,
        isCovered: !(at && (here.contains(at) || at.contains(here) || at.closest("label")?.control === here)),
        follows: !before || Boolean(before.compareDocumentPosition(here) & Node.DOCUMENT_POSITION_FOLLOWING),
    };
}"""


class Keyboard:
    """`stops` is every element that had the focus since the page was opened, and how it looked."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.stops: list[dict[str, Any]] = []

    def tab(self) -> dict[str, Any] | None:
        """One step on; None where the page is left for the browser's own bars."""
        self.page.keyboard.press("Tab")
        stop: dict[str, Any] | None = self.page.evaluate(FOCUSED)
        if stop:
            self.stops.append(stop)
        return stop

    def tab_to_end(self) -> list[dict[str, Any]]:
        """From where the focus is to the end of the page."""
        while self.tab():
            assert len(self.stops) < MOST, "the end of the page is never reached"
        return self.stops

    def go_to(self, place: Locator) -> None:
        """Tabs until the focus is there; every stop on the way must be seen."""
        for _ in range(MOST):
            if place.count() and place.evaluate("each => each === document.activeElement"):
                return
            stop = self.tab()
            assert stop is None or is_seen(stop), stop
        raise AssertionError(f"the keyboard does not lead to {place}; it led to {self.names}")

    def press(self, place: Locator, key: str = "Enter") -> None:
        self.go_to(place)
        self.page.keyboard.press(key)

    def type(self, label: str, text: str) -> None:
        self.go_to(self.page.get_by_label(label, exact=True))
        self.page.keyboard.type(text)

    @property
    def names(self) -> list[str]:
        return [stop["name"] for stop in self.stops]


def is_seen(stop: dict[str, Any]) -> bool:
    """A ring of at least 3 pixels and a second colour around it, in the window, and nothing before it."""
    return stop["ring"] >= 3 and stop["shadow"] and stop["isInView"] and not stop["isCovered"]
