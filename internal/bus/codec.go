package bus

import (
	"encoding/binary"

	"github.com/slipway-run/slipway"
)

// Heads are written field after field: integers as varints (encoding/binary), text as
// its length and its bytes. There are no tags: both ends are of one release train, and
// the first byte of a head is its version.
const codecVersion = 1

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendHeader(b []byte, h slipway.Header) []byte {
	b = binary.AppendUvarint(b, uint64(len(h)))
	for name, values := range h {
		b = appendString(b, name)
		b = binary.AppendUvarint(b, uint64(len(values)))
		for _, v := range values {
			b = appendString(b, v)
		}
	}
	return b
}

// decoder reads what was appended. All text it gives shares the one string s. After a
// mistake it gives zero values, and failed is true.
type decoder struct {
	s      string
	failed bool
}

func (d *decoder) fail() {
	d.s, d.failed = "", true
}

func (d *decoder) byte() byte {
	if d.s == "" {
		d.fail()
		return 0
	}
	c := d.s[0]
	d.s = d.s[1:]
	return c
}

// uvarint is binary.Uvarint on a string.
func (d *decoder) uvarint() uint64 {
	var v uint64
	for i := 0; i < len(d.s) && i < binary.MaxVarintLen64; i++ {
		c := d.s[i]
		if i == binary.MaxVarintLen64-1 && c > 1 {
			break // over 64 bits
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			d.s = d.s[i+1:]
			return v
		}
	}
	d.fail()
	return 0
}

func (d *decoder) varint() int64 {
	v := d.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (d *decoder) string() string {
	n := d.uvarint()
	if n > uint64(len(d.s)) {
		d.fail()
		return ""
	}
	s := d.s[:n]
	d.s = d.s[n:]
	return s
}

// count reads how many things follow, each of at least one byte: never more than the
// bytes that are left.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > uint64(len(d.s)) {
		d.fail()
		return 0
	}
	return int(n)
}

// preallocated bounds what is allocated on the word of the other end.
const preallocated = 64

func (d *decoder) header() slipway.Header {
	n := d.count()
	h := make(slipway.Header, min(n, preallocated))
	all := make([]string, 0, min(n+2, preallocated)) // most names have one value; they share one array
	for ; n > 0; n-- {
		name, first := d.string(), len(all)
		for v := d.count(); v > 0; v-- {
			all = append(all, d.string())
		}
		if d.failed {
			return nil
		}
		h[name] = all[first:len(all):len(all)]
	}
	return h
}

func errMalformed(what string) error {
	return slipway.Errorf(slipway.ErrInternal, "the bus got a malformed %s; are all processes of the same release?", what)
}

// appendHead writes a head with its length in front, so that its text can be copied in
// one piece and the body behind it not at all.
func appendHead(b []byte, head func([]byte) []byte) []byte {
	at := len(b)
	b = head(append(b, 0, 0, 0, 0))
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

// splitHead is the reverse.
func splitHead(payload []byte) (d decoder, body []byte, ok bool) {
	if len(payload) < 4 {
		return d, nil, false
	}
	n, rest := binary.BigEndian.Uint32(payload), payload[4:]
	if uint64(n) > uint64(len(rest)) {
		return d, nil, false
	}
	d.s = string(rest[:n])
	return d, rest[n:], d.byte() == codecVersion
}
