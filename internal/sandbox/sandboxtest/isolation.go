package sandboxtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testIsolation tries the walls from inside, as root.
func testIsolation(t *testing.T, b *Bench) {
	t.Run("namespaces", func(t *testing.T) {
		seen := map[string]string{}
		for _, name := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
			link, err := os.Readlink("/proc/self/ns/" + name)
			if err != nil {
				t.Fatal(err)
			}
			seen[link] = "the host"
		}
		for _, id := range []string{"one sandbox", "another"} {
			p := b.Start(t, b.Spec("ns"))
			p.Wait(t)
			for range 7 {
				var link string
				if _, err := fmt.Fscanln(p.Stdout, &link); err != nil {
					t.Fatal(err)
				}
				// A namespace's number can be given again once it is gone, so only the
				// host's are compared with certainty.
				if seen[link] == "the host" {
					t.Errorf("%s and %s share %s", id, seen[link], link)
				}
			}
		}
	})
	t.Run("system calls", func(t *testing.T) {
		out := b.Output(t, "syscalls")
		for _, call := range []string{
			"mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "mount_setattr", "fsopen", "fspick",
			"unshare user", "unshare mnt", "unshare net", "clone user", "clone pid", "setns",
			"keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
			"kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot", "settimeofday",
			"swapon", "acct", "quotactl", "syslog", "fanotify_init", "open_by_handle_at", "pidfd_getfd",
			"socket AF_ALG", "socket raw", "sethostname", "setdomainname",
		} {
			wantLines(t, out, call+": operation not permitted")
		}
		wantLines(t, out, "clone3: function not implemented")
		if !b.excused(t, "unknown system calls") {
			wantLines(t, out, "unknown: function not implemented")
		}
		if strings.Contains(out, ": done") {
			t.Errorf("a call was not refused:\n%s", out)
		}
	})
	t.Run("privileges", func(t *testing.T) {
		const list = "00000000000005fb" // CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE
		wantLines(t, b.Output(t, "cat", "/proc/self/status"),
			"NoNewPrivs:\t1", "Seccomp:\t2", "Seccomp_filters:\t1", "Pid:\t1",
			"CapInh:\t0000000000000000", "CapPrm:\t"+list, "CapEff:\t"+list, "CapBnd:\t"+list, "CapAmb:\t0000000000000000")
		spec := b.Spec("cat", "/proc/self/status")
		spec.User = "app"
		wantLines(t, b.OutputOf(t, spec), "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t"+list, "NoNewPrivs:\t1")
	})
	t.Run("ids of its own", func(t *testing.T) {
		maps := map[string]bool{}
		for range 2 {
			p := b.Start(t, b.Spec("cat", "/proc/self/uid_map"))
			p.Wait(t)
			var inside, outside, count int
			if _, err := fmt.Fscan(p.Stdout, &inside, &outside, &count); err != nil {
				t.Fatal(err)
			}
			if inside != 0 || outside == 0 || count != 65536 || maps[fmt.Sprint(outside)] {
				t.Errorf("ids %d to %d, %d of them", inside, outside, count)
			}
			maps[fmt.Sprint(outside)] = true
		}
	})
	t.Run("host's files", func(t *testing.T) {
		secret := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(secret, []byte("of the host"), 0o644); err != nil {
			t.Fatal(err)
		}
		if out := b.Output(t, "escape", secret); out != "tried\n" {
			t.Errorf("%s", out)
		}
		if out := b.Output(t, "cat", "/proc/self/mountinfo"); strings.Contains(out, b.Layers[0]) || strings.Contains(out, "ext4") {
			t.Errorf("the table of mounts tells about the host:\n%s", out)
		}
	})
	t.Run("nothing below the root", func(t *testing.T) {
		roots := 0
		for line := range strings.Lines(b.Output(t, "cat", "/proc/self/mountinfo")) {
			if strings.Fields(line)[4] == "/" {
				roots++
			}
		}
		if roots != 1 {
			t.Errorf("%d mounts are on /", roots)
		}
		if root, above := b.Output(t, "ls", "/"), b.Output(t, "ls", "/.."); root != above {
			t.Errorf("/ holds\n%sand /.. holds\n%s", root, above)
		}
	})
	t.Run("host's processes", func(t *testing.T) {
		for _, name := range strings.Fields(b.Output(t, "ls", "/proc")) {
			if name[0] >= '0' && name[0] <= '9' && name != "1" {
				t.Errorf("process %s can be seen", name)
			}
		}
	})
	t.Run("devices cannot be made", func(t *testing.T) {
		for _, dir := range []string{"/tmp", "/dev"} {
			wantLines(t, b.Output(t, "mknod", dir), "memory operation not permitted", "disk operation not permitted")
		}
	})
	t.Run("kernel's settings", func(t *testing.T) {
		out := b.Output(t, "files", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/kernel/uevent_helper")
		for line := range strings.Lines(out) {
			if strings.HasSuffix(line, "write: <nil>\n") && !masked(line) {
				t.Errorf("can be written: %s", line)
			}
		}
		if out := b.Output(t, "cat", "/proc/keys", "/proc/timer_list"); out != "" {
			t.Errorf("masked files hold %q", out)
		}
		if out := b.Output(t, "ls", "/sys/firmware"); out != "" {
			t.Errorf("a masked folder holds %q", out)
		}
	})
	t.Run("nothing in the host's table of mounts", func(t *testing.T) {
		p := b.Start(t, b.Spec("cat", "/proc/self/mountinfo", "/dev/stdin"))
		var id, parent int
		var device string
		if _, err := fmt.Fscan(p.Stdout, &id, &parent, &device); err != nil { // of the root, which comes first
			t.Fatal(err)
		}
		host, err := os.ReadFile("/proc/self/mountinfo")
		if err != nil || strings.Contains(string(host), " "+device+" ") {
			t.Errorf("the root %s is mounted on the host, too:\n%s\n%v", device, host, err)
		}
	})
}

// masked files are /dev/null, which can be written.
func masked(line string) bool {
	for _, name := range []string{"/proc/kcore ", "/proc/keys ", "/proc/timer_list "} {
		if strings.HasPrefix(line, name) {
			return true
		}
	}
	return false
}
