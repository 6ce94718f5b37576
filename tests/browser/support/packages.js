// The two packages of package-lock.json, installed under the target directory: the source tree stays clean.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
export const target = path.resolve(repository, process.env.CARGO_TARGET_DIR ?? "target");
export const artefacts = path.join(target, "browser");

const require = createRequire(path.join(artefacts, "packages/"));

export const { chromium } = require("playwright-core");
export const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
