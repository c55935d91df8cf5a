package bus

import (
	"strconv"

	"github.com/slipway-run/slipway"
)

// bunch is how many neighbours of an array share messages of log lines. A child that
// prints a line does not cost a message of its own then, nor a subject; whoever reads
// what it printed reads past its neighbours.
const bunch = 64

// topic is what one message of lines is about: a function, or a bunch of the children of
// a job.
type topic struct {
	tenant string
	name   string // of the function, or the id of the job
	bunch  int    // of a job, from 1; 0 is a function
}

func functionTopic(ref slipway.FunctionRef) topic {
	return topic{tenant: ref.Tenant, name: ref.Function}
}

func jobTopic(tenant, job string, index int) topic {
	return topic{tenant: tenant, name: job, bunch: 1 + index/bunch}
}

func (t topic) subject() string {
	if t.bunch == 0 {
		return logsSubject + t.tenant + "." + t.name
	}
	return jobLogsSubject + t.tenant + "." + t.name + "." + strconv.Itoa(t.bunch)
}

// kind is the key of the name in the server's own log.
func (t topic) kind() string {
	if t.bunch == 0 {
		return "function"
	}
	return "job"
}
