/**
 * Copies the browser modules the dashboard needs from node_modules into dashboard/vendor/.
 *
 * Run as `node dashboard/vendor.mjs` after `npm ci`. The page has no build step and, because its content security
 * policy forbids inline scripts, no import map: bare specifiers are rewritten to relative ones here instead.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "..", "node_modules");
const target = join(here, "vendor");

/** What each bare specifier is called once it lies in vendor/. */
const SPECIFIERS = { preact: "./preact.js", "preact/hooks": "./preact-hooks.js", htm: "./htm.js" };

const SPECIFIER = /(\bfrom\s*|\bimport\s*\(?\s*)(["'])([^"']+)\2/g;
const SOURCE_MAP = /^\/[/*]# sourceMappingURL=.*$/gm;

const asIs = (text) => text;
/** uPlot's only minified build declares one global `uPlot`; inside a module that is a local binding to export. */
const exportGlobal = (text) => `${text.trimEnd()}\nexport default uPlot;\n`;
/** A layer of its own, so that our rules win without a fight over specificity. */
const inVendorLayer = (text) => `@layer vendor {\n${text.trimEnd()}\n}\n`;

/** A classic script has no imports to rewrite. */
const FILES = [
  { from: "preact/dist/preact.mjs", to: "preact.js", change: asIs },
  { from: "preact/hooks/dist/hooks.mjs", to: "preact-hooks.js", change: asIs },
  { from: "htm/dist/htm.mjs", to: "htm.js", change: asIs },
  { from: "htm/preact/index.mjs", to: "htm-preact.js", change: asIs },
  { from: "uplot/dist/uPlot.iife.min.js", to: "uplot.js", change: exportGlobal, expects: "var uPlot=" },
  { from: "uplot/dist/uPlot.min.css", to: "uplot.css", change: inVendorLayer },
  { from: "swagger-ui-dist/swagger-ui-bundle.js", to: "swagger-ui.js", change: asIs, classic: true },
  { from: "swagger-ui-dist/swagger-ui.css", to: "swagger-ui.css", change: asIs },
  { from: "swagger-ui-dist/LICENSE", to: "LICENSE-swagger-ui.txt", change: asIs },
  { from: "preact/LICENSE", to: "LICENSE-preact.txt", change: asIs },
  { from: "htm/LICENSE", to: "LICENSE-htm.txt", change: asIs },
  { from: "uplot/LICENSE", to: "LICENSE-uplot.txt", change: asIs },
];

function relativeImports(text) {
  return text.replace(SPECIFIER, (whole, lead, quote, name) =>
    Object.hasOwn(SPECIFIERS, name) ? `${lead}${quote}${SPECIFIERS[name]}${quote}` : whole,
  );
}

function bareImports(text) {
  return [...text.matchAll(SPECIFIER)].map((found) => found[3]).filter((name) => !/^\.{0,2}\//.test(name));
}

async function copy({ from, to, change, expects = "", classic = false }) {
  const source = await readFile(join(modules, from), "utf8").catch(() => {
    throw new Error(`node_modules/${from} is missing: run \`npm ci\` first.`);
  });
  if (!source.includes(expects)) throw new Error(`node_modules/${from} no longer contains \`${expects}\`.`);
  let text = change(source.replace(SOURCE_MAP, ""));
  if (to.endsWith(".js") && !classic) {
    text = relativeImports(text);
    const left = bareImports(text);
    if (left.length > 0) throw new Error(`${from} imports ${left.join(", ")}, which no browser can resolve here.`);
  }
  await writeFile(join(target, to), text);
}

try {
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  await Promise.all(FILES.map(copy));
  process.stdout.write(`dashboard/vendor: ${FILES.length} files\n`);
} catch (error) {
  process.stderr.write(`dashboard/vendor.mjs: ${error.message}\n`);
  process.exitCode = 1;
}
