// A function of AWS Lambda for Node, as its users write it.

export async function handler(event, context) {
  const { do: what } = event.rawPath ? { do: event.rawPath.slice(1) } : event;
  console.log("doing", what);
  switch (what) {
    case "fail":
      throw new RangeError("told to");
    case "sleep":
      await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
  const answer = { id: context.awsRequestId, left: context.getRemainingTimeInMillis() > 0, name: context.functionName };
  return event.rawPath ? { statusCode: 201, headers: { "X-Fn": "yes" }, cookies: ["a=1", "b=2"], body: JSON.stringify(answer) } : answer;
}

export const stream = awslambda.streamifyResponse(async (event, out) => {
  out = awslambda.HttpResponseStream.from(out, { statusCode: 202, headers: { "Content-Type": "text/plain" } });
  for (const part of ["one ", "two ", "three"]) {
    out.write(part);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  if (event.rawPath === "/break") {
    throw new Error("half way");
  }
  out.end();
});
