// The Lambda Runtime API on the wire: HTTP/1.1 on one kept connection.
//
// node:http would do, but takes longer to load than everything else here together. The
// peer is the platform, so this understands just what HTTP/1.1 says an answer can be: a
// status line, header fields, and a body by length or in chunks.

"use strict";

const net = require("node:net");

const BASE = "/2018-06-01/runtime";

/** The platform closed the connection: it is shutting this instance down. */
class ConnectionLost extends Error {}

/** Speaks to the Runtime API at host:port; one exchange at a time. */
class Client {
  #address;
  #socket;
  #received = [];
  #size = 0;
  #wake; // of the exchange that waits for bytes
  #lost;

  constructor(address) {
    this.#address = address;
  }

  /** Waits for the next event: { headers, body }. */
  async next() {
    const answer = await this.#exchange(this.#head("GET", "/invocation/next", ""));
    if (answer.status !== 200) {
      throw new ConnectionLost(`the Runtime API answered ${answer.status} to next: ${answer.body.slice(0, 200)}`);
    }
    return answer;
  }

  /** Gives the result of an invocation, a string of JSON. */
  async respond(id, body) {
    complain(await this.#post(`/invocation/${id}/response`, body, ""));
  }

  /** Gives the error of an invocation. */
  async fail(id, document) {
    complain(await this.#post(`/invocation/${id}/error`, JSON.stringify(document), errorField(document)));
  }

  /** Says that the function could not be loaded. */
  async failInit(document) {
    await this.#post("/init/error", JSON.stringify(document), errorField(document));
  }

  /** Begins a streamed answer. Returns write(bytes, done) and end(trailers), a promise. */
  stream(id, contentType) {
    const socket = this.#open();
    socket.write(this.#head("POST", `/invocation/${id}/response`,
      `Content-Type: ${contentType}\r\nLambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n` +
      "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n"));
    return {
      write: (bytes, done) => {
        socket.write(`${bytes.length.toString(16)}\r\n`);
        socket.write(bytes);
        socket.write("\r\n", done);
      },
      end: async (trailers = "") => complain(await this.#exchange(`0\r\n${trailers}\r\n`)),
    };
  }

  #head(method, path, fields) {
    return `${method} ${BASE}${path} HTTP/1.1\r\nHost: ${this.#address}\r\n${fields}\r\n`;
  }

  #post(path, body, fields) {
    const head = this.#head("POST", path, `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${fields}`);
    return this.#exchange(head + body);
  }

  // One write for head and body: one packet, one wake-up of the other side. Only while it
  // waits does the connection keep the process alive, so that a handler's promise that can
  // never be settled is noticed.
  async #exchange(message) {
    const socket = this.#open();
    socket.ref();
    socket.write(message);
    try {
      return await this.#answer();
    } finally {
      socket.unref();
    }
  }

  #open() {
    if (this.#socket === undefined) {
      const at = this.#address.lastIndexOf(":");
      const host = this.#address.slice(0, at).replace(/^\[|\]$/g, "");
      this.#socket = net.connect({ host, port: Number(this.#address.slice(at + 1)), noDelay: true, autoSelectFamily: false });
      this.#socket.on("data", (part) => {
        this.#received.push(part);
        this.#size += part.length;
        this.#wake?.();
      });
      const lost = (error) => {
        this.#lost ??= new ConnectionLost(error?.message ?? "the Runtime API closed the connection");
        this.#wake?.();
      };
      this.#socket.on("error", lost).on("close", () => lost());
    }
    return this.#socket;
  }

  async #answer() {
    const lines = (await this.#until("\r\n\r\n")).split("\r\n");
    const headers = {};
    for (const line of lines.slice(1)) {
      const at = line.indexOf(":");
      headers[line.slice(0, at).toLowerCase()] = line.slice(at + 1).trim();
    }
    const status = Number(lines[0].split(" ")[1]);
    const chunked = headers["transfer-encoding"]?.toLowerCase() === "chunked";
    const body = chunked ? await this.#chunks() : await this.#exactly(Number(headers["content-length"] ?? 0));
    return { status, headers, body: body.toString() };
  }

  async #chunks() {
    const parts = [];
    for (;;) {
      const size = parseInt(await this.#until("\r\n"), 16);
      if (size === 0) {
        break;
      }
      parts.push(await this.#exactly(size));
      await this.#until("\r\n");
    }
    while ((await this.#until("\r\n")) !== "") {
      // trailer fields say nothing to us
    }
    return Buffer.concat(parts);
  }

  async #until(mark) {
    for (;;) {
      const at = this.#joined().indexOf(mark);
      if (at >= 0) {
        const found = this.#take(at).toString("latin1");
        this.#take(mark.length);
        return found;
      }
      await this.#more();
    }
  }

  async #exactly(size) {
    while (this.#size < size) {
      await this.#more();
    }
    return this.#take(size);
  }

  #joined() {
    if (this.#received.length !== 1) {
      this.#received = [Buffer.concat(this.#received)];
    }
    return this.#received[0];
  }

  #take(size) {
    const all = this.#joined();
    this.#received = [all.subarray(size)];
    this.#size -= size;
    return all.subarray(0, size);
  }

  #more() {
    if (this.#lost) {
      throw this.#lost;
    }
    return new Promise((resolve, reject) => {
      this.#wake = () => {
        this.#wake = undefined;
        this.#lost ? reject(this.#lost) : resolve();
      };
    });
  }
}

function complain({ status, body }) {
  if (status >= 300) {
    console.error(`the Runtime API refused the answer with ${status}: ${body.slice(0, 300).trim()}`);
  }
}

/** The type of an error as a header field, or trailer. */
function errorField(document) {
  // Anything may be thrown and named anything; a header field takes only plain text.
  return `Lambda-Runtime-Function-Error-Type: ${document.errorType.replace(/[^\x21-\x7e]/g, "?")}\r\n`;
}

module.exports = { Client, ConnectionLost, errorField };
