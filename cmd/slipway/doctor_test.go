package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func sampleReport() report {
	return report{Milliseconds: 12.5, Checks: []result{
		{"kernel", fine("Linux %s", "6.1"), 0.25},
		{"swap", warning("add zram", "none: less fits"), 1},
		{"overlay", failure("modprobe overlay", "cannot be made: %s", "no such device\nsecond line"), 2},
	}}
}

func TestDoctorTable(t *testing.T) {
	var out bytes.Buffer
	if err := sampleReport().write(&out); err != nil {
		t.Fatal(err)
	}
	want := `CHECK    STATE  TIME   FOUND
kernel   ok     0.2ms  Linux 6.1
swap     warn   1.0ms  none: less fits
overlay  fail   2.0ms  cannot be made: no such device …

What to do:
  swap: add zram
  overlay: modprobe overlay

This machine cannot run instances as it is. It took 12 ms.
`
	if out.String() != want {
		t.Errorf("the table is\n%s\nwant\n%s", &out, want)
	}
}

func TestDoctorJSON(t *testing.T) {
	got, err := json.Marshal(sampleReport())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"ok":false,"checks":[` +
		`{"name":"kernel","state":"ok","found":"Linux 6.1","milliseconds":0.25},` +
		`{"name":"swap","state":"warn","found":"none: less fits","mend":"add zram","milliseconds":1},` +
		`{"name":"overlay","state":"fail","found":"cannot be made: no such device\nsecond line","mend":"modprobe overlay","milliseconds":2}` +
		`],"milliseconds":12.5}`
	if string(got) != want {
		t.Errorf("the document is\n%s\nwant\n%s", got, want)
	}
}

func TestDoctorVerdict(t *testing.T) {
	answers := func(f finding) check {
		return check{name: string(f.State), try: func(context.Context) finding { return f }}
	}
	good, poor, bad := answers(fine("")), answers(warning("", "")), answers(failure("", ""))
	for name, c := range map[string]struct {
		checks []check
		ok     bool
		says   string
	}{
		"all is well":       {[]check{good, good}, true, "can run instances."},
		"a warning":         {[]check{good, poor}, true, "could be better"},
		"something missing": {[]check{bad, poor, good}, false, "cannot run"},
	} {
		t.Run(name, func(t *testing.T) {
			r := examine(t.Context(), c.checks)
			if r.OK != c.ok || !strings.Contains(r.verdict(), c.says) || len(r.Checks) != len(c.checks) {
				t.Errorf("the report is %+v, %q; want ok=%t and %q", r, r.verdict(), c.ok, c.says)
			}
		})
	}
}

// TestDoctorOnThisMachine makes every check for real. The tests of instances need
// what the doctor needs, so nothing may be missing where they run.
func TestDoctorOnThisMachine(t *testing.T) {
	parent := t.TempDir()
	var out, complaints bytes.Buffer
	args := []string{"doctor", "-o", "json", "--data", filepath.Join(parent, "not", "there", "yet")}
	status := run(t.Context(), args, strings.NewReader(""), &out, &complaints)
	var r report
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v in %s; it complains: %s", err, &out, &complaints)
	}
	if status != 0 || !r.OK {
		t.Errorf("exit status %d: %s", status, &out)
	}
	var names []string
	for _, c := range r.Checks {
		names = append(names, c.Name)
		if c.Found == "" || !slices.Contains([]state{stateOK, stateWarn, stateFail}, c.State) {
			t.Errorf("the check %q answers %+v", c.Name, c.finding)
		}
	}
	for _, name := range []string{"kernel", "overlay", "idmapped mounts", "cgroups", "egress", "sandbox", "ordinary users", "disk space", "go"} {
		if !slices.Contains(names, name) {
			t.Errorf("there is no check of %s among %v", name, names)
		}
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
		t.Errorf("the trials left %v, %v", left, err)
	}
}

func TestDoctorSaysWhatIsMissing(t *testing.T) {
	var out, complaints bytes.Buffer
	status := run(t.Context(), []string{"doctor", "--data", "/proc/slipway"}, strings.NewReader(""), &out, &complaints)
	if status != 1 || !strings.Contains(out.String(), "/proc cannot be written to") || !strings.Contains(out.String(), "  data folder: ") {
		t.Errorf("exit status %d, output:\n%s%s", status, &out, &complaints)
	}
}

func TestDoctorUsage(t *testing.T) {
	var out, complaints bytes.Buffer
	if status := run(t.Context(), []string{"doctor", "-o", "yaml"}, strings.NewReader(""), &out, &complaints); status != 2 || out.Len() > 0 {
		t.Errorf("exit status %d, output %q, want 2 and none", status, &out)
	}
}

func TestDoctorFindsTakenIDs(t *testing.T) {
	dir := t.TempDir()
	passwd, subuid := filepath.Join(dir, "passwd"), filepath.Join(dir, "subuid")
	for file, text := range map[string]string{
		passwd: "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\nldap:x:1048577:100::/:/bin/sh\nbroken\n",
		subuid: "alice:100000:65536\nbob:1000000:65536\ncarol:3000000000:65536\nbroken:x:y\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := accounts(passwd); len(got) != 1 || !strings.HasPrefix(got[0], "ldap 1048577") {
		t.Errorf("accounts in the way are %v, want ldap's", got)
	}
	if got := delegations(subuid); len(got) != 1 || !strings.HasPrefix(got[0], "bob 1000000 to 1065535") {
		t.Errorf("delegations in the way are %v, want bob's", got)
	}
	if got := accounts(filepath.Join(dir, "missing")); len(got) != 0 {
		t.Errorf("a missing file has the accounts %v", got)
	}
}
