"""Handlers, by the Lambda Runtime API."""

import base64
import unittest

from tests.fake_platform import Instance, RuntimeAPI


class Events(unittest.TestCase):
    def setUp(self):
        self.api = RuntimeAPI()
        self.addCleanup(self.api.close)

    def start(self, files, spec="handler.handler", **env):
        instance = Instance(files if isinstance(files, dict) else {"handler.py": files}, spec, self.api, **env)
        self.addCleanup(instance.close)
        return instance

    def test_result(self):
        self.start("def handler(event, context):\n    return {'got': event, 'é': 1}\n")
        for event in ({"a": [1, "ü"]}, None, 3):
            where, document, _ = self.api.invoke(event)
            self.assertEqual((where, document), ("invocation/id-1/response", {"got": event, "é": 1}))

    def test_event_in_chunks(self):
        self.api = RuntimeAPI(chunked=True)
        self.addCleanup(self.api.close)
        self.start("def handler(event, context):\n    return len(event)\n")
        self.assertEqual(self.api.invoke("x" * 3_000_000)[1], 3_000_000)

    def test_context(self):
        self.start(
            "def handler(event, c):\n    return [c.aws_request_id, 0 < c.get_remaining_time_in_millis() <= 60000, c.function_name, c.function_version, c.memory_limit_in_mb, c.client_context.custom, c.slipway_attempt]\n",
            AWS_LAMBDA_FUNCTION_NAME="f", AWS_LAMBDA_FUNCTION_VERSION="3", AWS_LAMBDA_FUNCTION_MEMORY_SIZE="128")
        headers = {"Lambda-Runtime-Client-Context": '{"custom":{"k":"v"}}', "Slipway-Attempt": "2"}
        self.assertEqual(self.api.invoke({}, **headers)[1], ["id-1", True, "f", "3", "128", {"k": "v"}, 2])

    def test_environment_names_another_handler(self):
        self.start({"handler.py": "", "pkg/other.py": "def go(event, context):\n    return 'other'\n"}, _HANDLER="pkg/other.go")
        self.assertEqual(self.api.invoke({})[1], "other")

    def test_exception(self):
        instance = self.start("def handler(event, context):\n    raise KeyError('missing')\n")
        where, document, headers = self.api.invoke({})
        self.assertEqual(where, "invocation/id-1/error")
        self.assertEqual((document["errorType"], document["errorMessage"], document["requestId"]), ("KeyError", "'missing'", "id-1"))
        self.assertEqual(len(document["stackTrace"]), 1)
        self.assertIn('handler.py", line 2, in handler', document["stackTrace"][0])
        self.assertEqual(headers["Lambda-Runtime-Function-Error-Type"], "KeyError")
        self.assertEqual(self.api.invoke({})[0], "invocation/id-1/error", "the instance goes on")
        instance.process.kill()
        self.assertIn("[ERROR] KeyError: 'missing' RequestId: id-1", instance.end()[2])

    def test_result_that_is_not_json(self):
        self.start("def handler(event, context):\n    return {'x': {1, 2}} if event else float('nan')\n")
        for event in (True, False):
            _, document, _ = self.api.invoke(event)
            self.assertEqual(document["errorType"], "Runtime.MarshalError")

    def test_decimal(self):
        self.start("from decimal import Decimal\ndef handler(event, context):\n    return [Decimal('3'), Decimal('1.5')]\n")
        self.assertEqual(self.api.invoke({})[1], [3, 1.5])

    def test_circle_and_depth(self):
        self.start("def handler(event, context):\n    a = []\n    for _ in range(1 if event else 100_000):\n        a = [a]\n    if event:\n        a.append(a)\n    return a\n")
        for event in (True, False):
            self.assertEqual(self.api.invoke(event)[1]["errorType"], "Runtime.MarshalError")

    def test_async_handler(self):
        self.start("import asyncio\nloops = []\nasync def handler(event, context):\n    await asyncio.sleep(0)\n    loops.append(asyncio.get_running_loop())\n    return loops[0] is loops[-1]\n")
        self.assertEqual([self.api.invoke({})[1] for _ in range(2)], [True, True], "one loop for all events")

    def test_stream(self):
        self.start("def handler(event, context):\n    yield {'statusCode': 201}\n    yield 'one '\n    yield b'two'\n")
        where, body, headers = self.api.invoke({})
        self.assertEqual((where, body), ("invocation/id-1/response", b'{"statusCode":201}' + bytes(8) + b"one two"))
        self.assertEqual((headers["Lambda-Runtime-Function-Response-Mode"], headers["Content-Type"]), ("streaming", "application/vnd.awslambda.http-integration-response"))

    def test_async_stream(self):
        self.start("async def handler(event, context):\n    yield 'é'\n    yield 'x'\n")
        _, body, headers = self.api.invoke({})
        self.assertEqual((body, headers["Content-Type"]), ("éx".encode(), "text/plain; charset=utf-8"))

    def test_stream_that_breaks(self):
        self.start("def handler(event, context):\n    if event:\n        yield 'one'\n    raise KeyError('missing')\n")
        where, document, _ = self.api.invoke(False)
        self.assertEqual((where, document["errorType"]), ("invocation/id-1/error", "KeyError"), "before the first piece it is an ordinary error")
        where, body, headers = self.api.invoke(True)
        self.assertEqual((where, body, headers["Lambda-Runtime-Function-Error-Type"]), ("invocation/id-1/response", b"one", "KeyError"))
        self.assertIn("missing", base64.b64decode(headers["Lambda-Runtime-Function-Error-Body"]).decode())
        self.assertEqual(self.api.invoke(False)[0], "invocation/id-1/error", "the instance goes on")

    def test_event_that_is_not_json(self):
        self.start("def handler(event, context):\n    return 1\n")
        self.assertEqual(self.api.invoke(b"{")[1]["errorType"], "Runtime.UnmarshalError")

    def test_exit_in_handler_ends_the_process(self):
        instance = self.start("import sys\ndef handler(event, context):\n    print('bye', end='')\n    sys.exit(7)\n")
        self.api.events.put(({}, {}))
        self.assertEqual(instance.end()[:2], (7, "bye"))

    def test_print_is_there_before_the_answer(self):
        instance = self.start("def handler(event, context):\n    print('one')\n    print('two', end='')\n    return 1\n")
        self.api.invoke({})
        self.assertEqual(instance.process.stdout.readline(), "one\n")
        self.assertEqual(instance.process.stdout.read(3), "two")

    def test_concurrent_events(self):
        self.start("import threading\nmeet = threading.Barrier(2, timeout=20)\ndef handler(event, context):\n    meet.wait()\n    return event\n",
                   AWS_LAMBDA_MAX_CONCURRENCY="2")
        self.api.events.put((1, {}))
        self.api.events.put((2, {}))
        self.assertEqual({self.api.outcome()[1], self.api.outcome()[1]}, {1, 2})


class Loading(unittest.TestCase):
    def check(self, files, spec, error_type, *words):
        api = RuntimeAPI()
        self.addCleanup(api.close)
        instance = Instance(files, spec, api)
        self.addCleanup(instance.close)
        where, document, _ = api.outcome()
        status, _, err = instance.end()
        self.assertEqual((where, document["errorType"], status), ("init/error", error_type, 1))
        for word in words:
            self.assertIn(word, document["errorMessage"])
            self.assertIn(word, err)

    def test_no_module(self):
        self.check({"other.py": ""}, "handler.handler", "Runtime.HandlerNotFound", "looked for handler.py", "which has other.py")

    def test_no_function(self):
        self.check({"handler.py": "def main(e, c): pass\n"}, "handler.handler", "Runtime.HandlerNotFound", "handler.py has no 'handler'; it has main")

    def test_not_callable(self):
        self.check({"handler.py": "handler = 3\n"}, "handler.handler", "Runtime.HandlerNotFound", "cannot be called", "int")

    def test_spelling(self):
        self.check({"handler.py": ""}, "handler", "Runtime.HandlerNotFound", "it must be module.function")

    def test_missing_dependency(self):
        self.check({"handler.py": "import nowhere_to_be_found\n"}, "handler.handler", "Runtime.ImportModuleError", "Unable to import module 'handler': No module named 'nowhere_to_be_found'")

    def test_syntax_error(self):
        self.check({"handler.py": "def handler(:\n"}, "handler.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'handler'", "handler.py, line 1")

    def test_exception(self):
        self.check({"handler.py": "1/0\n"}, "handler.handler", "ZeroDivisionError", "division by zero")

    def test_exit(self):
        self.check({"handler.py": "import sys; sys.exit(3)\n"}, "handler.handler", "Runtime.ExitError", "called exit(3)")


if __name__ == "__main__":
    unittest.main()
