// Minifies script.js into dist/script.js, and refuses a result over the promised size.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { minify } from "terser";

const MAX_SCRIPT_BYTES = 1024;

const source = new URL("script.js", import.meta.url);
const target = new URL("dist/script.js", import.meta.url);

const { code } = await minify(await readFile(source, "utf8"), {
  ecma: 2020,
  toplevel: true,
  sourceMap: false,
  compress: { passes: 4, unsafe_arrows: true },
  format: { comments: false },
});

const sizeBytes = Buffer.byteLength(code);
if (sizeBytes > MAX_SCRIPT_BYTES) {
  console.error(`tracker/dist/script.js would be ${sizeBytes} bytes, over the limit of ${MAX_SCRIPT_BYTES}.`);
  process.exit(1);
}
await mkdir(new URL("./", target), { recursive: true });
await writeFile(target, code);
console.log(`tracker/dist/script.js: ${sizeBytes} bytes of ${MAX_SCRIPT_BYTES}`);
