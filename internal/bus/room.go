package bus

import (
	"syscall"
	"time"

	"github.com/slipway-run/slipway"
)

// keepFree is what the platform's streams leave free of the disk of the embedded server. A
// stream of JetStream that once could not write takes nothing more until the server is
// started again; one that was not written to goes on when there is room.
const keepFree = 64 << 20 // bytes

// room says whether there is room for a message. The disk of a NATS server that is not
// within this process is not known.
func (b *Bus) room() error { return b.roomOf(1) }

// roomToRemove is room for removing messages, which writes a part of what remains anew: at
// most a file of 8 MiB. It takes less, because it makes room.
func (b *Bus) roomToRemove() error { return b.roomOf(4) }

// roomOf wants a part of what is kept free.
func (b *Bus) roomOf(part uint64) error {
	s := b.cfg.Server
	if s == nil {
		return nil
	}
	var disk syscall.Statfs_t
	if syscall.Statfs(s.nats.StoreDir(), &disk) != nil || disk.Bavail*uint64(disk.Bsize) >= s.keepFree/part {
		return nil // the write itself says what is wrong
	}
	return &slipway.Error{Kind: slipway.ErrUnavailable, RetryAfter: time.Second, Message: "the gateway's disk is full; free some room and try again"}
}
