package network

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// passOthers makes chains of others let our links' packets pass, where they would
// drop them by their policy, and says which. A chain that has our rules is left as
// it is.
func (h *host) passOthers(owner, ours string) (changed []string, err error) {
	err = h.eachDroppingChain(owner, func(conn *nftables.Conn, c *nftables.Chain, marked []uint64) {
		if len(marked) > 0 {
			return
		}
		for _, direction := range []match{oifname(ours), iifname(ours)} {
			conn.InsertRule(&nftables.Rule{
				Table: c.Table, Chain: c, UserData: mark(owner),
				Exprs: rule(direction, match{&expr.Counter{}}, accept()),
			})
		}
		changed = append(changed, familyName(c.Table.Family)+" "+c.Table.Name+" "+c.Name)
	})
	return changed, err
}

// leaveOthers takes our rules out of the chains of others.
func (h *host) leaveOthers(owner string) error {
	return h.eachDroppingChain(owner, func(conn *nftables.Conn, c *nftables.Chain, marked []uint64) {
		for _, handle := range marked {
			_ = conn.DelRule(&nftables.Rule{Table: c.Table, Chain: c, Handle: handle}) // fails for the handle 0 only
		}
	})
}

// eachDroppingChain calls f with every chain of others on the forward hook that has
// the policy drop or holds rules of ours, and commits what f asked for.
func (h *host) eachDroppingChain(owner string, f func(conn *nftables.Conn, c *nftables.Chain, marked []uint64)) error {
	conn, err := h.nft()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	var chains []*nftables.Chain
	err = uninterrupted(func() (err error) {
		chains, err = conn.ListChains()
		return err
	})
	if err != nil {
		return fmt.Errorf("list the nftables chains: %w", err)
	}
	var errs []error
	for _, c := range chains {
		if !onForwardHook(c) {
			continue
		}
		marked, err := h.markedRules(c, owner)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if len(marked) == 0 && (c.Policy == nil || *c.Policy != nftables.ChainPolicyDrop) {
			continue
		}
		f(conn, c, marked)
		if err := conn.Flush(); err != nil {
			errs = append(errs, fmt.Errorf("change the nftables chain %s %s: %w", c.Table.Name, c.Name, err))
		}
	}
	return errors.Join(errs...)
}

func onForwardHook(c *nftables.Chain) bool {
	switch c.Table.Family {
	case nftables.TableFamilyINet, nftables.TableFamilyIPv4, nftables.TableFamilyIPv6:
		return c.Hooknum != nil && *c.Hooknum == *nftables.ChainHookForward
	}
	return false
}

// markedRules are the handles of the chain's rules with our mark. A chain that has
// gone meanwhile has none. Rules of others may hold anything, so they are not decoded.
func (h *host) markedRules(c *nftables.Chain, owner string) ([]uint64, error) {
	request := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETRULE, unix.NLM_F_DUMP)
	request.AddData(&nl.Nfgenmsg{NfgenFamily: uint8(c.Table.Family)})
	request.AddData(nl.NewRtAttr(unix.NFTA_RULE_TABLE, nl.ZeroTerminated(c.Table.Name)))
	request.AddData(nl.NewRtAttr(unix.NFTA_RULE_CHAIN, nl.ZeroTerminated(c.Name)))
	var rules [][]byte
	err := uninterrupted(func() error {
		return inNamespace(h.netns, func() (err error) {
			rules, err = request.Execute(unix.NETLINK_NETFILTER, 0)
			return err
		})
	})
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the nftables chain %s %s: %w", c.Table.Name, c.Name, err)
	}
	var marked []uint64
	for _, r := range rules {
		attributes, err := nl.ParseRouteAttrAsMap(r[nl.SizeofNfgenmsg:])
		if err != nil {
			return nil, fmt.Errorf("list the nftables chain %s %s: %w", c.Table.Name, c.Name, err)
		}
		comment, _ := userdata.GetString(attributes[unix.NFTA_RULE_USERDATA].Value, userdata.TypeComment)
		if handle := attributes[unix.NFTA_RULE_HANDLE].Value; comment == owner && len(handle) == 8 {
			marked = append(marked, binary.BigEndian.Uint64(handle))
		}
	}
	return marked, nil
}

// dumpAttempts bounds how often a list is asked for again.
const dumpAttempts = 20

// uninterrupted asks for a list again when it changed while the kernel was making it
// (NLM_F_DUMP_INTR): other programs change their rules whenever they like.
func uninterrupted(list func() error) error {
	for attempt := 1; ; attempt++ {
		err := list()
		interrupted := errors.Is(err, netlink.ErrDumpInterrupted) || errors.Is(err, unix.EINTR)
		if !interrupted || attempt == dumpAttempts {
			return err
		}
	}
}

// mark is a rule's comment, as nft(8) shows it.
func mark(owner string) []byte {
	return userdata.AppendString(nil, userdata.TypeComment, owner)
}

func familyName(f nftables.TableFamily) string {
	switch f {
	case nftables.TableFamilyIPv4:
		return "ip"
	case nftables.TableFamilyIPv6:
		return "ip6"
	default:
		return "inet"
	}
}
