// Answers every request with a greeting.

import http from "node:http";

const server = http.createServer((request, response) => {
  const name = new URL(request.url, "http://localhost").searchParams.get("name") ?? "world";
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.end(`Hello, ${name}!\n`);
});

server.listen(process.env.PORT ?? 8080);
