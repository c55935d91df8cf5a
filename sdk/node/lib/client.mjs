// The Lambda Runtime API on the wire.

import http from "node:http";

const VERSION = "/2018-06-01/runtime";

/** The platform closed the connection: it is shutting this instance down. */
export class ConnectionLost extends Error {}

/** Speaks to the Runtime API at host:port over kept connections. */
export class Client {
  constructor(address) {
    const { hostname, port } = new URL(`http://${address}`);
    this.agent = new http.Agent({ keepAlive: true });
    this.peer = { host: hostname.replace(/^\[|\]$/g, ""), port, agent: this.agent };
  }

  /** Waits for the next event: { headers, body }. */
  async next() {
    const answer = await this.#exchange("GET", "/invocation/next");
    if (answer.status !== 200) {
      throw new ConnectionLost(`the Runtime API answered ${answer.status} to next: ${answer.body.slice(0, 200)}`);
    }
    return answer;
  }

  /** Gives the result of an invocation, a string of JSON. */
  async respond(id, body) {
    complain(await this.#exchange("POST", `/invocation/${id}/response`, body));
  }

  /** Gives the error of an invocation. */
  async fail(id, document) {
    complain(await this.#exchange("POST", `/invocation/${id}/error`, JSON.stringify(document), errorType(document)));
  }

  /** Says that the function could not be loaded. */
  async failInit(document) {
    await this.#exchange("POST", "/init/error", JSON.stringify(document), errorType(document));
  }

  /** Begins a streamed response. Returns { request, done }: what to write to, and a promise of the end. */
  stream(id, contentType) {
    const headers = {
      "Content-Type": contentType,
      "Lambda-Runtime-Function-Response-Mode": "streaming",
      "Transfer-Encoding": "chunked",
      Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
    };
    const request = http.request({ ...this.peer, method: "POST", path: `${VERSION}/invocation/${id}/response`, headers });
    return { request, done: answerTo(request).then(complain) };
  }

  #exchange(method, path, body, headers = {}) {
    if (body !== undefined) {
      headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body), ...headers };
    }
    const request = http.request({ ...this.peer, method, path: VERSION + path, headers });
    const answer = answerTo(request);
    request.end(body);
    return answer;
  }
}

function answerTo(request) {
  return new Promise((resolve, reject) => {
    const lost = (error) => reject(new ConnectionLost(error.message));
    request.on("error", lost);
    request.on("response", (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("error", lost);
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString() }));
    });
  });
}

function complain({ status, body }) {
  if (status >= 300) {
    console.error(`the Runtime API refused the answer with ${status}: ${body.slice(0, 300).trim()}`);
  }
}

function errorType(document) {
  // Anything may be thrown and named anything; a header field takes only plain text.
  return { "Lambda-Runtime-Function-Error-Type": document.errorType.replace(/[^\x21-\x7e]/g, "?") };
}
