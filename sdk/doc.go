// Package sdk is the Go client of Slipway's API, one file per resource as in the
// gateway, and the home of the bootstraps that run handlers in other languages.
//
//	c := sdk.New("http://127.0.0.1:8080", key)
//	v, err := c.DeploySource(ctx, "hello", archive, sdk.Deploy{OnEvent: show})
//	result, err := c.Invoke(ctx, "hello", strings.NewReader(`{"name":"you"}`))
//
// Jobs are submitted, followed and waited for; example_test.go shows how:
//
//	d, err := c.RegisterSource(ctx, "words", archive, sdk.Register{})
//	job, err := c.SubmitJob(ctx, slipway.JobRequest{Definition: "words"})
//	job, err = c.WaitJob(ctx, job.ID)
//
// Every method takes a context that ends its call, and answers in the types of the root
// package. What the platform refuses is a [slipway.Error] with a kind, so that
// errors.Is(err, slipway.ErrNotFound) works on this side too; what the function did wrong
// is a [slipway.FunctionError]. Bodies stream in both directions; nothing is held whole.
//
// A Client may be used by several goroutines.
package sdk
