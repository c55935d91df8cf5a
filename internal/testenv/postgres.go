package testenv

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	postgresFolders = "/usr/lib/postgresql/*/bin" // where Debian keeps the server's programs
	postgresUser    = "slipway"
	startTimeout    = time.Minute
	startAttempts   = 5 // a free port can be taken by another process meanwhile
)

// Postgres gives the URL of an empty database on a real PostgreSQL server. The first
// call in a process starts the server; it does not sync to disk.
func Postgres(t testing.TB) string {
	t.Helper()
	Require(t, "initdb", postgresFolders)
	server, err := sharedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	url, err := server.newDatabase()
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// sharedPostgres starts the one server of this process. Nobody stops it: its guard does
// when the process ends.
var sharedPostgres = sync.OnceValues(startPostgres)

type postgres struct {
	guard     *guarded // held: the garbage collector would close its pipe
	bin       string   // folder of its programs
	port      int
	databases atomic.Int64
}

// startPostgres makes a cluster and starts a server on it.
func startPostgres() (*postgres, error) {
	initdb, err := find("initdb", postgresFolders)
	if err != nil {
		return nil, err
	}
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		server, err := tryPostgres(filepath.Dir(initdb), as)
		if err == nil || attempt == startAttempts {
			return server, err
		}
	}
}

func tryPostgres(bin string, as *syscall.Credential) (*postgres, error) {
	dir, err := makeDir("postgres", as)
	if err != nil {
		return nil, fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	data := filepath.Join(dir, "data")
	if err := initCluster(bin, data, as); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	port, err := freePort()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	g, err := guard(dir, "INT", as, filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
		"-c", "max_connections=200", "-c", "shared_buffers=32MB")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := eventually(startTimeout, g.said("database system is ready to accept connections")); err != nil {
		g.stop()
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return &postgres{guard: g, bin: bin, port: port}, nil
}

func initCluster(bin, data string, as *syscall.Credential) error {
	cmd := exec.Command(filepath.Join(bin, "initdb"), "--pgdata="+data, "--username="+postgresUser,
		"--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	cmd.Dir = filepath.Dir(data)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	return run(cmd)
}

// unprivileged is who runs PostgreSQL, which refuses to run as root: nil for the
// present user, else a user that has no rights.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(errUID, errGID)
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")
}

func (p *postgres) newDatabase() (url string, err error) {
	name := fmt.Sprintf("test%d", p.databases.Add(1))
	if err := p.client("createdb", "--template=template0", name); err != nil {
		return "", err
	}
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", postgresUser, p.address(), name), nil
}

func (p *postgres) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

func (p *postgres) client(program string, args ...string) error {
	return run(exec.Command(filepath.Join(p.bin, program),
		append([]string{"--host=127.0.0.1", "--port=" + strconv.Itoa(p.port), "--username=" + postgresUser}, args...)...))
}

// run runs a command to its end; what it printed is in the error.
func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, out)
	}
	return nil
}
