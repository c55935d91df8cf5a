package monitor

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Request is a command to run. The first one makes the process that the monitor waits
// for: it has a PIDFile, and three files come with it, its standard streams. The streams
// of the others are /dev/null.
type Request struct {
	Args    []string `json:"args"`
	PIDFile string   `json:"pid_file,omitempty"` // where the command writes the process's number
}

// Reply is how something went.
type Reply struct {
	Err    string             `json:"err,omitempty"`    // what the monitor itself could not do
	Status syscall.WaitStatus `json:"status,omitempty"` // of the command; of the process when Ended
	PID    int                `json:"pid,omitempty"`    // of the process; its pidfd comes with it
	Ended  bool               `json:"ended,omitempty"`  // the process has ended: the last message
}

// Conn carries messages, one in each packet.
type Conn struct {
	*net.UnixConn
}

const (
	maxMessage = 16 << 10 // commands are short: what a container is stands in a file
	maxFiles   = 3
)

// NewConn takes an end of a SOCK_SEQPACKET socket pair.
func NewConn(end *os.File) (*Conn, error) {
	defer end.Close()
	conn, err := net.FileConn(end)
	if err != nil {
		return nil, err
	}
	return &Conn{conn.(*net.UnixConn)}, nil
}

// Send sends a message and lends the other end files.
func (c *Conn) Send(message any, files ...*os.File) error {
	b, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(b) > maxMessage {
		return fmt.Errorf("a message of %d bytes: %d can be sent", len(b), maxMessage)
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	_, _, err = c.WriteMsgUnix(b, rights, nil)
	return err
}

// Receive waits for a message, and gives the files that came with it. It is io.EOF when
// the other end was closed.
func (c *Conn) Receive(message any) ([]*os.File, error) {
	b, oob := make([]byte, maxMessage), make([]byte, unix.CmsgSpace(4*maxFiles))
	n, oobn, _, _, err := c.ReadMsgUnix(b, oob)
	if err != nil {
		return nil, err
	}
	files, err := filesIn(oob[:oobn])
	if err != nil {
		return nil, err
	}
	return files, json.Unmarshal(b[:n], message)
}

func filesIn(oob []byte) (files []*os.File, err error) {
	if len(oob) == 0 {
		return nil, nil
	}
	controls, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	for _, c := range controls {
		fds, err := unix.ParseUnixRights(&c)
		if err != nil {
			return nil, err
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files, nil
}
