"""Real headless Chromium against a running console. Screenshots are kept in .cache/screenshots, to be looked at."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Locator, Page, Playwright, StorageState

from tests.console.rig import PASSWORD
from tests.waiting import until

SHOTS = Path(".cache/screenshots")
BROWSERS = ("chromium-headless-shell", "chromium")  # the same engine; the second draws a whole browser around each page
CHROMIUM = next((path for name in BROWSERS if (path := shutil.which(name))), None)
SIZES = {"tablet": (1024, 600), "desktop": (1600, 900), "phone": (390, 844)}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PATIENCE_MS = 20_000  # a loaded machine; what is waited for usually takes a tenth of a second


_SIGNED_IN: dict[tuple[str, str], tuple[StorageState, str]] = {}  # by console and user: cookies, first page


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
    )


@contextmanager
def guard(
    browser: Browser, url: str, name: str = "guard", size: str = "tablet", lang: str = "zh", theme: str = "day"
) -> Iterator[Page]:
    """Somebody signed in, in a browser of their own. A page error or a refused script fails the test. Who has signed in
    once before still is, where the gateway says so: signing in is half of what a test costs.
    """
    width, height = SIZES[size]
    state, lands = _SIGNED_IN.get((url, name), (None, f"{url}/sign-in"))
    context = browser.new_context(
        ignore_https_errors=True, viewport={"width": width, "height": height}, storage_state=state
    )
    context.set_default_timeout(PATIENCE_MS)
    context.add_cookies(
        [{"name": key, "value": value, "url": url} for key, value in (("lang", lang), ("theme", theme))]
    )
    page = context.new_page()
    wrong = list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    try:
        page.goto(lands)
        if page.locator("#password").count():
            page.fill("#name", name)
            page.fill("#password", PASSWORD)
            page.press("#password", "Enter")
            page.wait_for_selector("nav")
            _SIGNED_IN[url, name] = context.storage_state(), page.url
        page.wait_for_selector("nav")
        yield page
        assert not wrong, wrong
    finally:
        context.close()


def becomes(page: Page, question: str, about: object = None) -> None:
    """Waits for a true answer. Playwright's own wait_for_function asks again in what the page's own policy forbids."""
    until(lambda: page.evaluate(question, about), PATIENCE_MS / 1000, question)


def picture(of: Page | Locator) -> bytes:
    """What is seen now, as a PNG. A busy Chromium at times refuses a picture that it takes when asked again: nothing
    of what is shown depends on that.
    """
    for _ in range(3):
        try:
            return of.screenshot()
        except Error as refused:
            if "Unable to capture screenshot" not in refused.message:
                raise
    return of.screenshot()


def keep(page: Page, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    (SHOTS / f"{name}.png").write_bytes(picture(page))


def accessible(page: Page, where: str) -> None:
    """WCAG 2.2 AA, as far as axe-core can tell."""
    options = {"runOnly": {"type": "tag", "values": WCAG}, "resultTypes": ["violations"]}  # all else is not read here
    found = Axe().run(page, options=options)
    said = [
        f"{where}: {one['id']} {one['help']}: {[node['html'][:120] for node in one['nodes']][:3]}"
        for one in found.response["violations"]
    ]
    assert not said, "\n".join(said)
