package gateway

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/slipway-run/slipway"
)

// AWS Lambda's Invoke, for clients that were written for it:
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html

// awsPath is where AWS's API begins; the date is its version.
const awsPath = "/2015-03-31/"

func isAWS(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, awsPath) }

// withAWSKey takes the key of a call of AWS's API from where its clients can put one: the
// session token, which they send as it is. What they sign is not looked at, because a
// signature could be checked only by who keeps the secret itself.
func withAWSKey(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if isAWS(r) {
			token := r.Header.Get("X-Amz-Security-Token")
			if token != "" && strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			for _, name := range []string{"X-Amz-Security-Token", "X-Amz-Date", "X-Amz-Content-Sha256"} {
				r.Header.Del(name)
			}
		}
		return next(c)
	}
}

// postAWSInvocation is Invoke.
func (g *Gateway) postAWSInvocation(c *call) error {
	received, r := time.Now(), c.Request()
	written := c.Param("name")
	if plain, err := url.PathUnescape(written); err == nil {
		written = plain
	}
	name, qualifier := awsName(written)
	if q := c.QueryParam("Qualifier"); q != "" {
		qualifier = q
	}
	if qualifier == "$LATEST" {
		qualifier = ""
	}
	ref := slipway.FunctionRef{Tenant: c.tenant, Function: name}
	if err := slipway.CheckName("function", name); err != nil {
		return err
	}
	kind := r.Header.Get("X-Amz-Invocation-Type")
	if kind == "Event" {
		if _, err := g.acceptEvent(c, ref, qualifier); err != nil {
			return err
		}
		return c.NoContent(http.StatusAccepted)
	}
	if r.ContentLength > g.cfg.MaxEventBytes {
		return errTooLarge(g.cfg.MaxEventBytes)
	}
	spec, err := g.qualified(r.Context(), ref, qualifier)
	if err != nil {
		return err
	}
	switch kind {
	case "", "RequestResponse":
		r.Header.Set(logTypeHeader, r.Header.Get("X-Amz-Log-Type"))
		return g.invokeSync(c, spec, received, g.answerAWS)
	case "DryRun":
		return c.NoContent(http.StatusNoContent)
	}
	return slipway.Errorf(slipway.ErrInvalid, "X-Amz-Invocation-Type: %q is not allowed; it must be RequestResponse, Event or DryRun", kind)
}

// awsName splits what AWS takes for the name of a function: a name, the end of an ARN, or
// a whole one, each with or without a qualifier.
func awsName(s string) (name, qualifier string) {
	if strings.HasPrefix(s, "arn:") {
		s = strings.Join(strings.Split(s, ":")[min(5, strings.Count(s, ":")):], ":") // function:name:qualifier
	} else if _, rest, ok := strings.Cut(s, ":function:"); ok {
		s = rest
	}
	s = strings.TrimPrefix(s, "function:")
	name, qualifier, _ = strings.Cut(s, ":")
	return name, qualifier
}

// answerAWS writes the outcome as Invoke does: 200 whatever the function said.
func (g *Gateway) answerAWS(c *call, spec *slipway.Spec, f flight) {
	r, w, resp := c.Request(), c.Response().Writer, f.resp
	h := w.Header()
	h.Set("X-Amz-Executed-Version", strconv.Itoa(spec.Version))
	if strings.EqualFold(r.Header.Get(logTypeHeader), "Tail") {
		h.Set("X-Amz-Log-Result", encodeTail(awsLog(c.id, spec, f)))
	}
	contentType := resp.Header["Content-Type"]
	if resp.FunctionError != nil {
		h.Set("X-Amz-Function-Error", "Unhandled") // so AWS calls every one
		writeInvokeError(w, resp, c.id)
		return
	}
	resp.Header = slipway.Header{"Content-Type": contentType}
	resp.Status = http.StatusOK
	writeResponse(w, r, resp, c.id)
}

// logTail is how much of a log an answer has, in bytes.
const logTail = 4096

// encodeTail is the end of a log as header fields have it.
func encodeTail(log string) string {
	return base64.StdEncoding.EncodeToString([]byte(log[max(0, len(log)-logTail):]))
}

// awsLog is what CloudWatch would have of the invocation.
func awsLog(id string, spec *slipway.Spec, f flight) string {
	var b strings.Builder
	fmt.Fprintf(&b, "START RequestId: %s Version: %d\n%s", id, spec.Version, f.resp.LogTail)
	if f.resp.LogTail != "" && !strings.HasSuffix(f.resp.LogTail, "\n") {
		b.WriteByte('\n')
	}
	if fe := f.resp.FunctionError; fe != nil && !fe.Handled {
		fmt.Fprintln(&b, fe.Message)
	}
	ms := float64(f.resp.Phases.Run.Microseconds()) / 1000
	fmt.Fprintf(&b, "END RequestId: %s\nREPORT RequestId: %[1]s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		id, ms, int(math.Ceil(ms)), spec.Config.MemoryMB, mebibytes(f.resp.Used.MemoryPeak))
	if f.resp.ColdStart {
		fmt.Fprintf(&b, "Init Duration: %.2f ms\t", float64(f.resp.Phases.Start.Microseconds())/1000)
	}
	return b.String() + "\n"
}

// awsErrors is the table from kind of error to AWS's name and status.
var awsErrors = map[string]struct {
	name   string
	status int
}{
	"invalid":      {"InvalidParameterValueException", http.StatusBadRequest},
	"unauthorized": {"UnrecognizedClientException", http.StatusForbidden},
	"forbidden":    {"AccessDeniedException", http.StatusForbidden},
	"not_found":    {"ResourceNotFoundException", http.StatusNotFound},
	"conflict":     {"ResourceConflictException", http.StatusConflict},
	"too_large":    {"RequestTooLargeException", http.StatusRequestEntityTooLarge},
	"limit":        {"TooManyRequestsException", http.StatusTooManyRequests},
	"timeout":      {"ServiceException", http.StatusInternalServerError},
	"unavailable":  {"ServiceException", http.StatusInternalServerError},
	"internal":     {"ServiceException", http.StatusInternalServerError},
}

// writeAWSError answers with err in the words of AWS.
func writeAWSError(w http.ResponseWriter, err error, id string) {
	doc, known := describe(err, id), awsErrors[slipway.Code(err)]
	kind, status := "User", known.status
	if status >= 500 {
		kind = "Service"
	}
	if errors.Is(err, slipway.ErrLimit) {
		w.Header().Set("Retry-After", seconds(slipway.RetryAfter(err)))
	}
	w.Header().Set("X-Amzn-Errortype", known.name)
	writeDocument(w, status, struct {
		Type    string
		Message string
	}{kind, doc.Error.Message})
}
