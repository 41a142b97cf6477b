"""Modules of Next and Nuxt for Plausible, unmodified, send from a page to the real server."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page

from support.peers import npm_modules
from support.processes import Processes, free_port, listens
from support.server import FIREFOX, Server
from support.tracked_site import Site, serving

pytestmark = pytest.mark.heavy

MODULES = npm_modules("plausible-frameworks")
NUXT = MODULES / "@nuxtjs" / "plausible" / "dist" / "runtime"
KEPT = {"data-automation": ""}
"""Without it our script ignores a driven browser."""

NEXT_FILES = {
    "next.config.js": """
const { withPlausibleProxy } = require("next-plausible");
module.exports = withPlausibleProxy({ src: SRC })({});
""",
    "app/layout.js": """
import PlausibleProvider from "next-plausible";
const init = { captureOnLocalhost: true, customProperties: { author: "ann" } };
const kept = { "data-automation": "", "data-domain": "next.example" };
export default ({ children }) => (
  <html><body><PlausibleProvider init={init} scriptProps={kept}>{children}</PlausibleProvider></body></html>
);
""",
    "app/page.js": """
"use client";
import { usePlausible } from "next-plausible";
export default () => {
  const plausible = usePlausible();
  return <button onClick={() => plausible("Buy", { props: { plan: "a" } })}>Buy</button>;
};
""",
}

NEXT_PAGE = """
const React = require("react");
const { hydrateRoot } = require("react-dom/client");
const { default: PlausibleProvider } = require("next-plausible");
exports.page = () => React.createElement(PlausibleProvider, JSON.parse(process.env.PROPS), "Text");
if (typeof document === "object") hydrateRoot(document.getElementById("root"), exports.page());
"""

NEXT_PACK = """
const { renderToString } = require("react-dom/server");
const { webpack } = require("next/dist/compiled/webpack/webpack");
const { folder, props } = JSON.parse(process.argv[1]);
const env = { NODE_ENV: process.env.NODE_ENV, PROPS: JSON.stringify(props) };
Object.assign(process.env, env);
const options = {
  mode: "production",
  entry: `${folder}/page.cjs`,
  output: { path: folder, filename: "packed.js" },
  optimization: { minimize: false },
  performance: false,
  resolve: { modules: [`${process.cwd()}/node_modules`] },
  plugins: [new webpack.DefinePlugin({ "process.env": JSON.stringify(env) })],
};
webpack(options, (error, stats) => {
  if (error || stats.hasErrors()) throw error || new Error(stats.toString());
  console.log(JSON.stringify(renderToString(require(options.entry).page())));
});
"""

NUXT_OPTIONS = """
import module from "@nuxtjs/plausible";
console.log(JSON.stringify(await module.getOptions(JSON.parse(process.argv[1]), { options: {} })));
"""

NUXT_IMPORTS = """
export const defineNuxtPlugin = (plugin) => plugin;
export const useRuntimeConfig = () => ({ public: { plausible: OPTIONS } });
export const useNuxtApp = () => self.nuxt;
"""

NUXT_START = """
import plugin from "/nuxt/plugin.js";
import { useTrackEvent } from "/nuxt/useTrackEvent.js";
import { useTrackPageview } from "/nuxt/useTrackPageview.js";
self.nuxt = { $plausible: plugin.setup().provide.plausible };
useTrackEvent("Buy", { props: { plan: "a" }, revenue: { amount: 12.5, currency: "EUR" } });
useTrackPageview({ url: "https://nuxt.example/second" });
"""

NUXT_SENDS = ["Buy", "engagement", "pageview", "pageview"]
"""Before a second page view the tracker sends how far the first page was read."""

NUXT_SERVER = """
import { createServer } from "node:http";
import { register } from "node:module";
const module = (text) => "data:text/javascript," + encodeURIComponent(text);
const [modules, options, port] = process.argv.slice(1);
const imports = module(`export const useRuntimeConfig = () => ({ public: { plausible: ${options} } })`);
register(module(`export const resolve = (name, context, next) =>
  name === "#imports" ? { url: ${JSON.stringify(imports)}, shortCircuit: true } : next(name, context);`));
const { default: handler } = await import(`${modules}/@nuxtjs/plausible/dist/runtime/server/event-handler.js`);
const { createApp, createRouter, toNodeListener } = await import(`${modules}/h3/dist/index.mjs`);
const routes = createRouter().post(`${JSON.parse(options).proxyBaseEndpoint}/api/event`, handler);
createServer(toNodeListener(createApp().use(routes))).listen(Number(port), "127.0.0.1");
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One address of this machine is a proxy to it, and those of visitors are not."""
    settings = {"MALLARD_COUNT_LOCAL": "true", "MALLARD_FILTER_BOTS": "false"}
    folder = tmp_path_factory.mktemp("server")
    with Server(folder / "data", MALLARD_TRUSTED_PROXIES="127.0.0.1/32", **settings) as server:
        yield server


def node(program: str, given: dict[str, Any], *, module: bool) -> Any:
    """The JSON that a program prints, which has the peer's packages and gets a JSON of its own."""
    command = ["node", f"--input-type={'module' if module else 'commonjs'}", "--eval", program, json.dumps(given)]
    environment = {"PATH": os.environ["PATH"], "NODE_ENV": "production", "NODE_PATH": str(MODULES)}
    ended = subprocess.run(
        command, cwd=MODULES.parent, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def text(address: str) -> str:
    """The body of an answer."""
    with urlopen(address, timeout=30) as answer:
        return str(answer.read().decode())


def counted(server: Server, site_id: str) -> dict[str, int]:
    """The visitors of each event of a site."""
    rows = server.get(f"/api/stats/breakdown/events?site_id={site_id}&period=7d")
    return {row["value"]: row["visitors"] for row in rows}


@dataclass(frozen=True)
class Route:
    """A path for events of a framework's server at a port."""

    port: int
    path: str

    @property
    def origin(self) -> str:
        """Where its pages are."""
        return f"http://127.0.0.1:{self.port}"

    def send(self, site_id: str, source: str, **headers: str) -> int:
        """The status of a page view of a browser at an address."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(source, 0))
        body = json.dumps({"n": "pageview", "d": site_id, "u": f"https://{site_id}/"})
        named = {"User-Agent": FIREFOX, "Content-Type": "text/plain", **headers}
        connection.request("POST", self.path, body, named)
        status = connection.getresponse().status
        connection.close()
        return status


@contextmanager
def next_server(server: Server) -> Iterator[Route]:
    """A site that Next has built and serves, whose rewrites lead to the server."""
    port = free_port()
    # Below the packages: Next looks for them upwards, and refuses a link to them.
    with TemporaryDirectory(dir=MODULES.parent) as name, Processes(Path(name)) as processes:
        for file, content in NEXT_FILES.items():
            (processes.folder / file).parent.mkdir(exist_ok=True)
            (processes.folder / file).write_text(content.replace("SRC", json.dumps(f"{server.origin}/js/pa-Ab1_.js")))
        program = ["node", str(MODULES / "next" / "dist" / "bin" / "next")]
        environment = {"NEXT_TELEMETRY_DISABLED": "1", "NODE_ENV": "production"}
        processes.run([*program, "build"], environment)
        processes.start("next", [*program, "start", "--hostname", "127.0.0.1", "--port", str(port)], environment)
        processes.wait_until(lambda: listens(port), "next")
        yield Route(port, "/api/event")


def test_next_plausible_by_its_proxy(server: Server, page: Page, complaints: list[str]) -> None:
    with next_server(server) as route:
        assert text(f"{route.origin}/js/script.js") == text(f"{server.origin}/js/pa-Ab1_.js")
        with page.expect_response(f"{route.origin}{route.path}") as viewed:
            page.goto(route.origin)
        with page.expect_response(f"{route.origin}{route.path}") as bought:
            page.click("button")
        assert (viewed.value.status, bought.value.status) == (202, 202)
        sent = [json.loads(answer.value.request.post_data or "") for answer in (viewed, bought)]
        assert [(event["d"], event["n"]) for event in sent] == [("next.example", "pageview"), ("next.example", "Buy")]
        assert [event["p"] for event in sent] == [{"author": "ann"}, {"author": "ann", "plan": "a"}]
        assert counted(server, "next.example") == {"pageview": 1, "Buy": 1}
        assert complaints == []

        # Next names no address of its own, and passes on the one that a proxy before it names.
        assert [route.send("rewritten.example", source) for source in ("127.0.0.2", "127.0.0.3")] == [202, 202]
        assert counted(server, "rewritten.example") == {"pageview": 1}
        for address in ("198.51.100.7", "198.51.100.8"):
            assert route.send("rewritten.example", "127.0.0.2", **{"X-Forwarded-For": address}) == 202
        assert counted(server, "rewritten.example") == {"pageview": 3}


def test_next_plausible_names_the_paths_of_plausible_by_itself(server: Server) -> None:
    program = (
        "const { withPlausibleProxy } = require('next-plausible');"
        "withPlausibleProxy(JSON.parse(process.argv[1]))({ basePath: '/shop' }).rewrites()"
        ".then((found) => console.log(JSON.stringify(found)))"
    )
    script, events = node(program, {"src": f"{server.origin}/js/script.js"}, module=False)
    assert (script["source"], events["source"]) == ("/shop/js/script.js", "/shop/api/event")
    assert "navigator.webdriver" in text(script["destination"])
    connection = HTTPConnection(server.origin.removeprefix("http://"), timeout=30)
    body = json.dumps({"n": "pageview", "d": "paths.example", "u": "https://paths.example/"})
    connection.request("POST", events["destination"].removeprefix(server.origin), body, {"User-Agent": FIREFOX})
    assert connection.getresponse().status == 202
    connection.close()
    assert counted(server, "paths.example") == {"pageview": 1}


def test_next_plausible_without_a_proxy_counts_the_host_of_the_page(
    server: Server, site: Site, api: Site, page: Page, tmp_path: Path
) -> None:
    props = {"src": f"{api.origin}/js/pa-Ab1_.js", "init": {"captureOnLocalhost": True}, "scriptProps": KEPT}
    (tmp_path / "page.cjs").write_text(NEXT_PAGE)
    html = node(NEXT_PACK, {"folder": str(tmp_path), "props": props}, module=False)
    site.scripts["/packed.js"] = (tmp_path / "packed.js").read_text("utf-8")
    site.pages["/"] = f'<body><div id="root">{html}</div><script src="/packed.js"></script>'
    page.goto(f"{site.origin}/")
    (view,) = api.events_in_all(page, 1)
    assert (view["d"], view["u"]) == ("127.0.0.1", f"{site.origin}/")
    assert counted(server, "127.0.0.1") == {"pageview": 1}


def nuxt_options(**given: Any) -> dict[str, Any]:
    """The module's own options with its defaults."""
    # By itself it ignores localhost, which is all there is here.
    options: dict[str, Any] = node(NUXT_OPTIONS, {"domain": "nuxt.example", **given}, module=True)
    return {"ignoredHostnames": [], **options}


def nuxt_site(site: Site, options: dict[str, Any]) -> None:
    """Puts a page on the site that starts the plugin and calls the composables, without a build."""
    imports = {"#imports": "imports", "@plausible-analytics/tracker": "tracker", "ufo": "ufo"}
    scripts = {
        "imports": NUXT_IMPORTS.replace("OPTIONS", json.dumps(options)),
        "tracker": (MODULES / "@plausible-analytics" / "tracker" / "plausible.js").read_text("utf-8"),
        "ufo": (MODULES / "ufo" / "dist" / "index.mjs").read_text("utf-8"),
        "plugin": (NUXT / "plugin.client.js").read_text("utf-8"),
        "start": NUXT_START,
    }
    for name in ("useTrackEvent", "useTrackPageview"):
        # Nuxt's build puts the value in.
        code = (NUXT / "composables" / f"{name}.js").read_text("utf-8")
        scripts[name] = code.replace("import.meta.client", "true")
    site.scripts |= {f"/nuxt/{name}.js": code for name, code in scripts.items()}
    places = {name: f"/nuxt/{file}.js" for name, file in imports.items()}
    site.pages["/"] = (
        "<script>window.__plausible = true</script>"
        f'<script type="importmap">{json.dumps({"imports": places})}</script>'
        '<script type="module" src="/nuxt/start.js"></script>'
    )


def test_nuxt_plausible_sends_to_its_host(
    server: Server, site: Site, api: Site, page: Page, complaints: list[str]
) -> None:
    nuxt_site(site, nuxt_options(apiHost=api.origin))
    page.goto(f"{site.origin}/")
    events = api.events_in_all(page, len(NUXT_SENDS))
    assert sorted(event["n"] for event in events) == NUXT_SENDS
    assert {event["d"] for event in events} == {"nuxt.example"}
    assert counted(server, "nuxt.example") == {"pageview": 1, "Buy": 1}
    assert server.main("nuxt.example")["total_pageviews"] == 2
    assert complaints == []


@contextmanager
def handling(options: dict[str, Any], folder: Path) -> Iterator[Route]:
    """The module's handler of events, in a server of h3, on which Nuxt's own stands."""
    port = free_port()
    with Processes(folder) as processes:
        given = [str(MODULES), json.dumps(options), str(port)]
        command = ["node", "--input-type=module", "--eval", NUXT_SERVER, *given]
        processes.start("nuxt", command)
        processes.wait_until(lambda: listens(port), "nuxt")
        yield Route(port, f"{options['proxyBaseEndpoint']}/api/event")


def test_nuxt_plausible_by_its_proxy(server: Server, page: Page, tmp_path: Path) -> None:
    options = nuxt_options(apiHost=server.origin, proxy=True, domain="route.example")
    with handling(options, tmp_path) as route:
        with serving(f"{route.origin}/_plausible") as site:
            nuxt_site(site, options)
            page.goto(f"{site.origin}/")
            site.events_in_all(page, len(NUXT_SENDS))
            assert {request.path for request in site.recorded} == {route.path}
        assert counted(server, "route.example") == {"pageview": 1, "Buy": 1}
        for source in ("127.0.0.2", "127.0.0.3", "127.0.0.3"):
            assert route.send("route.example", source) == 202
        assert counted(server, "route.example")["pageview"] == 3
        # It believes the first address that a visitor names, whoever that is.
        assert route.send("route.example", "127.0.0.3", **{"X-Forwarded-For": "198.51.100.7, 127.0.0.3"}) == 202
        assert counted(server, "route.example")["pageview"] == 4
