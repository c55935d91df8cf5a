package bus

import "io"

const (
	copyWaiting = 2 << 10  // bytes of the buffer while nothing comes
	copyFlowing = 32 << 10 // and while much does
)

// Copy writes to dst what comes from src, as it comes, until its end or an error of
// either; nil is the end. It is for streams that are silent most of the time, of which
// there can be very many: meanwhile it holds next to no memory.
func Copy(dst io.Writer, src io.Reader) error {
	if body, ok := src.(*streamBody); ok {
		_, err := body.WriteTo(dst)
		return err
	}
	small := make([]byte, copyWaiting)
	for {
		n, err := copyOnce(dst, src, small)
		if n == len(small) && err == nil {
			err = copyMuch(dst, src)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// copyMuch goes on as long as much comes at a time.
func copyMuch(dst io.Writer, src io.Reader) error {
	large := make([]byte, copyFlowing)
	for {
		if n, err := copyOnce(dst, src, large); err != nil || n < copyWaiting {
			return err
		}
	}
}

func copyOnce(dst io.Writer, src io.Reader, buf []byte) (int, error) {
	n, err := src.Read(buf)
	if n > 0 {
		if _, err := dst.Write(buf[:n]); err != nil {
			return n, err
		}
	}
	return n, err
}
