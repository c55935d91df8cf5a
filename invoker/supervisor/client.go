package supervisor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/slipway-run/slipway/invoker/runtimeapi"
)

// client calls the Runtime API of the instance.
type client struct{ base string }

func newClient(address string) *client {
	return &client{"http://" + address + runtimeapi.SupervisorPath}
}

func (c *client) expect(paths []string) error {
	return c.post("/extensions", runtimeapi.Expected{Extensions: paths}, nil)
}

// awaitRegistered returns when all extensions have registered; an error means that the
// program is not to be started.
func (c *client) awaitRegistered() error {
	res, err := http.Get(c.base + "/registered")
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode >= 300 {
		return fmt.Errorf("an extension failed: %s", res.Status)
	}
	return nil
}

// exited tells how an extension ended. When nobody hears it, the sandbox is ending.
func (c *client) exited(e runtimeapi.Exited) { _ = c.post("/exited", e, nil) }

// ended tells how the program ended, and gets what is to become of the extensions.
func (c *client) ended(e runtimeapi.Exited) (out runtimeapi.Ending, err error) {
	return out, c.post("/exited", e, &out)
}

func (c *client) post(path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	res, err := http.Post(c.base+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		return fmt.Errorf("POST %s: %s", path, res.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(out)
}

// programOnly are variables that AWS keeps from extensions:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html#runtimes-lifecycle-extensions-init
var programOnly = []string{
	"AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS",
	"LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT", "_HANDLER",
}

func extensionEnv(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return slices.Contains(programOnly, name)
	})
}
