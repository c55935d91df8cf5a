package store_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/store"
)

// victimURL in the environment makes this process the one that gets killed.
const victimURL = "SLIPWAY_STORE_VICTIM"

// What a method has said was done is there after kill -9, and nothing is there by half.
func TestKillLosesNothing(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			t.Parallel()
			url := engine.url(t)
			done := 0
			for range 3 {
				done = killWriter(t, url, done+20)
				s := open(t, url)
				f, err := s.Function(t.Context(), ref("f"))
				must(t, err)
				// The last one may have happened without being heard of.
				if f.Live < done || f.Live > done+1 {
					t.Fatalf("live is %d after %d deploys", f.Live, done)
				}
				live, err := s.Version(t.Context(), slipway.VersionRef{Tenant: f.Tenant, Function: f.Name, Version: f.Live})
				must(t, err)
				if live.State != slipway.VersionReady {
					t.Fatalf("live is %+v", live)
				}
			}
		})
	}
}

// killWriter runs a second process that deploys without end, kills it after it has
// deployed a version with a number of at least enough, and says which was the last.
func killWriter(t *testing.T, url string, enough int) (last int) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), victimURL+"="+url)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, err := fmt.Sscanf(lines.Text(), "deployed %d", &last); err != nil {
			t.Errorf("the second process said %q", lines.Text())
			break
		}
		if last == enough {
			must(t, child.Process.Kill())
		}
	}
	_ = child.Wait() // it was killed
	return last
}

// writeUntilKilled deploys one version after the other and says so.
func writeUntilKilled(url string) {
	err := deployForever(context.Background(), url)
	fmt.Println(err)
	os.Exit(1)
}

func deployForever(ctx context.Context, url string) error {
	s, err := store.Open(ctx, url, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	f := slipway.Function{Tenant: slipway.DefaultTenant, Name: "f"}
	if err := s.CreateFunction(ctx, f); err != nil && slipway.Code(err) != "conflict" {
		return err
	}
	for {
		v, err := s.AddVersion(ctx, slipway.Version{Tenant: f.Tenant, Function: f.Name})
		if err != nil {
			return err
		}
		v.State = slipway.VersionReady
		if _, err := s.FinishVersion(ctx, v, slipway.LiveAlias, nil); err != nil {
			return err
		}
		fmt.Println("deployed", v.Number)
	}
}
