package guest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Socket is the shell's end of the connection to the host.
const Socket = 3

// MaxFiles is how many files fit one program; the kernel's bound is 253.
const MaxFiles = 250

// Program is system calls for a shell, to be executed in order, with the files that
// travel with them (SCM_RIGHTS, unix(7)).
//
// The numbers of a shell's files are known beforehand, because the kernel gives the
// lowest that is free and the shell has one thread: a program says which number a call
// must return, and is broken off when it returns another.
type Program struct {
	calls       []call
	steps       []step
	data        []byte
	relocations []relocation
	taken       []bool // the shell's table of open files
	firstFile   int
	files       int
}

// step is what a person calls a call.
type step struct {
	name string
	user bool // the image or its configuration decides whether it works
}

// relocation is a word that holds an offset in data, and must hold an address.
type relocation struct {
	call, arg int // the word is this argument, or else, when call is negative,
	offset    int // in data
}

// The parts of an encoded program: header, calls, relocations, data. Words are in the
// machine's own order; addresses are counted from the first call.
type header struct {
	size, calls, relocations, files, firstFile uint64 // size is without the header
}

type call struct {
	number    uint64
	args      [6]uint64
	want      int64     // what it must return; -1 is anything but an error
	tolerated [3]uint64 // errors after which the program goes on,
	skip      uint64    // without so many of the calls that follow
}

// Reply is how a program went: Errno is 0, or that of call number At.
type Reply struct{ At, Errno uint32 }

// ReplySize is that of an encoded Reply.
const ReplySize = int(unsafe.Sizeof(Reply{}))

// DecodeReply reads what a shell wrote.
func DecodeReply(b [ReplySize]byte) Reply {
	return Reply{At: binary.NativeEndian.Uint32(b[:4]), Errno: binary.NativeEndian.Uint32(b[4:])}
}

// newProgram begins a program for a shell that has the files open, and Socket and the
// ones below.
func newProgram(files int, open ...int) *Program {
	p := &Program{taken: make([]bool, Socket+1), files: files}
	for i := range p.taken {
		p.taken[i] = true
	}
	for _, fd := range open {
		p.take(fd)
	}
	p.firstFile = p.free()
	for i := range files {
		p.take(p.firstFile + i)
	}
	return p
}

func (p *Program) take(fd int) {
	for len(p.taken) <= fd {
		p.taken = append(p.taken, false)
	}
	p.taken[fd] = true
}

func (p *Program) free() int {
	if i := slices.Index(p.taken, false); i >= 0 {
		return i
	}
	return len(p.taken)
}

// call adds a system call. What is no number is placed in data, and its address passed.
func (p *Program) call(name string, number uintptr, args ...any) *call {
	c := call{number: uint64(number), want: -1}
	for i, a := range args {
		value, isAddress := p.word(a)
		c.args[i] = value
		if isAddress {
			p.relocations = append(p.relocations, relocation{call: len(p.calls), arg: i})
		}
	}
	p.calls = append(p.calls, c)
	p.steps = append(p.steps, step{name: name})
	return &p.calls[len(p.calls)-1]
}

// userCall is call for what the image or its configuration decides.
func (p *Program) userCall(name string, number uintptr, args ...any) *call {
	c := p.call(name, number, args...)
	p.steps[len(p.steps)-1].user = true
	return c
}

// open is call for one that returns a new file.
func (p *Program) open(name string, number uintptr, args ...any) (fd int, c *call) {
	fd = p.free()
	c = p.call(name, number, args...)
	c.want = int64(fd)
	p.take(fd)
	return fd, c
}

func (p *Program) close(fd int) {
	p.call("close", unix.SYS_CLOSE, fd)
	p.taken[fd] = false
}

// move gives a file another number.
func (p *Program) move(fd, to int) {
	p.call("move file", unix.SYS_DUP3, fd, to, unix.O_CLOEXEC)
	p.take(to)
	p.close(fd)
}

// tolerate lets the program go on after these errors, without the next skip calls.
func (c *call) tolerate(skip int, errnos ...syscall.Errno) {
	c.skip = uint64(skip)
	for i, e := range errnos {
		c.tolerated[i] = uint64(e)
	}
}

// address is an offset in data, where something was placed.
type address int

// word is a value as the kernel takes it. isAddress says that it is an offset yet.
func (p *Program) word(value any) (word uint64, isAddress bool) {
	switch v := value.(type) {
	case int:
		return uint64(v), false
	case uintptr:
		return uint64(v), false
	case address:
		return uint64(v), true
	default:
		return uint64(p.place(v)), true
	}
}

// place puts a value into data: the bytes of a string and a zero, bytes, or words.
func (p *Program) place(value any) address {
	var words []byte
	var pointers []int // the offsets in words of addresses
	if list, ok := value.([]any); ok {
		for i, v := range list {
			word, isAddress := p.word(v)
			words = binary.NativeEndian.AppendUint64(words, word)
			if isAddress {
				pointers = append(pointers, 8*i)
			}
		}
	}
	p.data = append(p.data, make([]byte, -len(p.data)&7)...) // words are aligned
	at := len(p.data)
	switch v := value.(type) {
	case string:
		p.data = append(append(p.data, v...), 0)
	case []byte:
		p.data = append(p.data, v...)
	case []any:
		p.data = append(p.data, words...)
	default:
		panic(fmt.Sprintf("a system call cannot be given a %T", value))
	}
	for _, offset := range pointers {
		p.relocations = append(p.relocations, relocation{call: -1, offset: at + offset})
	}
	return address(at)
}

// placeStrings places an array of strings that ends with zero, as execve(2) wants it.
func (p *Program) placeStrings(list []string) address {
	words := make([]any, 0, len(list)+1)
	for _, s := range list {
		words = append(words, s)
	}
	return p.place(append(words, 0))
}

// Encode makes the bytes that a shell understands.
func (p *Program) Encode() []byte {
	before := len(p.calls)*int(unsafe.Sizeof(call{})) + 8*len(p.relocations)
	calls, data := slices.Clone(p.calls), slices.Clone(p.data)
	var relocations []byte
	for _, r := range p.relocations {
		word := before + r.offset
		if r.call >= 0 {
			word = r.call*int(unsafe.Sizeof(call{})) + int(unsafe.Offsetof(call{}.args)) + 8*r.arg
			calls[r.call].args[r.arg] += uint64(before)
		} else {
			old := binary.NativeEndian.Uint64(data[r.offset:])
			binary.NativeEndian.PutUint64(data[r.offset:], old+uint64(before))
		}
		relocations = binary.NativeEndian.AppendUint64(relocations, uint64(word))
	}
	h := header{
		size: uint64(before + len(data)), calls: uint64(len(calls)), relocations: uint64(len(p.relocations)),
		files: uint64(p.files), firstFile: uint64(p.firstFile),
	}
	return bytes.Join([][]byte{bytesOf(&h, 1), bytesOf(unsafe.SliceData(calls), len(calls)), relocations, data}, nil)
}

// bytesOf are the bytes of n values without pointers.
func bytesOf[T any](first *T, n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(first)), n*int(unsafe.Sizeof(*first)))
}

// Failure is what a reply means; nil when all went well.
func (p *Program) Failure(r Reply) *Failure {
	if r.Errno == 0 {
		return nil
	}
	s := step{name: fmt.Sprintf("call %d", r.At)}
	if int(r.At) < len(p.steps) {
		s = p.steps[r.At]
	}
	return &Failure{Step: s.name, Errno: syscall.Errno(r.Errno), User: s.user}
}

// Failure is the step that went wrong.
type Failure struct {
	Step  string // "mount /proc"
	Errno syscall.Errno
	User  bool // the image or its configuration is wrong, not the platform
}

func (f *Failure) Error() string { return f.Step + ": " + f.Errno.Error() }
func (f *Failure) Unwrap() error { return f.Errno }
