// Builds web/static: bundles, purged styles, the sprite of used icons, everything with its hash in the name and also
// brotli-packed, and manifest.json for Jinja's asset(). Written beside and moved in place, so a running server never
// sees half of it.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import { build, transform } from "esbuild";
import { PurgeCSS } from "purgecss";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SRC = join(ROOT, "web/src");
const OUT = join(ROOT, "web/static");
const FRESH = join(ROOT, "web/.static-new");
const TARGET = ["chrome105", "firefox121", "safari16"];
const ICONS = join(ROOT, "node_modules/@tabler/icons/icons/outline");

const manifest = {};

async function emit(name, content) {
  const bytes = Buffer.from(content);
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 10);
  const built = name.replace(extname(name), `-${hash}${extname(name)}`);
  await writeFile(join(FRESH, built), bytes);
  const packed = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  await writeFile(join(FRESH, `${built}.br`), packed);
  manifest[name] = built;
  return { built, size: bytes.length, packed: packed.length };
}

async function script(name, format) {
  const result = await build({
    entryPoints: [join(SRC, name)], bundle: true, minify: true, format, target: TARGET, write: false, legalComments: "none",
    define: { "process.env.NODE_ENV": '"production"' }, logLevel: "warning", loader: { ".json": "json" },
  });
  return emit(name, result.outputFiles[0].contents);
}

async function templates(folder = join(ROOT, "web/templates")) {
  const found = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await templates(path)));
    else if (entry.name.endsWith(".html")) found.push(path);
  }
  return found;
}

// Pictures inside styles become files: the pages' policy allows no data: addresses.
async function pictures(css) {
  const found = new Map();
  for (const [whole, , body] of css.matchAll(/url\(("?)data:image\/svg\+xml[^,]*,((?:[^")\\]|\\.)*)\1\)/g)) {
    if (!found.has(whole)) found.set(whole, decodeURIComponent(body.replaceAll("\\", "")));
  }
  let index = 0;
  let text = css;
  for (const [whole, svg] of found) {
    const { built } = await emit(`picture${(index += 1)}.svg`, svg);
    text = text.replaceAll(whole, `url(./${built})`);
  }
  if (/url\("?data:/.test(text)) throw new Error("a style holds a data: address that the build does not move to a file");
  return text;
}

async function styles(pages) {
  const bundled = await build({
    entryPoints: [join(SRC, "app.css")], bundle: true, write: false, target: TARGET, logLevel: "warning",
    external: ["data:*"],
  });
  const scripts = (await readdir(SRC)).filter((name) => name.endsWith(".js")).map((name) => join(SRC, name));
  const [purged] = await new PurgeCSS().purge({
    content: [...pages, ...scripts],
    css: [{ raw: bundled.outputFiles[0].text }],
    defaultExtractor: (text) => text.match(/[\w-]+/g) ?? [],
    safelist: { standard: ["html", "body"], greedy: [/^chip-/, /^state-/, /^phase-/, /^phone-/, /^sound-/, /^work-/, /^htmx-/, /^data-/] },
    variables: true,
    keyframes: true,
  });
  const moved = await pictures(purged.css);
  const { code } = await transform(moved, { loader: "css", minify: true, target: TARGET });
  return emit("app.css", code);
}

async function sprite(pages) {
  const names = new Set();
  for (const page of pages) {
    for (const [, name] of (await readFile(page, "utf8")).matchAll(/\b(?:icon|empty)\("([a-z0-9-]+)"/g)) names.add(name);
  }
  const symbols = [];
  for (const name of [...names].sort()) {
    const svg = await readFile(join(ICONS, `${name}.svg`), "utf8");
    const body = svg.replace(/<!--[\s\S]*?-->/g, "").replace(/<svg[^>]*>/, "").replace("</svg>", "").replace(/\s+/g, " ").trim();
    symbols.push(`<symbol id="${name}" viewBox="0 0 24 24">${body}</symbol>`);
  }
  return emit("icons.svg", `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`);
}

await rm(FRESH, { recursive: true, force: true });
await mkdir(FRESH, { recursive: true });
const pages = await templates();
const sizes = {
  "app.js": await script("app.js", "esm"),
  "theme.js": await script("theme.js", "iife"),
  "app.css": await styles(pages),
  "icons.svg": await sprite(pages),
  "favicon.svg": await emit("favicon.svg", await readFile(join(SRC, "favicon.svg"))),
};
await writeFile(join(FRESH, "manifest.json"), `${JSON.stringify(manifest, null, 1)}\n`);
await rm(OUT, { recursive: true, force: true });
await rename(FRESH, OUT);
console.log(Object.entries(sizes).map(([name, { packed }]) => `${name} ${(packed / 1024).toFixed(1)} kB`).join(", "));
