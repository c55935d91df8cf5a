package invoker

// DecodeHTTPAnswer is for tests that need no instance.
var DecodeHTTPAnswer = decodeHTTPAnswer
