package packager

import (
	"bufio"
	"bytes"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds the memory that one zstd stream may ask for (RFC 8878, 3.1.1.1.2);
// 128 MiB is what zstd's own tool uses at its highest level.
const maxWindow = 128 << 20

// format is how bytes are packed, as their first few say.
type format int

const (
	formatPlain format = iota
	formatGzip
	formatZstd
	formatZip
)

// sniff says what starts with head.
func sniff(head []byte) format {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return formatGzip
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}), isSkippableFrame(head):
		return formatZstd
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return formatZip
	default:
		return formatPlain
	}
}

// isSkippableFrame recognises the other way a zstd stream may begin (RFC 8878, 3.1.2).
func isSkippableFrame(head []byte) bool {
	return len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], []byte{0x2a, 0x4d, 0x18})
}

// decompress undoes gzip or zstd, whichever r holds; other bytes pass unchanged. The
// content decides: media types of layers are wrong now and then.
func decompress(r io.Reader) (io.ReadCloser, error) {
	br := bufio.NewReaderSize(r, 256<<10)
	head, err := br.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch sniff(head) {
	case formatGzip:
		return gzip.NewReader(br)
	case formatZstd:
		dec, err := zstd.NewReader(br, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return dec.IOReadCloser(), nil
	default:
		return io.NopCloser(br), nil
	}
}
