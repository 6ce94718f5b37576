// The REST API, as a program calls it.
import { Agent, request } from "node:https";

export class Api {
  /** With a token of its own. */
  static async open(installation, { name = "tests", role = "owner" } = {}) {
    const { token } = await installation.json("token", "create", "--name", name, "--role", role, "--expires", "1d");
    const api = new Api();
    Object.assign(api, { token, origin: installation.admin, agent: new Agent({ ca: installation.ca, keepAlive: true, maxSockets: 16 }) });
    return api;
  }

  get(path) {
    return this.call("GET", path);
  }

  post(path, body = {}) {
    return this.call("POST", path, body);
  }

  put(path, body) {
    return this.call("PUT", path, body);
  }

  /** Resolves with status and body, whatever they are. */
  call(method, path, body) {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${this.token}`, ...(body && { "content-type": "application/json" }) };
      const sent = request(`${this.origin}/api/v1${path}`, { method, headers, agent: this.agent }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part) => (text += part)).on("end", () => {
          resolve({ status: response.statusCode, body: /json/.test(response.headers["content-type"]) ? JSON.parse(text) : text });
        });
      });
      sent.on("error", reject);
      sent.end(body && JSON.stringify(body));
    });
  }

  close() {
    this.agent.destroy();
  }
}

/** What the portal shows and asks: the default settings, changed by `change`. */
export async function portalSettings(installation, change) {
  const api = await Api.open(installation, { name: `settings-${Date.now()}` });
  const { body } = await api.get("/portal/sites/default");
  const settings = body.settings ?? body;
  const answer = await api.put("/portal/sites/default", { ...settings, ...change(settings) });
  api.close();
  if (answer.status !== 200) throw new Error(`portal settings: ${answer.status} ${JSON.stringify(answer.body)}`);
}
