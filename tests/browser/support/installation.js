// An installation of its own for each test file: `nac init`, `nac serve` on free ports, the command line beside it.
import { execFile, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { target } from "./packages.js";
import { until } from "./until.js";

const NAC = process.env.NAC_TEST_PROGRAM ?? path.join(target, "debug/nac");
export const SECRET = "browser-test-secret";

// The server ends when this process does, however it ends: its shell reads from a pipe that only we hold.
const GUARD = '"$@" </dev/null & server=$!; cat >/dev/null; kill -TERM $server 2>/dev/null; wait $server';

export class Installation {
  /** `nac init`, a NAS on loopback, `nac serve`. `furnish` runs before the server starts, `settings` replaces lines of nac.toml. */
  static async start({ furnish = async () => {}, settings = (text) => text } = {}) {
    const folder = mkdtempSync(path.join(tmpdir(), "nac-browser-"));
    const own = new Installation(folder);
    await own.raw(["init", own.home, "--name", "localhost", "--yes"]);
    const [auth, acct] = await freePorts(2, "udp");
    const [portal, admin, metrics, extra] = await freePorts(4, "tcp");
    Object.assign(own, { auth, acct, extra, portal: `https://localhost:${portal}`, admin: `https://localhost:${admin}`, metrics });
    let text = readFileSync(own.config, "utf8");
    for (const [usual, actual] of [
      ["0.0.0.0:1812", auth], ["0.0.0.0:1813", acct], ["0.0.0.0:8443", portal], ["127.0.0.1:9443", admin], ["127.0.0.1:9812", metrics],
    ]) text = text.replace(usual, `127.0.0.1:${actual}`);
    writeFileSync(own.config, await settings(text, own));
    writeFileSync(own.file("secret"), SECRET, { mode: 0o600 });
    await own.nac("client", "add", "lab", "--address", "127.0.0.0/8", "--secret-file", own.file("secret"));
    await furnish(own);
    await own.serve();
    return own;
  }

  constructor(folder) {
    this.folder = folder;
    this.home = path.join(folder, "home");
    this.config = path.join(this.home, "nac.toml");
    this.failed = false;
  }

  async serve() {
    const log = openSync(this.file("serve.log"), "a");
    const command = ["-c", GUARD, "guard", NAC, "serve", "--config", this.config];
    this.process = spawn("sh", command, { stdio: ["pipe", log, log] });
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
    await until("the server serves", () => this.log().includes("serving") || this.failIfEnded());
  }

  failIfEnded() {
    if (this.process.exitCode !== null) throw new Error(`nac serve ended:\n${this.log()}`);
    return false;
  }

  /** Ends the server; the folder stays when a test of this file failed. */
  async stop() {
    this.process?.stdin.end();
    await this.ended;
    if (this.failed) console.log(`kept: ${this.folder}\n${this.log().split("\n").slice(-40).join("\n")}`);
    else rmSync(this.folder, { recursive: true, force: true });
  }

  /** `nac --config … ARGUMENTS`; what it printed. */
  nac(...parameters) {
    return this.raw(["--config", this.config, ...parameters]);
  }

  /** The same with text on standard input. */
  nacWithInput(input, ...parameters) {
    return this.raw(["--config", this.config, ...parameters], input);
  }

  /** `nac --json …`, parsed. */
  async json(...parameters) {
    return JSON.parse(await this.nac("--json", ...parameters));
  }

  raw(parameters, input = "") {
    return new Promise((resolve, reject) => {
      const child = execFile(NAC, parameters, { maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
        if (error) reject(new Error(`nac ${parameters.join(" ")}: ${stderr || stdout || error.message}`));
        else resolve(stdout);
      });
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
  }

  file(name) {
    return path.join(this.folder, name);
  }

  /** The CA of the server's certificate, PEM. */
  get ca() {
    return readFileSync(path.join(this.home, "ca.crt"), "utf8");
  }

  log() {
    return readFileSync(this.file("serve.log"), "utf8");
  }
}

/** Ports that were free a moment ago; all are held until the last is found, so they differ. */
async function freePorts(count, kind) {
  const held = [];
  for (let index = 0; index < count; index += 1) {
    const socket = kind === "udp" ? createSocket("udp4") : createServer();
    await new Promise((resolve, reject) => {
      socket.once("error", reject);
      if (kind === "udp") socket.bind(0, "127.0.0.1", resolve);
      else socket.listen(0, "127.0.0.1", resolve);
    });
    held.push(socket);
  }
  const ports = held.map((socket) => socket.address().port);
  await Promise.all(held.map((socket) => new Promise((resolve) => socket.close(resolve))));
  return ports;
}
