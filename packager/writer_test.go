package packager_test

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/slipway-run/slipway/packager"
)

// writerDir tells a test binary to be the process that startWriter starts.
const writerDir = "PACKAGER_TEST_WRITER_DIR"

// TestWriterProcess is no test but the other process of TestNewStore: it says when it
// has begun to store a blob, and never ends.
func TestWriterProcess(t *testing.T) {
	dir := os.Getenv(writerDir)
	if dir == "" {
		return
	}
	s, err := packager.NewStore(packager.StoreConfig{Dir: dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Fatal(s.Put(t.Context(), "sha256:"+strings.Repeat("0", 64), -1, endless{}))
}

// endless reports its first read, which is after the file was made, and blocks.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	if _, err := os.Stdout.WriteString("!"); err != nil {
		return 0, err
	}
	select {}
}

func wantErr(t testing.TB, err, kind error, says string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; expected one that says %q", says)
	}
	if !errors.Is(err, kind) {
		t.Errorf("error %q is not of the kind %v", err, kind)
	}
	if !strings.Contains(err.Error(), says) {
		t.Errorf("error %q does not say %q", err, says)
	}
}
