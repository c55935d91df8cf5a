"""The second argument of a handler: the names are those of AWS Lambda."""

import os
import sys
import time

from slipway_runtime import documents


class Identity:
    """Of the caller, when a mobile SDK sent it."""

    def __init__(self, document):
        self.cognito_identity_id = document.get("cognitoIdentityId")
        self.cognito_identity_pool_id = document.get("cognitoIdentityPoolId")

    def __repr__(self):
        return f"CognitoIdentity([cognito_identity_id={self.cognito_identity_id},cognito_identity_pool_id={self.cognito_identity_pool_id}])"


class Client:
    """The application that a mobile SDK is part of."""

    def __init__(self, document):
        for name in ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name"):
            setattr(self, name, document.get(name))


class ClientContext:
    """What a mobile SDK said about its client: client, custom and env."""

    def __init__(self, document):
        self.custom = document.get("custom")
        self.env = document.get("env")
        client = document.get("client")
        self.client = Client(client) if isinstance(client, dict) else None


def _env(*names):
    for name in names:
        if value := os.environ.get(name):
            return value
    return ""


class Context:
    """Facts about one invocation."""

    def __init__(self, headers):
        """headers are those of the Runtime API's answer, names in lower case."""
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id", "")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn", "")
        self.function_name = _env("AWS_LAMBDA_FUNCTION_NAME", "SLIPWAY_FUNCTION")
        self.function_version = _env("AWS_LAMBDA_FUNCTION_VERSION", "SLIPWAY_VERSION")
        self.memory_limit_in_mb = _env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = _env("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = _env("AWS_LAMBDA_LOG_STREAM_NAME")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self.slipway_attempt = int(headers.get("slipway-attempt") or 0)  # of an asynchronous event, from 1
        self.identity = Identity(_document(headers, "lambda-runtime-cognito-identity") or {})
        client = _document(headers, "lambda-runtime-client-context")
        self.client_context = ClientContext(client) if client else None
        self._epoch_deadline_time_in_ms = int(headers.get("lambda-runtime-deadline-ms") or 0)

    def get_remaining_time_in_millis(self):
        """Milliseconds until the invocation times out, never below 0."""
        return max(0, self._epoch_deadline_time_in_ms - int(time.time() * 1000))

    def log(self, message):
        """Writes message to the function's log as it is."""
        sys.stdout.write(str(message))

    def __repr__(self):
        return f"Context(aws_request_id={self.aws_request_id!r}, function_name={self.function_name!r}, function_version={self.function_version!r})"


def _document(headers, name):
    text = headers.get(name)
    value = documents.load(text.encode("latin-1").decode()) if text else None
    return value if isinstance(value, dict) else None
