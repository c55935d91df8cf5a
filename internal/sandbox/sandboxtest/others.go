package sandboxtest

import (
	"fmt"
	"math"
	"testing"
)

// testOthers looks from one sandbox for what another has, and what it can use up.
func testOthers(t *testing.T, b *Bench) {
	t.Run("cannot be reached", func(t *testing.T) {
		other := b.Start(t, b.Spec("offer"))
		other.Expect(t, "paused")
		wantLines(t, b.Output(t, "reach"),
			"tcp 127.0.0.1:7001: connection refused", "tcp [::1]:7001: connection refused",
			"unix @meeting: connection refused", "unix /tmp/meeting: no such file or directory",
			"file /tmp/secret: no such file or directory", "file /dev/shm/secret: no such file or directory",
			"shared memory: no such file or directory", "semaphores: no such file or directory",
			"messages: no such file or directory", "message queue: no such file or directory",
			"kill everyone: no such process")
		c, err := other.Dial(t.Context(), "tcp", "127.0.0.1:7001") // it is there
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
	for _, what := range []string{"queues", "signals"} {
		t.Run("have "+what+" of their own", func(t *testing.T) {
			var met [2]int
			for i := range met { // the first keeps what it has
				if _, err := fmt.Fscanf(b.Start(t, b.Spec(what)).Stdout, "refused after %d", &met[i]); err != nil {
					t.Fatal(err)
				}
			}
			if math.Abs(float64(met[0]-met[1])) > 8 { // a runtime has some signals itself
				t.Errorf("one had %d, the other %d", met[0], met[1])
			}
		})
	}
}
