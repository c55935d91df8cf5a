"""The second argument of a handler: the names are those of AWS Lambda."""

import os
import sys
import time


class Identity:
    """Of the caller, when a mobile SDK sent it."""

    def __init__(self, document):
        document = document or {}
        self.cognito_identity_id = document.get("cognitoIdentityId")
        self.cognito_identity_pool_id = document.get("cognitoIdentityPoolId")


class ClientContext:
    """What a mobile SDK said about its client: client, custom and env."""

    def __init__(self, document):
        self.client = document.get("client")
        self.custom = document.get("custom")
        self.env = document.get("env")


class Context:
    """Facts about one invocation."""

    def __init__(self, headers):
        """headers are those of the Runtime API's answer, names in lower case."""
        import json

        env = os.environ.get
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id", "")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn", "")
        self.function_name = env("AWS_LAMBDA_FUNCTION_NAME") or env("SLIPWAY_FUNCTION", "")
        self.function_version = env("AWS_LAMBDA_FUNCTION_VERSION") or env("SLIPWAY_VERSION", "")
        self.memory_limit_in_mb = env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
        self.log_group_name = env("AWS_LAMBDA_LOG_GROUP_NAME", "")
        self.log_stream_name = env("AWS_LAMBDA_LOG_STREAM_NAME", "")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self.slipway_attempt = int(headers.get("slipway-attempt") or 0)  # of an asynchronous event, from 1
        identity = headers.get("lambda-runtime-cognito-identity")
        self.identity = Identity(json.loads(identity) if identity else None)
        client = headers.get("lambda-runtime-client-context")
        self.client_context = ClientContext(json.loads(client)) if client else None
        self._deadline_ms = int(headers.get("lambda-runtime-deadline-ms") or 0)

    def get_remaining_time_in_millis(self):
        """Milliseconds until the invocation times out, never below 0."""
        return max(0, self._deadline_ms - int(time.time() * 1000)) if self._deadline_ms else 0

    def log(self, message):
        """Writes message to the function's log as it is."""
        sys.stdout.write(str(message))

    def __repr__(self):
        return f"Context(aws_request_id={self.aws_request_id!r}, function_name={self.function_name!r}, function_version={self.function_version!r})"
