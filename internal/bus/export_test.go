package bus

import "context"

// Trim removes from the stream of events what was taken, as is done each second.
func Trim(ctx context.Context, in *Intake) error { return in.trim(ctx) }
