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
func (b *Bus) room() error {
	if b.cfg.Server == nil {
		return nil
	}
	return b.cfg.Server.room()
}

func (s *Server) room() error {
	var disk syscall.Statfs_t
	if syscall.Statfs(s.nats.StoreDir(), &disk) != nil || disk.Bavail*uint64(disk.Bsize) >= s.keepFree {
		return nil // the write itself says what is wrong
	}
	return &slipway.Error{Kind: slipway.ErrUnavailable, RetryAfter: time.Second, Message: "the gateway's disk is full; free some room and try again"}
}
