package invoker

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/slipway-run/slipway"
)

// runtimeAPI is where the Lambda Runtime API is, in every sandbox.
const runtimeAPI = "127.0.0.1:9001"

// maxOpenFiles is RLIMIT_NOFILE of an instance.
const maxOpenFiles = 65536

// OpenFiles is how many files a process of an instance may open: maxOpenFiles, or the invoker's own hard limit where that is lower: a
// sandbox cannot raise it (setrlimit(2)).
func OpenFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return maxOpenFiles
	}
	return int(min(maxOpenFiles, limit.Max))
}

// sandboxSpec says what the sandbox of one instance is.
func sandboxSpec(id, region string, spec slipway.Spec, image slipway.Image) slipway.SandboxSpec {
	c := spec.Config
	args, dir := argv(image, c.Command)
	return slipway.SandboxSpec{
		ID: id, Layers: image.Layers,
		Args: args, Env: environ(id, region, spec, image), Dir: dir, User: image.User,
		CPU: c.CPU, MemoryMB: c.MemoryMB, EphemeralMB: c.EphemeralMB, PIDs: c.PIDs,
		Network: c.Network, Isolation: c.Isolation,
	}
}

// environ is the environment of an instance: what an image may expect, Lambda's
// variables, the image's own, the configuration's, each winning over those before; and
// last what the platform itself relies on.
func environ(id, region string, spec slipway.Spec, image slipway.Image) []string {
	env := map[string]string{"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "UTC"}
	if image.User == "" {
		env["HOME"] = "/root"
	}
	maps.Copy(env, lambdaEnviron(id, region, spec))
	if image.WorkingDir != "" && !within(image, taskRoot) {
		env["LAMBDA_TASK_ROOT"] = image.WorkingDir // where an image that is not made of AWS's has its code
	}
	if h := handler(spec, image); h != "" {
		env["_HANDLER"] = h
	}
	for _, pair := range image.Env {
		if name, value, ok := strings.Cut(pair, "="); ok {
			env[name] = value
		}
	}
	extend(env, image)
	maps.Copy(env, spec.Config.Env)
	maps.Copy(env, map[string]string{
		"PORT":                   strconv.Itoa(spec.Config.Port),
		"SLIPWAY_FUNCTION":       spec.Function,
		"SLIPWAY_VERSION":        strconv.Itoa(spec.Version),
		"SLIPWAY_INSTANCE":       id,
		"AWS_LAMBDA_RUNTIME_API": runtimeAPI,
	})
	pairs := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		pairs = append(pairs, name+"="+env[name])
	}
	return pairs
}

// lambdaEnviron is what AWS Lambda sets:
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
func lambdaEnviron(id, region string, spec slipway.Spec) map[string]string {
	env := map[string]string{
		"LAMBDA_TASK_ROOT":                taskRoot,
		"LAMBDA_RUNTIME_DIR":              "/var/runtime",
		"AWS_EXECUTION_ENV":               "AWS_Lambda_" + executionEnv(spec.Config.Runtime),
		"AWS_REGION":                      region,
		"AWS_DEFAULT_REGION":              region,
		"AWS_LAMBDA_FUNCTION_NAME":        spec.Function,
		"AWS_LAMBDA_FUNCTION_VERSION":     strconv.Itoa(spec.Version),
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(spec.Config.MemoryMB),
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/slipway/" + spec.Function,
		"AWS_LAMBDA_LOG_STREAM_NAME":      id,
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_XRAY_CONTEXT_MISSING":        "LOG_ERROR",
	}
	if n := spec.Config.Scaling.Concurrency; n > 1 {
		env["AWS_LAMBDA_MAX_CONCURRENCY"] = strconv.Itoa(n)
	}
	return env
}

// executionEnv is AWS's word for a runtime, where it has one.
func executionEnv(r slipway.Runtime) string {
	switch r {
	case slipway.RuntimeImage, slipway.RuntimeDockerfile, slipway.RuntimeAuto:
		return "Image"
	case slipway.RuntimeBootstrap:
		return "provided"
	}
	return string(r)
}

// accountID stands for the account where programs written for AWS Lambda want one.
const accountID = "000000000000"

// functionARN is the version as programs written for AWS Lambda want to see it.
func functionARN(region string, spec slipway.Spec) string {
	return "arn:aws:lambda:" + region + ":" + accountID + ":function:" + spec.Function + ":" + strconv.Itoa(spec.Version)
}
