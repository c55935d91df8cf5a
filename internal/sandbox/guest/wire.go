package guest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"syscall"
)

// Messages are JSON behind their length in four bytes. The files that belong to a
// message travel with the first of these bytes (SCM_RIGHTS, unix(7)).

// MaxFiles is how many files fit one message; the kernel's bound is 253.
const MaxFiles = 250

// maxMessage bounds what a peer can make us keep. Arguments and environment of one
// execve(2) are at most a few megabytes.
const maxMessage = 16 << 20

// Encode makes the bytes of a message.
func Encode(message any) ([]byte, error) {
	body, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	if len(body) > maxMessage {
		return nil, fmt.Errorf("a message of %d bytes, at most %d are allowed", len(body), maxMessage)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...), nil
}

// Decode reads one message that came without files.
func Decode(r io.Reader, message any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	return decodeBody(r, head, message)
}

func decodeBody(r io.Reader, head [4]byte, message any) error {
	size := binary.BigEndian.Uint32(head[:])
	if size > maxMessage {
		return fmt.Errorf("a message of %d bytes, at most %d are allowed", size, maxMessage)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return io.ErrUnexpectedEOF
	}
	return json.Unmarshal(body, message)
}

// receive reads one message and its files, which it owns from then on.
func receive(socket int, message any) (files []int, err error) {
	var head [4]byte
	oob := make([]byte, syscall.CmsgSpace(4*MaxFiles))
	n, oobn, flags, _, err := recvmsg(socket, head[:], oob)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, io.EOF
	}
	if flags&syscall.MSG_CTRUNC != 0 {
		return nil, fmt.Errorf("more than %d files in a message, or no room for them in the table of open files", MaxFiles)
	}
	controls, err := syscall.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return nil, err
	}
	for i := range controls {
		fds, err := syscall.ParseUnixRights(&controls[i])
		if err != nil {
			return nil, err
		}
		files = append(files, fds...)
	}
	r := fd(socket)
	if _, err := io.ReadFull(r, head[n:]); err != nil {
		return nil, err
	}
	return files, decodeBody(r, head, message)
}

func recvmsg(socket int, p, oob []byte) (n, oobn, flags int, from syscall.Sockaddr, err error) {
	for {
		n, oobn, flags, from, err = syscall.Recvmsg(socket, p, oob, syscall.MSG_CMSG_CLOEXEC)
		if err != syscall.EINTR {
			return n, oobn, flags, from, err
		}
	}
}

// fd reads and writes a file descriptor in the calling thread, without the runtime's
// poller.
type fd int

func (f fd) Read(p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(f), p)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (f fd) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := syscall.Write(int(f), p[done:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return done, os.NewSyscallError("write", err)
		}
		done += n
	}
	return done, nil
}
