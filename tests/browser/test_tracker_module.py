"""The tracker as an ES module, in a page under a strict policy; until `init`, and on a server, it does nothing."""

import json
import subprocess
from pathlib import Path

from playwright.sync_api import Page

from support.tracked_site import STRICT_POLICY, TALL, Site, bodies

TRACKER = Path(__file__).parents[2] / "tracker"


def with_module(site: Site, script: str, path: str = "/") -> None:
    """A page whose only script is this module."""
    site.policy = STRICT_POLICY.replace("script-src", "style-src 'unsafe-inline'; script-src")
    site.scripts["/app.js"] = script
    site.pages[path] = f'<script type="module" src="/app.js"></script><a href="https://other.example/x?y">on</a>{TALL}'


def test_module_sends_pageviews_with_its_parts_and_earlier_tracked_events(
    page: Page, site: Site, complaints: list[str]
) -> None:
    with_module(
        site,
        """
        import { init, track, outbound, mask, engagement } from "/tracking/mallard.mjs";
        track("early", { props: { a: 1 } });
        const kept = { local: true, automation: true };
        init({ ...kept, domain: "example.com", parts: [outbound, mask, engagement], mask: ["/user/*", "/u/*"] });
        init({ domain: "other.example" });
        track("late");
        addEventListener("click", (event) => event.preventDefault());
        """,
        "/user/joe",
    )
    page.goto(f"{site.origin}/user/joe")
    site.events(3)
    page.click("a")
    site.events(4)
    page.goto("about:blank")
    events = bodies(site.events_in_all(page, 5))
    assert sorted(events[:3], key=lambda event: str(event["n"])) == [
        site.wire("early", "/user/*", p={"a": 1}),
        site.wire("late", "/user/*"),
        site.wire("pageview", "/user/*"),
    ]
    assert events[3] == site.wire("outbound", "/user/*", p={"url": "https://other.example/x"})
    assert (events[4]["n"], events[4]["u"], events[4]["sd"]) == ("engagement", f"{site.origin}/user/*", 25)
    assert complaints == []


def test_module_without_options_uses_the_page_as_site_and_server(page: Page, site: Site) -> None:
    with_module(site, 'import { init } from "/tracking/mallard.mjs"; init({local: true, automation: true});')
    page.goto(site.origin)
    assert bodies(site.events_in_all(page, 1)) == [site.wire("pageview", d="127.0.0.1")]
    assert site.recorded[0].path == "/api/event"


def test_module_sends_nothing_before_init(page: Page, site: Site) -> None:
    with_module(site, 'import { track } from "/tracking/mallard.mjs"; track("early"); window.ran = 1;')
    page.goto(site.origin)
    page.wait_for_function("window.ran")
    site.events_in_all(page, 0)


def test_module_sources_do_nothing_on_a_server() -> None:
    script = "const all = await import('./module.js'); all.init(); all.track('x'); console.log(JSON.stringify(all))"
    command = [
        "node",
        "--input-type=module",
        "--eval",
        script.replace("JSON.stringify(all)", "Object.keys(all).join()"),
    ]
    ended = subprocess.run(command, cwd=TRACKER, capture_output=True, text=True, timeout=60, check=True)
    parts = json.loads((TRACKER / "parts.json").read_text(encoding="utf-8"))
    assert sorted(ended.stdout.strip().split(",")) == sorted(["init", "track", *(part["export"] for part in parts)])
