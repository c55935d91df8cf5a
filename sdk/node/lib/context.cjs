// The second argument of a handler: the names are those of AWS Lambda.

"use strict";

/** Facts about one invocation, from the header fields of the Runtime API's answer. */
function makeContext(headers) {
  const env = process.env;
  const deadline = Number(headers["lambda-runtime-deadline-ms"] ?? 0);
  return {
    callbackWaitsForEmptyEventLoop: true,
    awsRequestId: headers["lambda-runtime-aws-request-id"] ?? "",
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"] ?? "",
    functionName: env.AWS_LAMBDA_FUNCTION_NAME ?? env.SLIPWAY_FUNCTION ?? "",
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION ?? env.SLIPWAY_VERSION ?? "",
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? "",
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME ?? "",
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME ?? "",
    tenantId: headers["lambda-runtime-aws-tenant-id"],
    slipwayAttempt: Number(headers["slipway-attempt"] ?? 0), // of an asynchronous event, from 1
    clientContext: parse(headers["lambda-runtime-client-context"]),
    identity: parse(headers["lambda-runtime-cognito-identity"]),
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

function parse(json) {
  return json ? JSON.parse(Buffer.from(json, "latin1").toString()) : undefined;
}

module.exports = { makeContext };
