package bus

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"

	"github.com/nats-io/nats-server/v2/server"
)

// outsideAccount is where the embedded server has everybody who is not the platform. An
// account of NATS is a space of subjects and streams of its own: those in it see nothing
// of the platform's, whatever they subscribe to and whichever stream they make.
const outsideAccount = "OUTSIDE"

// What the streams of those outside may hold together: they shall not take the disk from
// the platform's.
const (
	maxGuestStore  = 10 << 30  // bytes on disk
	maxGuestMemory = 256 << 20 // bytes
)

// doors says which connections of the embedded server belong to the platform, and which
// to those outside.
type doors struct {
	own     string // token of the platform's connections
	others  string // token of this process's connections to the outside
	guests  bool   // whoever else comes is outside, and needs the token, if there is one
	token   string
	outside *server.Account
}

func newDoors(cfg ServerConfig) *doors {
	d := &doors{own: cfg.Token, others: rand.Text(), guests: cfg.Guests, token: cfg.Token}
	if d.guests || d.own == "" {
		d.own = rand.Text()
	}
	return d
}

// Check implements server.Authentication.
func (d *doors) Check(c server.ClientAuthentication) bool {
	token := c.GetOpts().Token
	switch {
	case same(token, d.own):
		return true
	case same(token, d.others):
	case !d.guests:
		return d.token == "" // it listens on a loopback address only
	case d.token != "" && !same(token, d.token):
		return false
	}
	c.RegisterUser(&server.User{Username: "outside", Account: d.outside})
	return true
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// open lets the platform and those outside keep streams. The server does it by itself only
// where there is but one account.
func (d *doors) open(platform *server.Account) error {
	bounds := map[string]server.JetStreamAccountLimits{"": {
		MaxStore: maxGuestStore, MaxMemory: maxGuestMemory, MaxStreams: -1, MaxConsumers: -1,
		MaxAckPending: -1, MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1,
	}}
	for account, limits := range map[*server.Account]map[string]server.JetStreamAccountLimits{platform: nil, d.outside: bounds} {
		if err := account.EnableJetStream(limits, nil); err != nil {
			return fmt.Errorf("start JetStream for the account %s: %w", account.Name, err)
		}
	}
	return nil
}
