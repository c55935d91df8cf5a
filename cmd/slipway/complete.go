package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/sdk"
)

// completing is how long a shell waits for names.
const completing = 2 * time.Second

// words asks a server for what a word may be.
type words func(context.Context, *sdk.Client) ([]string, error)

// namesOf takes the names of things that a call of the client lists.
func namesOf[T any](list func(*sdk.Client, context.Context) ([]T, error), name func(T) string) words {
	return func(ctx context.Context, c *sdk.Client) (all []string, err error) {
		things, err := list(c, ctx)
		for _, one := range things {
			all = append(all, name(one))
		}
		return all, err
	}
}

var (
	functionNames    = namesOf((*sdk.Client).AllFunctions, func(f slipway.Function) string { return f.Name })
	triggerNames     = namesOf((*sdk.Client).Triggers, func(t slipway.Trigger) string { return t.Name })
	queueNames       = namesOf((*sdk.Client).Queues, func(q slipway.Queue) string { return q.Name })
	environmentNames = namesOf((*sdk.Client).Environments, func(e slipway.ComputeEnvironment) string { return e.Name })
	tenantNames      = namesOf((*sdk.Client).Tenants, func(t slipway.Tenant) string { return t.Name })
	definitionNames  = namesOf(newestDefinitions, func(d slipway.JobDefinition) string { return d.Name })
)

func newestDefinitions(c *sdk.Client, ctx context.Context) ([]slipway.JobDefinition, error) {
	return c.Definitions(ctx, "")
}

// firstWords has what the first argument of a command is, by the command's path.
var firstWords = map[string]words{
	"invoke": functionNames, "logs": functionNames, "versions": functionNames, "instances": functionNames, "scale": functionNames,
	"pause": functionNames, "resume": functionNames, "rollback": functionNames, "functions delete": functionNames,
	"alias set": functionNames, "alias list": functionNames, "alias show": functionNames, "alias delete": functionNames,
	"triggers put": triggerNames, "triggers show": triggerNames, "triggers delete": triggerNames, "triggers fire": triggerNames,
	"queues put": queueNames, "queues show": queueNames, "queues delete": queueNames,
	"environments put": environmentNames, "environments show": environmentNames, "environments delete": environmentNames,
	"definitions put": definitionNames, "definitions show": definitionNames, "definitions delete": definitionNames,
	"jobs submit": definitionNames,
	"tenants set": tenantNames, "tenants show": tenantNames, "tenants delete": tenantNames,
}

// flagWords has what the value of a flag is, wherever there is a flag of that name.
var flagWords = map[string]words{
	"output": oneOf("table", "json"), "function": functionNames, "queue": queueNames, "environment": environmentNames, "job": definitionNames,
	"preemption": oneOf("freeze", "requeue", "never"), "missed": oneOf("skip", "once", "all"),
	"signature": oneOf("none", "github", "stripe", "slipway"), "network": oneOf("egress", "none"),
	"status": oneOf("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"),
}

// oneOf are words that no server has to be asked for.
func oneOf(all ...string) words {
	return func(context.Context, *sdk.Client) ([]string, error) { return all, nil }
}

// completeCommands has the shell complete the names of things below root.
func completeCommands(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		completeCommands(cmd)
		_, path, _ := strings.Cut(cmd.CommandPath(), " ")
		if known, ok := firstWords[path]; ok {
			cmd.ValidArgsFunction = known.firstWord
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if known, ok := flagWords[f.Name]; ok {
				_ = cmd.RegisterFlagCompletionFunc(f.Name, known.word) // fails for what is registered already
			}
		})
	}
}

// firstWord completes the first argument; those after it may be files.
func (w words) firstWord(cmd *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return w.word(cmd, args, begin)
}

// word completes one word. A server that does not answer is no reason to hold a shell up.
func (w words) word(cmd *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
	client, err := newClient(os.Getenv)
	if err != nil {
		cobra.CompDebugln(fmt.Sprint(err), false)
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	parent := cmd.Context()
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, completing)
	defer cancel()
	all, err := w(ctx, client)
	if err != nil {
		cobra.CompDebugln(fmt.Sprint(err), false)
	}
	return matching(all, begin), cobra.ShellCompDirectiveNoFileComp
}

func matching(all []string, begin string) (found []string) {
	for _, one := range all {
		if strings.HasPrefix(one, begin) {
			found = append(found, one)
		}
	}
	return found
}
