// A tiny Lambda Runtime API and a process of the bootstrap, for the tests.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const bootstrap = fileURLToPath(new URL("../bootstrap.cjs", import.meta.url));

/** A queue whose take waits. */
class Queue {
  #items = [];
  #takers = [];

  put(item) {
    const taker = this.#takers.shift();
    taker ? taker(item) : this.#items.push(item);
  }

  take() {
    return this.#items.length > 0 ? Promise.resolve(this.#items.shift()) : new Promise((resolve) => this.#takers.push(resolve));
  }
}

/** Hands out the events that are put into it, and keeps what is posted. */
export class RuntimeAPI {
  #events = new Queue();
  #posts = new Queue();

  static async start(t) {
    const api = new RuntimeAPI();
    api.server = http.createServer((req, res) => api.#serve(req, res));
    api.server.listen(0, "127.0.0.1");
    await once(api.server, "listening");
    api.address = `127.0.0.1:${api.server.address().port}`;
    t.after(() => {
      api.server.closeAllConnections();
      api.server.close();
    });
    return api;
  }

  send(event, headers = {}) {
    this.#events.put({ event, headers });
  }

  outcome() {
    return this.#posts.take();
  }

  async invoke(event, headers) {
    this.send(event, headers);
    const { where, body } = await this.outcome();
    return { where, document: JSON.parse(body) };
  }

  async #serve(req, res) {
    if (req.method === "GET") {
      const { event, headers } = await this.#events.take();
      res.writeHead(200, { "Lambda-Runtime-Aws-Request-Id": "id-1", "Lambda-Runtime-Deadline-Ms": String(Date.now() + 60000), ...headers });
      res.end(typeof event === "string" ? event : JSON.stringify(event));
      return;
    }
    const parts = [];
    req.on("data", (part) => parts.push(part));
    req.on("error", () => {});
    req.on("end", () => {
      this.#posts.put({ where: req.url.split("/runtime/")[1], headers: req.headers, trailers: req.trailers, body: Buffer.concat(parts).toString() });
      res.writeHead(202);
      res.end();
    });
  }
}

/** A process of the bootstrap with the given files as /var/task. */
export function start(t, files, spec, api, env = {}) {
  const folder = mkdtempSync(join(tmpdir(), "node-task-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const environment = { PATH: process.env.PATH, LAMBDA_TASK_ROOT: folder, ...(api && { AWS_LAMBDA_RUNTIME_API: api.address }), ...env };
  const child = spawn(process.execPath, [bootstrap, ...(spec ? [spec] : [])], { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) {
    child[name].setEncoding("utf8").on("data", (part) => (text[name] += part));
  }
  const closed = once(child, "close");
  t.after(async () => {
    child.kill("SIGKILL");
    await closed;
    rmSync(folder, { recursive: true });
  });
  const end = async () => {
    const [code] = await closed;
    return { code, ...text };
  };
  return { child, end };
}

export async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** GETs path from port once something listens there. */
export async function get(port, path = "/") {
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return { status: response.status, body: await response.text() };
    } catch (error) {
      if (error.cause?.code !== "ECONNREFUSED") {
        throw error;
      }
      await new Promise(setImmediate);
    }
  }
}
