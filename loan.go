package slipway

// Loan is memory of the machine that a job has while functions do not need it.
type Loan interface {
	// Recalled is closed when functions want the memory: the job is to be ended and put
	// back. It never is for a loan that cannot be recalled.
	Recalled() <-chan struct{}
	// Return gives the memory back, when the job's sandbox is closed. Further calls do
	// nothing.
	Return()
}

// Borrowing is what a job asks the pool for.
type Borrowing struct {
	MemoryMB   int
	Priority   int  // of its queue: among loans that can be recalled the lowest goes first
	Recallable bool // see PreemptRequeue
}
