// Greets who the event names.

export async function handler(event, context) {
  // Invoked by the API the event is the document itself; by an HTTP request the
  // document is the request's body.
  const { name = "world" } = event.body ? JSON.parse(event.body) : event;
  return { message: `Hello, ${name}!`, requestId: context.awsRequestId };
}
