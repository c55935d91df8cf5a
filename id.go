package slipway

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"regexp"
	"time"
)

// NewID makes an identifier for an invocation, a build, an instance or a request:
// a UUID version 7 (RFC 9562), so that identifiers sort by the time they were made.
func NewID() string {
	var u [16]byte
	rand.Read(u[:]) // never fails: see crypto/rand
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(time.Now().UnixMilli()))
	copy(u[:6], ms[2:])
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80

	return formatUUID(u)
}

var nameRE = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// CheckName says whether name can name a tenant, a function or an alias: 1 to 63
// letters a-z, digits and hyphens, no hyphen at either end (a DNS label, RFC 1123,
// because it becomes part of a host name), and no two hyphens in a row, which
// separate alias from function in a host name. what names the thing in the message.
func CheckName(what, name string) error {
	if name == "" {
		return Errorf(ErrInvalid, "%s: a name is needed: 1 to 63 lower-case letters, digits and hyphens", what)
	}
	if !nameRE.MatchString(name) {
		return Errorf(ErrInvalid, "%s %q: a name is 1 to 63 lower-case letters, digits and hyphens, and starts and ends with a letter or digit", what, name)
	}
	for i := 1; i < len(name); i++ {
		if name[i] == '-' && name[i-1] == '-' {
			return Errorf(ErrInvalid, "%s %q: a name cannot hold two hyphens in a row", what, name)
		}
	}
	return nil
}

// EventID makes the identifier of what happens once, however often it is noticed: the
// same for the same parts, and for no others. Who accepts an event with an id that is
// known has accepted it before. It is a UUID version 8 (RFC 9562) of a SHA-256.
func EventID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	u := [16]byte(h.Sum(nil))
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return formatUUID(u)
}

func formatUUID(u [16]byte) string {
	var s [36]byte
	hex.Encode(s[0:8], u[0:4])
	hex.Encode(s[9:13], u[4:6])
	hex.Encode(s[14:18], u[6:8])
	hex.Encode(s[19:23], u[8:10])
	hex.Encode(s[24:36], u[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
