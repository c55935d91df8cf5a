package main

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// wanted are the modules that the kernel would load by itself in a machine with a
// modprobe: for disks, for overlays, for swap, and for what package network does.
var wanted = []string{
	"virtio_pci", "virtio_blk", "ext4", "loop", "overlay", "zram", "lz4",
	"veth", "dummy", "nf_tables", "nf_conntrack", "nf_nat", "nft_chain_nat", "nft_ct", "nft_masq", "nft_nat",
	"nft_reject_inet", "nft_reject_ipv4", "nft_reject_ipv6", "nft_connlimit", "nft_limit", "nft_log", "nft_fib_inet",
}

// loadable is a module, uncompressed.
type loadable struct {
	name    string
	content []byte
}

// load gives the modules and those they need, in an order that they can be loaded in.
func (k *kernel) load(ctx context.Context, names []string) ([]loadable, error) {
	var all []loadable
	for _, name := range names {
		if k.builtin[name] || slices.ContainsFunc(all, func(l loadable) bool { return l.name == name }) {
			continue
		}
		more, err := k.chain(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("module %s: %w", name, err)
		}
		for _, m := range more {
			if !slices.ContainsFunc(all, func(l loadable) bool { return l.name == m.name }) {
				all = append(all, m)
			}
		}
	}
	return all, nil
}

// chain is a module after all it needs.
func (k *kernel) chain(ctx context.Context, name string) ([]loadable, error) {
	content, err := k.uncompress(ctx, name)
	if err != nil {
		return nil, err
	}
	needs, err := dependencies(content)
	if err != nil {
		return nil, err
	}
	before, err := k.load(ctx, needs)
	if err != nil {
		return nil, err
	}
	return append(before, loadable{name, content}), nil
}

func (k *kernel) uncompress(ctx context.Context, name string) ([]byte, error) {
	content, ok := k.modules[name]
	if !ok {
		return nil, fmt.Errorf("linux %s has none of that name", k.release)
	}
	program, compressed := map[string]string{".ko.xz": "xz", ".ko.zst": "zstd", ".ko.gz": "gzip"}[k.suffix[name]]
	if !compressed {
		return content, nil
	}
	c := exec.CommandContext(ctx, program, "-dc")
	c.Stdin = bytes.NewReader(content)
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("uncompress it with %s: %w", program, err)
	}
	return out, nil
}

// dependencies reads the names in the line "depends=a,b" of a module's section
// .modinfo, which is what depmod(8) goes by.
func dependencies(module []byte) ([]string, error) {
	file, err := elf.NewFile(bytes.NewReader(module))
	if err != nil {
		return nil, err
	}
	section := file.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("it is no module: it has no section .modinfo")
	}
	info, err := section.Data()
	if err != nil {
		return nil, err
	}
	for entry := range strings.SplitSeq(string(info), "\x00") {
		if list, ok := strings.CutPrefix(entry, "depends="); ok && list != "" {
			return strings.Split(strings.ReplaceAll(list, "-", "_"), ","), nil
		}
	}
	return nil, nil
}
