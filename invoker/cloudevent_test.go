package invoker_test

import (
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
)

// A CloudEvent reaches a process that gets no header in the structured form, and one that
// listens in the binary form.
func TestCloudEventForms(t *testing.T) {
	m := boot(t)
	for _, c := range []struct{ protocol, want string }{
		{"lambda", `{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"application/json","data":{"a":1}}`},
		{"stdio", `{"SPECVERSION":"1.0","ID":"1","SOURCE":"/S","TYPE":"T","DATACONTENTTYPE":"APPLICATION/JSON","DATA":{"A":1}}`},
	} {
		r := invocation(m.deploy(c.protocol, slipway.Protocol(c.protocol)), `{"a":1}`)
		r.Header = slipway.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {"1"}, "Ce-Source": {"/s"}, "Ce-Type": {"t"}, "Content-Type": {"application/json"}}
		if got := strings.TrimSpace(read(t, m.send(r))); got != c.want {
			t.Errorf("%s got %s", c.protocol, got)
		}
		delete(r.Header, "Ce-Id")
		_, err := m.Invoke(t.Context(), r)
		wantKind(t, err, slipway.ErrInvalid, "id")
	}
}
