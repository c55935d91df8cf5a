package async

import (
	"encoding/base64"
	"encoding/json"
	"time"
	"unicode/utf8"

	"github.com/slipway-run/slipway"
)

// record is what a destination gets, in the shape of AWS Lambda's:
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
type record struct {
	Version         string          `json:"version"` // of the shape
	Timestamp       time.Time       `json:"timestamp"`
	RequestContext  requestContext  `json:"requestContext"`
	RequestPayload  json.RawMessage `json:"requestPayload"` // null when it is a blob, or does not fit
	ResponseContext responseContext `json:"responseContext"`
	ResponsePayload json.RawMessage `json:"responsePayload"`
}

type requestContext struct {
	RequestID   string `json:"requestId"`
	FunctionARN string `json:"functionArn"`
	Condition   string `json:"condition"` // Success, RetriesExhausted or EventAgeExceeded
	Count       int    `json:"approximateInvokeCount"`
}

type responseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError,omitempty"` // Unhandled, as with AWS Lambda
}

// newRecord is what there is to say of an invocation with its outcome.
func newRecord(i slipway.Invocation, event slipway.Event) record {
	r := record{
		Version: "1.0", Timestamp: i.AcceptedAt,
		RequestContext: requestContext{
			RequestID: i.ID, Condition: condition(i.State), Count: len(i.Attempts),
			FunctionARN: "arn:aws:lambda:us-east-1:000000000000:function:" + i.Function + ":" + versionName(i),
		},
		ResponseContext: responseContext{StatusCode: 200, ExecutedVersion: versionName(i)},
		ResponsePayload: i.Result,
	}
	if i.EndedAt != nil {
		r.Timestamp = *i.EndedAt
	}
	if event.Blob == "" {
		r.RequestPayload = payloadJSON(event.Payload)
	}
	if i.Error != nil {
		r.ResponseContext.FunctionError = "Unhandled"
		r.ResponsePayload, _ = json.Marshal(map[string]string{"errorType": i.Error.Type, "errorMessage": i.Error.Message}) // text always can be
	}
	return r
}

func condition(s slipway.InvocationState) string {
	switch s {
	case slipway.InvocationSucceeded:
		return "Success"
	case slipway.InvocationExpired:
		return "EventAgeExceeded"
	default:
		return "RetriesExhausted"
	}
}

func versionName(i slipway.Invocation) string {
	if i.Version == 0 {
		return "$LATEST"
	}
	b, _ := json.Marshal(i.Version) // a number always can be
	return string(b)
}

// payloadJSON is a payload as a part of a document: JSON as it is, text as a string, all
// else as a string of base64.
func payloadJSON(payload []byte) json.RawMessage {
	switch {
	case len(payload) == 0:
		return nil
	case json.Valid(payload) && utf8.Valid(payload):
		return payload
	case utf8.Valid(payload):
		return mustJSON(string(payload))
	default:
		return mustJSON(base64.StdEncoding.EncodeToString(payload))
	}
}

// cloudEvent is the structured mode of https://github.com/cloudevents/spec.
type cloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	Data            record    `json:"data"`
}

func newCloudEvent(i slipway.Invocation, r record) cloudEvent {
	return cloudEvent{
		SpecVersion: "1.0", ID: i.ID, Source: "/tenants/" + i.Tenant + "/functions/" + i.Function,
		Type: "dev.slipway.invocation." + string(i.State), Subject: i.ID, Time: r.Timestamp,
		DataContentType: "application/json", Data: r,
	}
}
