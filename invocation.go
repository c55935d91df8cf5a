package slipway

import (
	"io"
	"time"
)

// Mode says what an event is and what its answer looks like.
type Mode string

// The modes. An HTTP event is a request from outside whose answer is the function's
// HTTP answer. An invoke is the API's call: the body is the event, and the answer the
// function's result.
const (
	ModeHTTP   Mode = "http"
	ModeInvoke Mode = "invoke"
)

// Header is HTTP header fields in canonical form; it converts to and from http.Header.
type Header = map[string][]string

// Request is one event on its way to an instance. It has the shape of an HTTP request
// because most events are; everything else that crosses the bus uses it too.
type Request struct {
	ID       string // of the invocation
	Version  VersionRef
	Mode     Mode
	Limit    int       // instances of the version that this invoker may run; 0 is the version's own maximum
	Deadline time.Time // when the caller stops waiting; zero is never
	Received time.Time // when the gateway had read the head

	Method     string // GET
	Target     string // path and query as sent, with the /fn/<function> prefix taken off: /x?y=1
	Host       string
	Proto      string // HTTP/1.1, HTTP/2.0
	RemoteAddr string // of the client, host:port
	Secure     bool   // the client spoke TLS
	Header     Header
	Length     int64         // of Body in bytes; -1 when not known
	Body       io.ReadCloser // nil when there is none
	Trailer    func() Header // after Body is read to its end; nil when none is announced
}

// Response is the outcome of a Request that reached its end. With a FunctionError it
// has no Body.
type Response struct {
	Status  int
	Header  Header
	Length  int64         // of Body in bytes; -1 when not known
	Body    io.ReadCloser // nil when there is none; the reader must close it
	Trailer func() Header // after Body is read to its end; nil when there is none

	FunctionError *FunctionError // what the user's code did wrong; nil when it did not
	Instance      string         // the instance that ran it; "" when none did
	ColdStart     bool           // an instance was started for it
	Phases        Phases
	Used          Used
	LogTail       string // the last 4 KiB printed for the event, with a FunctionError or when X-Slipway-Log-Type asks for it
}

// Phases is where the time of an invocation went, until its response head.
type Phases struct {
	Route time.Duration // choosing an invoker
	Queue time.Duration // waiting for an instance that was busy, or for room
	Start time.Duration // starting one; 0 when warm
	Run   time.Duration // the function's own time to its response head
}

// Used is what an invocation used, until its end; one whose answer is streamed, until its
// response head. Zero is what is not known.
type Used struct {
	// CPU is user and system time of all processes of the instance while they had the
	// event; not known when the instance may have had others meanwhile
	// (scaling.concurrency above 1).
	CPU time.Duration
	// MemoryPeak is the bytes that the instance held at most at one moment meanwhile;
	// since its start when it may have had other events, or the kernel cannot tell
	// (control groups v2 before Linux 6.12).
	MemoryPeak int64
}

// FunctionError is what the user's code did wrong. Type and message follow AWS
// Lambda's, which clients know: Sandbox.Timedout, Runtime.ExitError,
// Runtime.OutOfMemory, Function.ResponseSizeTooLarge, or what the handler said.
type FunctionError struct {
	Type       string `json:"errorType"`
	Message    string `json:"errorMessage"`
	StackTrace []byte `json:"-"` // JSON as the function sent it; nil when it sent none
	Payload    []byte `json:"-"` // the whole error document as the function sent it, shown verbatim; nil when the platform made the error
	Handled    bool   `json:"-"` // the function reported it itself
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// The types of function error that the platform makes.
const (
	ErrorTypeTimeout     = "Sandbox.Timedout"
	ErrorTypeExit        = "Runtime.ExitError"
	ErrorTypeOutOfMemory = "Runtime.OutOfMemory"
	ErrorTypeTooLarge    = "Function.ResponseSizeTooLarge"
	ErrorTypeBadResponse = "Runtime.InvalidResponse"
)
