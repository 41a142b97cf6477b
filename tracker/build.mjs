// Minifies the core, the kit and each part into dist/, flattens the ES module, and refuses what is over its promised size.
// `node tracker/build.mjs outbound tagged` also composes dist/script.outbound.tagged.js, for hosts of plain files.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { minify } from "terser";

const MAX_SCRIPT_BYTES = 1023;
const MAX_KIT_BYTES = 1536;
const MAX_PLAUSIBLE_BYTES = 1536;

const source = (name) => readFile(new URL(name, import.meta.url), "utf8");
const parts = JSON.parse(await source("parts.json"));

const shrink = async (code, options = {}) => {
  const shrunk = await minify(code, {
    ecma: 2021,
    toplevel: true,
    compress: { passes: 4, unsafe_arrows: true },
    format: { comments: false },
    ...options,
  });
  return shrunk.code;
};

// Script text that is inlined or joined with other has no tag of its own.
const TAG = "document.currentScript || document.head";

// Each source has one default export, an arrow function: the text after these words is an expression.
const EXPORT = "export default";
const expression = async (name) => {
  const [, text] = (await source(name)).split(EXPORT);
  return text.trim().replace(/;$/, "");
};
const shrunkExpression = async (name) => {
  const code = await shrink(`${EXPORT} ${await expression(name)}`, { module: true });
  return code.slice(EXPORT.length).trim().replace(/;$/, "");
};

// The core without the function around it, and with `let` for each `const` of its own: both are bytes.
const coreBody = async () =>
  (await expression("core.js"))
    .replace(/^\(script\) => \{/, "")
    .replace(/\}$/, "")
    .replace("= script;", "= page.currentScript || page.head;")
    .replaceAll("const ", "let ");

const write = async (name, code, maxBytes) => {
  const bytes = Buffer.byteLength(code);
  if (bytes > maxBytes) {
    console.error(`tracker/dist/${name} would be ${bytes} bytes, over the limit of ${maxBytes}.`);
    process.exit(1);
  }
  await writeFile(new URL(`dist/${name}`, import.meta.url), code);
  console.log(`tracker/dist/${name}: ${bytes} bytes${maxBytes ? ` of ${maxBytes}` : ""}`);
};

await mkdir(new URL("dist/parts/", import.meta.url), { recursive: true });
const core = await shrink(`try {${await coreBody()}} catch {}`, {
  compress: { passes: 4, unsafe_arrows: true, unsafe: true },
});
await write("script.js", core, MAX_SCRIPT_BYTES);
const kit = await shrunkExpression("kit.js");
await write("kit.js", kit, MAX_KIT_BYTES);
await write("plausible.js", await shrunkExpression("plausible.js"), MAX_PLAUSIBLE_BYTES);
for (const part of parts) {
  part.code = await shrunkExpression(`parts/${part.name}.js`);
  await write(`parts/${part.name}.js`, part.code, part.max_bytes);
}

await write("parts.json", JSON.stringify(parts.map(({ name }) => ({ name }))));

const declared = async (name, file) => `const ${name} = ${await expression(file)};\n`;
const body = (await source("module.js")).replaceAll(/^(import|export \{ default) .*\n/gm, "");
const declarations = [await declared("core", "core.js"), await declared("kit", "kit.js")];
for (const { name, export: exported } of parts) declarations.push(`export ${await declared(exported, `parts/${name}.js`)}`);
await write("mallard.mjs", await shrink(declarations.join("") + body, { module: true }));

const wanted = process.argv.slice(2).sort();
if (wanted.length) {
  const codes = wanted.map((name) => parts.find((part) => part.name == name)?.code ?? unknown(name));
  await write(`script.${wanted.join(".")}.js`, `try{(${kit})((${TAG}).dataset,${codes.join(",")})}catch{}${core}`);
}

function unknown(name) {
  console.error(`There is no part ${name}; there are ${parts.map((part) => part.name).join(", ")}.`);
  process.exit(1);
}
