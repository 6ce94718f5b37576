// A running `nac demo`, as somebody who reads what it prints has it.
import { spawn } from "node:child_process";
import path from "node:path";
import { target } from "./packages.js";
import { until } from "./until.js";

export class Demo {
  /** Starts it and waits until the story is told. */
  static async start() {
    const demo = new Demo();
    demo.program = process.env.NAC_TEST_PROGRAM ?? path.join(target, "debug/nac");
    demo.process = spawn(demo.program, ["demo"], { stdio: ["ignore", "pipe", "inherit"] });
    demo.told = "";
    demo.process.stdout.setEncoding("utf8").on("data", (part) => (demo.told += part));
    await until("the demo says how to end it", () => demo.told.includes("Ctrl-C ends it"), 120_000);
    return demo;
  }

  /** What it prints there. */
  printed(what, pattern) {
    const found = pattern.exec(this.told);
    if (!found) throw new Error(`the demo prints no ${what}:\n${this.told}`);
    return found[0];
  }

  /** The one-time link that makes an administrator. */
  get link() {
    return this.printed("link", /https:\/\/\S+\/welcome\/\S+/);
  }

  /** Where the admin pages are. */
  get admin() {
    return new URL(this.link).origin;
  }

  /** Where the portal is. */
  get portal() {
    return new URL(this.printed("remediation page", /https:\/\/\S+\/remedy/)).origin;
  }

  /** The file that keeps the waiting laptop's firewall off. */
  get fault() {
    return this.printed("file to remove", /(?<=mend it with: rm )\S+/);
  }

  /** Ends it and waits until its folder is gone. */
  async stop() {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill("SIGINT");
    await ended;
  }
}
