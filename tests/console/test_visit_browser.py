"""Visitors, patrols and hazards in real Chromium: with a scanner, a card reader, the keyboard and a finger."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.console.browsing import CHROMIUM, PATIENCE_MS, SIZES, accessible, guard, keep, launch, picture
from tests.console.rig import Rig
from tests.console.test_browser import LOOKED_AT, WIDE
from tests.console.test_visit_pages import put_card
from tests.waiting import until

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: make browser")
expect.set_options(timeout=PATIENCE_MS)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f61738550000"
    "000049454e44ae426082"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = launch(playwright)
        yield made
        made.close()


def visits(page: Page, rig: Rig) -> None:
    page.goto(rig.url + "/visits")
    expect(page.locator("#scan")).to_be_visible()


def enter(page: Page, name: str, host: str = "3-1-502", button: str = "登记并放行") -> str:
    page.locator("#name").fill(name)
    page.locator("#host").fill(host)
    page.get_by_role("button", name=button).click()
    expect(page.locator("#said")).to_contain_text(name)
    link = page.locator("#said a").first.get_attribute("href") or ""
    return link.split("/")[2]


def test_a_walk_in_with_the_keyboard_alone(browser: Browser, rig: Rig) -> None:
    """Name, host, Enter; the next visitor's name at once."""
    with guard(browser, rig.url) as page:
        visits(page, rig)
        expect(page.locator("#scan")).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        expect(page.locator("#name")).to_be_focused()
        page.keyboard.type("李雷")
        page.keyboard.press("Tab")
        page.keyboard.type("3-1-502")
        page.keyboard.press("Enter")
        expect(page.locator("#said")).to_contain_text("✓ 李雷")
        expect(page.locator("#said .digits")).to_have_text(re.compile(r"\d{4} \d{4}"))
        expect(page.locator("#scan")).to_be_focused()
        expect(page.locator("#name")).to_have_value("")
        expect(page.locator("#rows")).to_contain_text("李雷")
        keep(page, "visit-walk-in")
        expect(page.locator("#said .advice")).to_have_count(0)
        enter(page, "李四", "9-9-909")
        expect(page.locator("#said .advice")).to_contain_text("没有登记住在 9-9-909 的人员")


def test_a_double_click_enters_one_visitor_and_leaves_the_code_to_read(browser: Browser, rig: Rig) -> None:
    with guard(browser, rig.url) as page:
        visits(page, rig)
        page.locator("#name").fill("韩梅")
        page.locator("#host").fill("3-1-502")
        button = page.get_by_role("button", name="登记并放行")
        button.click()
        expect(page.locator("#said")).to_contain_text("✓ 韩梅")
        button.click()  # the second half of a double click, after the answer
        page.locator("#name").fill("李明")
        expect(page.locator("#said")).to_contain_text("✓ 韩梅")
        expect(page.locator(".htmx-request")).to_have_count(0)
        expect(page.locator("#said")).to_contain_text("✓ 韩梅")
        expect(page.locator("#rows")).to_contain_text("韩梅")


def test_the_card_on_the_reader_a_house_and_one_key(browser: Browser, rig: Rig) -> None:
    with guard(browser, rig.url, lang="en", theme="night") as page:
        visits(page, rig)
        put_card(rig, "张三丰", "a" * 64)
        expect(page.locator("#desk")).to_contain_text("110105**********2X")
        expect(page.locator("#host")).to_be_focused()
        keep(page, "visit-card")
        accessible(page, "a card on the reader")
        page.keyboard.type("张伟")
        page.keyboard.press("Enter")
        expect(page.locator("#said")).to_contain_text("✓ 张三丰")
        expect(page.locator("#desk")).not_to_contain_text("张三丰")
        put_card(rig, "张二丰", "c" * 64)
        expect(page.locator("#desk")).to_contain_text("张二丰")
        put_card(rig, "张四丰", "d" * 64)  # whose number looks the same, masked
        expect(page.locator("#desk")).to_contain_text("张四丰")


def test_a_scanned_pass_lets_in_and_two_guards_see_it(browser: Browser, rig: Rig) -> None:
    with guard(browser, rig.url) as page, guard(browser, rig.url, "supervisor") as other:
        visits(page, rig)
        visit = enter(page, "韩梅梅", button="仅预约")
        expect(page.locator("#said")).to_contain_text("待到访")
        visits(other, rig)
        text = rig.do(lambda: rig.visits.do("visit.show", _which(visit), "x"))[0].ticket.text
        page.locator("#scan").fill(text)  # a scanner types and ends with Enter
        page.keyboard.press("Enter")
        expect(page.locator("#said")).to_contain_text("✓ 韩梅梅")
        expect(other.locator("#rows")).to_contain_text("韩梅梅", timeout=15_000)
        page.locator("#scan").fill(text)
        page.keyboard.press("Enter")
        page.locator("#said").get_by_role("button", name="登记离开").click()
        expect(page.locator("#said")).to_contain_text("已离开")
        expect(page.locator("#rows")).not_to_contain_text("韩梅梅")


def _which(visit: str) -> object:
    from edge_agent.model.visit_orders import Which

    return Which(visit=visit)


def test_the_host_declines_and_a_bar_is_told_to_the_guard(browser: Browser, rig: Rig) -> None:
    with guard(browser, rig.url) as page:
        visits(page, rig)
        page.get_by_text("更多：电话").click()
        page.locator("input[name=ask]").check()
        page.locator("input[name=phone]").fill("13911112222")
        visit = enter(page, "推销")
        expect(page.locator("#said")).to_contain_text("已询问被访人")
        page.goto(f"{rig.url}/visits/{visit}")
        page.locator("input[name=who]").fill("业主电话")
        page.get_by_role("button", name="被访人拒绝").click()
        expect(page.locator("table")).to_contain_text("被访人拒绝")
        page.get_by_role("link", name="列入黑名单").click()
        page.locator("input[name=reason]").fill("冒充快递")
        page.get_by_role("button", name="列入黑名单").click()
        expect(page.locator("table")).to_contain_text("冒充快递")
        keep(page, "visit-blacklist")
        accessible(page, "blacklist")
        visits(page, rig)
        page.get_by_text("更多：电话").click()
        page.locator("input[name=phone]").fill("139 1111 2222")
        page.locator("#name").fill("换个名字")
        page.locator("#host").fill("3-1-502")
        page.get_by_role("button", name="登记并放行").click()
        expect(page.locator("#said")).to_contain_text("冒充快递")
        expect(page.locator("#said")).to_be_in_viewport()
        keep(page, "visit-barred")
        expect(page.locator("#name")).to_have_value("换个名字")


def test_the_host_is_found_while_typing(browser: Browser, rig: Rig) -> None:
    with guard(browser, rig.url) as page:
        visits(page, rig)
        page.locator("#host").press_sequentially("张")
        expect(page.locator("#hosts option")).to_have_count(1)
        assert page.locator("#hosts option").get_attribute("value") == "p-0001"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_in_both_languages_and_three_sizes(browser: Browser, rig: Rig, size: str, lang: str) -> None:
    theme = {"tablet": "night", "desktop": "day", "phone": "contrast"}[size]
    with guard(browser, rig.url, "guard", size, lang, theme) as page:
        visits(page, rig)
        page.locator("#name").fill("很长的名字" * 8)
        page.locator("#host").fill("3-1-502")
        page.locator("button[value=walk_in]").click()
        expect(page.locator("#said .digits")).to_be_visible()
        visit = (page.locator("#said a").first.get_attribute("href") or "").split("/")[2]
        for path in (
            "/visits",
            f"/visits/{visit}",
            f"/visits/{visit}/badge",
            "/visits/+blacklist",
            "/patrol",
            "/hazards",
        ):
            page.goto(rig.url + path)
            expect(page.locator("h1").first).to_be_attached()
            name = path.replace(visit, "one").replace("/", "-").replace("+", "")
            keep(page, f"{size}-{lang}{name}")
            wide = page.evaluate(WIDE)
            assert not wide, f"{path}: {wide}"
            if (size, lang) in LOOKED_AT:
                accessible(page, f"{size} {lang} {theme} {path}")


def test_the_visitors_phone_scans_the_guards_screen_and_has_the_pass(browser: Browser, rig: Rig) -> None:
    zxingcpp, cv2, np = (pytest.importorskip(name) for name in ("zxingcpp", "cv2", "numpy"))

    def scanned(page: Page, place: str) -> str:
        seen = cv2.imdecode(np.frombuffer(picture(page.locator(place)), np.uint8), cv2.IMREAD_GRAYSCALE)
        return str(zxingcpp.read_barcode(seen).text)

    with guard(browser, rig.url) as page:
        visits(page, rig)
        visit = enter(page, "手机")
        page.goto(f"{rig.url}/visits/{visit}")
        page.locator("summary", has_text="访客手机").click()
        accessible(page, "the way to the phone")
        keep(page, "visit-to-phone")
        address = scanned(page, "details .qr-link svg")
        pass_ = scanned(page, ".qr > svg")
    assert address == f"{rig.url}/pass/{pass_}"
    for lang in ("zh", "en"):
        context = browser.new_context(ignore_https_errors=True, viewport={"width": 390, "height": 844})
        context.add_cookies([{"name": "lang", "value": lang, "url": rig.url}])
        phone = context.new_page()
        assert phone.goto(address)
        assert scanned(phone, ".qr svg") == pass_, "a reader at the door reads it off the phone"
        accessible(phone, "the pass on a phone")
        keep(phone, f"visit-phone-{lang}")
        phone.goto(address[:-2])
        expect(phone.get_by_role("alert")).to_be_visible()
        keep(phone, f"visit-phone-over-{lang}")
        context.close()


def test_a_badge_is_one_page_of_paper(browser: Browser, rig: Rig, tmp_path: Path) -> None:
    with guard(browser, rig.url) as page:
        visits(page, rig)
        visit = enter(page, "打印")
        page.goto(f"{rig.url}/visits/{visit}/badge")
        expect(page.locator("svg")).to_be_visible()
        pdf = page.pdf(prefer_css_page_size=True)
        assert pdf.count(b"/Type /Page\n") == 1, "one badge, one page"
        page.emulate_media(media="print")
        expect(page.locator("nav")).to_be_hidden()
        keep(page, "visit-badge-print")


def test_a_guard_walks_a_route_and_reports_a_hazard_with_a_photo(browser: Browser, rig: Rig, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(PNG)
    with guard(browser, rig.url, size="phone") as page:
        page.goto(rig.url + "/patrol")
        page.locator("[data-scan]").fill("P-8")
        page.keyboard.press("Enter")
        expect(page.locator("tr.done")).to_contain_text("gate")
        page.get_by_role("button", name="到岗").click()
        expect(page.locator(".chip")).to_contain_text("guard")
        page.get_by_role("button", name="离岗").click()
        expect(page.locator(".chip")).to_have_count(0)
        page.goto(rig.url + "/hazards")
        page.locator("select[name=category]").select_option("blocked_exit")
        page.locator("input[name=place]").fill("2-1")
        page.locator("input[name=photo]").set_input_files(photo)
        page.get_by_role("button", name="上报").click()
        expect(page.locator("img.hazard")).to_be_visible()
        keep(page, "hazard")
        until(lambda: rig.events("hazard.reported"))
        page.get_by_role("button", name="闭环").click()
        expect(page.locator("main")).to_contain_text("没有隐患")
