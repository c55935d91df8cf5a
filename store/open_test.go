package store_test

import (
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
	"github.com/slipway-run/slipway/internal/testenv"
	"github.com/slipway-run/slipway/store"
)

// refuses opens what cannot be opened and gives the message.
func refuses(t *testing.T, url string, kind error) string {
	t.Helper()
	s, err := store.Open(t.Context(), url, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatalf("%s was opened: %v", url, s.Close())
	}
	if !errors.Is(err, kind) {
		t.Errorf("%s: error is %v (%s), want one of kind %v", url, err, slipway.Code(err), kind)
	}
	return err.Error()
}

func TestOpenRefusesAURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"", "slipway.db", "mysql://u:hidden@h/db", "sqlite://slipway.db", "sqlite:slipway.db", "sqlite://",
		"postgres://u:hidden@h:port/db", "postgres://u:hidden@h/db?sslmode=perhaps", "postgres://u:hidden@%zz/db",
	} {
		if message := refuses(t, url, slipway.ErrInvalid); strings.Contains(message, "hidden") {
			t.Errorf("%s: the password is in the message: %s", url, message)
		}
	}
}

func TestOpenRefusesAFolder(t *testing.T) {
	t.Parallel()
	refuses(t, "sqlite://"+t.TempDir(), slipway.ErrInternal)
}

func TestOpenRefusesAFileThatIsNoDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "slipway.db")
	must(t, os.WriteFile(path, []byte(strings.Repeat("this is a letter, not a database. ", 500)), 0o600))
	message := refuses(t, "sqlite://"+path, slipway.ErrInternal)
	if !strings.Contains(message, "Restore it from a backup") || !strings.Contains(message, path) {
		t.Errorf("the message is %q", message)
	}
}

func TestOpenRefusesABrokenDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "slipway.db")
	s, err := store.Open(t.Context(), "sqlite://"+path, slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, s.Close())
	must(t, os.Truncate(path, 8192))
	message := refuses(t, "sqlite://"+path, slipway.ErrInternal)
	if !strings.Contains(message, "Restore it from a backup") || !strings.Contains(message, path) {
		t.Errorf("the message is %q", message)
	}
}

func TestOpenRefusesAServerThatIsNotThere(t *testing.T) {
	t.Parallel()
	message := refuses(t, "postgres://u:hidden@127.0.0.1:1/db", slipway.ErrUnavailable)
	if strings.Contains(message, "hidden") || !strings.Contains(message, "127.0.0.1") {
		t.Errorf("the message is %q", message)
	}
}

func TestOpenRefusesADatabaseThatIsNotThere(t *testing.T) {
	t.Parallel()
	url := strings.Replace(testenv.Postgres(t), "/test", "/no-such", 1)
	message := refuses(t, url, slipway.ErrInternal)
	if !strings.Contains(message, "does not exist") {
		t.Errorf("the message is %q", message)
	}
}

func TestOpenRefusesANewerDatabase(t *testing.T) {
	drivers := map[string]func(url string) (*sql.DB, error){
		"sqlite":   func(url string) (*sql.DB, error) { return sql.Open("sqlite", strings.TrimPrefix(url, "sqlite://")) },
		"postgres": func(url string) (*sql.DB, error) { return sql.Open("pgx", url) },
	}
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			t.Parallel()
			url := engine.url(t)
			open(t, url)
			db, err := drivers[engine.name](url)
			must(t, err)
			defer db.Close()
			_, err = db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, true)`)
			must(t, err)
			if message := refuses(t, url, slipway.ErrConflict); !strings.Contains(message, "newer slipway") {
				t.Errorf("the message is %q", message)
			}
		})
	}
}

// Several gateways may start on an empty database at the same time.
func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	atOnce(t, 4, func(int) error {
		s, err := store.Open(t.Context(), url, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		defer s.Close()
		_, err = s.Tenants(t.Context())
		return err
	})
}
