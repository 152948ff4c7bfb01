"""The page of a report in a browser: Chromium, driven by Playwright. Skipped where there is no Chromium."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from tests.access_audit.report_generator import make_report
from tests.access_audit.test_html_report import SCRIPT, nasty_report

from xacct.access_audit.baseline import Baseline
from xacct.access_audit.finding import FINDING_KINDS, SEVERITIES
from xacct.access_audit.report import AuditReport

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
if CHROMIUM is None:
    pytest.skip(f"no Chromium in the path: none of {', '.join(NAMES)}", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

SMALL = make_report(2)
_medium = make_report(50)
MEDIUM = _medium.with_baseline(Baseline.of(evolve(_medium, findings=_medium.findings[5:8]), "known", date(2027, 3, 31)))
LARGE = make_report(1_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        # The sandbox of Chromium cannot start as root, or in most containers.
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"], timeout=60_000
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[AuditReport], Path]:
    files: dict[int, Path] = {}

    def write(report: AuditReport) -> Path:
        if id(report) not in files:
            files[id(report)] = tmp_path_factory.mktemp("report") / "report.html"
            files[id(report)].write_text(report.to_html(), "utf-8")
        return files[id(report)]

    return write


Open = Callable[..., Any]


@pytest.fixture
def open_page(browser: Any, file_of: Callable[[AuditReport], Path]) -> Iterator[Open]:
    """Open a report; the test fails if the page says anything on the console, has an error, or requests something."""
    contexts, said = [], []

    def open_report(report: AuditReport, fragment: str = "", **options: Any) -> Any:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        address = file_of(report).as_uri()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: request.url.startswith(address) or said.append(request.url))
        page.goto(address + fragment)
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-ready]", state="attached")
        return page

    yield open_report
    for context in contexts:
        context.close()
    assert said == []


def shown(page: Any, name: str = "open") -> int:
    return page.locator(f'ol[data-list="{name}"] > li').count()


@contextmanager
def filtered(page: Any) -> Iterator[None]:
    """Wait until the number of findings has changed by what is done inside."""
    before = page.inner_text("#count")
    yield
    page.wait_for_function("before => document.getElementById('count').innerText !== before", arg=before)


@pytest.mark.parametrize("report", [SMALL, MEDIUM, LARGE], ids=["2", "50", "1000"])
def test_a_page_opens_without_an_error_and_shows_all_findings(open_page: Open, report: AuditReport) -> None:
    page = open_page(report)
    number = len(report.findings)
    assert page.inner_text("#count") == f"{number:,} findings"
    assert shown(page) == min(100, number)
    assert page.locator("svg[role=img]").count() == 1


def test_findings_are_filtered_by_severity(open_page: Open) -> None:
    page = open_page(MEDIUM)
    with filtered(page):
        page.click("button.chip.high")
    assert page.get_attribute("button.chip.high", "aria-pressed") == "true"
    with filtered(page):
        page.click("button.chip.critical")
    expected = MEDIUM.by_severity["critical"] + MEDIUM.by_severity["high"]
    assert page.inner_text("#count").startswith(f"{expected} of {len(MEDIUM.findings)} findings")
    assert shown(page) == expected


def test_findings_are_filtered_by_kind_and_account(open_page: Open) -> None:
    page = open_page(MEDIUM)
    with filtered(page):
        page.select_option("#kind", "unused-role")
    assert shown(page) == MEDIUM.by_kind["unused-role"]
    account = next(f.account for f in MEDIUM.findings if f.kind == "unused-role")
    with filtered(page):
        page.fill("#account", account)
    assert shown(page) == 1
    with filtered(page):
        page.click("#clear")
    assert page.inner_text("#count") == f"{len(MEDIUM.findings)} findings"
    assert page.input_value("#account") == ""


def test_the_summary_leads_to_the_findings_that_it_counts(open_page: Open) -> None:
    page = open_page(MEDIUM)
    with filtered(page):
        page.click('[data-show-kind="unused-role"]')
    assert shown(page) == MEDIUM.by_kind["unused-role"]
    with filtered(page):
        page.click('[data-show-severity="high"]')
    assert shown(page) == MEDIUM.by_severity["high"]


def test_all_words_of_a_search_are_found_wherever_they_are(open_page: Open) -> None:
    page = open_page(LARGE)
    finding = next(f for f in reversed(LARGE.findings) if f.kind == "unused-role")
    with filtered(page):
        page.fill("#search", f"{finding.id} TRUST")
    assert page.inner_text("#count") == "1 of 4,078 findings"
    assert page.locator("ol[data-list=open] .what").inner_text() == FINDING_KINDS["unused-role"].title
    with filtered(page):
        page.fill("#search", f"{finding.id} nowhere")
    assert shown(page) == 0


def test_the_keyboard_searches_clears_and_moves(open_page: Open) -> None:
    page = open_page(MEDIUM)
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    with filtered(page):
        page.keyboard.type("github/")
    assert page.input_value("#search") == "github/"
    with filtered(page):
        page.keyboard.press("Escape")
    assert page.input_value("#search") == ""
    assert page.evaluate("document.activeElement.id") != "search"
    ids = [finding.id for finding in MEDIUM.findings]
    focused = "document.activeElement.closest('.finding')?.id"
    for key, index in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        assert page.evaluate(focused) == f"f-{ids[index]}"
    page.keyboard.press("Enter")
    assert page.locator(f"#f-{ids[1]} .body").is_visible()


def test_more_findings_are_shown_when_asked_for(open_page: Open) -> None:
    page = open_page(LARGE)
    button = page.locator('button.next[data-list="open"]')
    assert button.inner_text() == "Show 100 more of 3,978"
    button.click()
    button.click()
    assert shown(page) == 300


def test_accepted_and_expected_findings_are_apart_and_are_searched_too(open_page: Open) -> None:
    page = open_page(MEDIUM)
    assert shown(page, "accepted") == 3
    assert not page.locator("ol[data-list=accepted]").is_visible()
    page.click("#accepted > summary")
    assert page.locator("ol[data-list=accepted]").is_visible()
    with filtered(page):
        page.fill("#search", MEDIUM.accepted[0].id)
    assert page.inner_text("#count") == f"0 of {len(MEDIUM.findings)} findings, 1 accepted"
    assert page.inner_text("#accepted .total") == "1 of 3"


@pytest.mark.parametrize("place", [0, -1])
def test_a_link_to_a_finding_opens_it_also_if_it_is_packed(open_page: Open, place: int) -> None:
    finding = LARGE.findings[place]
    page = open_page(LARGE, f"#f-{finding.id}")
    row = page.locator(f"#f-{finding.id}")
    assert row.locator(".body").is_visible()
    assert finding.why in row.inner_text()


def test_markup_in_names_stays_text(open_page: Open) -> None:
    report = nasty_report()
    many = evolve(report, findings=tuple(evolve(report.findings[0], detail=str(number)) for number in range(400)))
    page = open_page(many)
    # The last of them was packed.
    with filtered(page):
        page.fill("#search", many.findings[-1].id)
    page.click("ol[data-list=open] > li summary")
    assert SCRIPT in page.locator("ol[data-list=open] > li .body p").first.inner_text()
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.scripts.length") == 1


def test_the_policy_of_the_page_stops_other_scripts(open_page: Open, browser: Any, file_of: Any) -> None:
    page = browser.new_page()
    page.goto(file_of(SMALL).as_uri())
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.hacked = true";
            document.body.append(script);
            document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.hacked = true'>");
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.hacked") is None
    page.close()


def test_without_scripts_the_summary_the_map_and_the_findings_can_be_read(open_page: Open) -> None:
    page = open_page(LARGE, java_script_enabled=False)
    assert page.locator(".tile").first.is_visible()
    assert page.locator("svg[role=img]").is_visible()
    first = page.locator(".finding").first
    first.locator("summary").first.click()
    assert first.locator(".body").is_visible()
    # A packed finding is a line.
    last = LARGE.findings[-1]
    lines = page.locator("#list-open noscript pre")
    assert f"{last.resource} ← {last.principal}" in lines.last.inner_text()
    assert lines.last.is_visible()
    assert not page.locator("#search").is_visible()


@pytest.mark.parametrize("report", [SMALL, MEDIUM, LARGE], ids=["2", "50", "1000"])
def test_a_page_is_as_wide_as_a_phone(open_page: Open, report: AuditReport) -> None:
    page = open_page(report, viewport={"width": 360, "height": 740})
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate("document.querySelector('.picture').scrollWidth") > 360


def luminance(color: str) -> float:
    """Return the relative luminance of a CSS color. Source: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


COLORED = ["body", "h2", ".lead", ".who", ".body dt", ".body pre", ".tile .name", ".note", ".more summary", ".id a"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast_in_light_and_dark(open_page: Open, scheme: str) -> None:
    page = open_page(MEDIUM, color_scheme=scheme)
    page.click("ol[data-list=open] > li summary")
    colors = page.evaluate(
        """(selectors) => selectors.map((selector) => {
            let element = document.querySelector(selector), color = getComputedStyle(element).color, back;
            do { back = getComputedStyle(element).backgroundColor; element = element.parentElement; }
            while (element && back === "rgba(0, 0, 0, 0)");
            return [selector, color, back];
        })""",
        [*COLORED, *(f".badge.{severity}" for severity in SEVERITIES)],
    )
    assert (luminance(colors[0][2]) > 0.5) == (scheme == "light")
    for selector, color, back in colors:
        lighter, darker = sorted((luminance(color), luminance(back)), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (selector, color, back)


def test_a_printed_page_has_explanations_and_no_controls(open_page: Open) -> None:
    page = open_page(SMALL)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("ol[data-list=open] .body").first.is_visible()
    assert not page.locator("#filter").is_visible()
    assert luminance(page.evaluate("getComputedStyle(document.body).backgroundColor")) == pytest.approx(1)
    assert page.pdf(format="A4").startswith(b"%PDF-")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    assert not page.locator("ol[data-list=open] .body").first.is_visible()
