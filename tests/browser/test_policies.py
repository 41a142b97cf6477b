"""The pages' content policies in a real browser: strict, and yet everything is drawn."""

import pytest
from playwright.sync_api import Error, Page, expect

from support.server import Server


def test_the_apis_page_is_drawn_without_anything_inline(server: Server, page: Page, complaints: list[str]) -> None:
    page.goto(f"{server.origin}/docs")
    page.get_by_text("/api/stats/main", exact=True).click()
    page.get_by_role("button", name="Try it out").first.click()
    expect(page.locator(".opblock.is-open input").first).to_be_visible()
    styled = page.locator(".opblock.is-open .opblock-summary-method").first
    # Swagger UI's own sheet reached it.
    assert styled.evaluate("element => getComputedStyle(element).backgroundColor") != "rgba(0, 0, 0, 0)"
    assert complaints == []


HARM = [
    "document.body.innerHTML = '<b>visitor</b>'",
    "document.body.insertAdjacentHTML('beforeend', '<b>visitor</b>')",
    # eval as such is let through to whoever debugs a page, as the test does.
    "setTimeout('1')",
    "document.createElement('script').src = '/app.js'",
    "trustedTypes.createPolicy('mine', {createHTML: text => text})",
]


@pytest.mark.parametrize("path", ["/?site=example.com", "/share.html"])
def test_no_text_becomes_markup_or_code_on_a_page_with_numbers(server: Server, page: Page, path: str) -> None:
    page.goto(server.origin + path)
    for harm in HARM:
        with pytest.raises(Error, match=r"This document requires|disallowed"):
            page.evaluate(f"() => {{ {harm} }}")


def test_no_script_or_style_in_the_page_itself_runs(server: Server, page: Page) -> None:
    page.goto(server.origin)
    found = page.evaluate(
        """() => {
            const script = document.createElement("script");
            try { script.textContent = "window.ran = true"; document.body.append(script); } catch {}
            const style = document.createElement("style");
            style.textContent = "body { outline: 7px solid red }";
            document.head.append(style);
            return [window.ran ?? false, getComputedStyle(document.body).outlineWidth === "7px"];
        }"""
    )
    assert found == [False, False]
