package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// doctor is what the checks share.
type doctor struct {
	data     string // the data folder, or the folder above it that exists
	readOnly error  // why nothing can be made in data
	place    string // where trials are made: data, or the system's folder for temporary files
	temp     string // made in place; removed by close
	name     string // of what is made on the machine, unique for this process
	here     *standing
}

// newDoctor makes a folder for trials on the filesystem that data is or will be on.
func newDoctor(data string) (*doctor, error) {
	data, err := filepath.Abs(data)
	if err != nil {
		return nil, err
	}
	for data != "/" {
		if info, err := os.Stat(data); err == nil && info.IsDir() {
			break
		}
		data = filepath.Dir(data)
	}
	here, err := stand()
	if err != nil {
		return nil, err
	}
	d := &doctor{data: data, place: data, name: fmt.Sprintf("slipway-doctor-%d", os.Getpid()), here: here}
	if d.temp, d.readOnly = os.MkdirTemp(d.place, ".slipway-doctor-"); d.readOnly == nil {
		return d, nil
	}
	d.place = os.TempDir()
	if d.temp, err = os.MkdirTemp(d.place, ".slipway-doctor-"); err != nil {
		return nil, fmt.Errorf("make a folder for trials: %w", err)
	}
	return d, nil
}

func (d *doctor) close() error { return os.RemoveAll(d.temp) }

// folder makes a folder for one trial.
func (d *doctor) folder(name string) (string, error) {
	dir := filepath.Join(d.temp, name)
	return dir, os.MkdirAll(dir, 0o755)
}

// checks go from what is needed first to what is only good to have.
func (d *doctor) checks() []check {
	if d.here != nil {
		return d.rootlessChecks()
	}
	return []check{
		{name: "user", try: checkUser},
		{name: "kernel", try: checkKernel},
		{name: "mount api", root: true, try: checkMountAPI},
		{name: "user namespaces", try: d.checkUserNamespaces},
		{name: "ids", try: checkIDs},
		{name: "overlay", root: true, try: d.checkOverlay},
		{name: "idmapped mounts", root: true, try: d.checkIDMappedMounts},
		{name: "seccomp", try: checkSeccomp},
		{name: "cgroups", root: true, try: d.checkCgroups},
		{name: "pressure", try: checkPressure},
		{name: "egress", root: true, try: d.checkEgress},
		{name: "forwarding", try: checkForwarding},
		{name: "iptables", try: checkLegacyIptables},
		{name: "sandbox", root: true, try: d.checkSandbox},
		{name: "oci runtimes", try: checkRuntimes},
		{name: "ordinary users", root: true, try: checkOrdinaryUsers},
		{name: "data folder", try: d.checkData},
		{name: "disk space", try: d.checkSpace},
		{name: "scratch on disk", try: checkScratchDisk},
		{name: "swap", try: checkSwap},
		{name: "go", try: checkGo},
		{name: "bases", try: checkBases},
	}
}
