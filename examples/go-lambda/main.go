// Command go-lambda is a function written for AWS Lambda, unchanged: it greets who
// the event names.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"
)

// event is what the function is invoked with: the document itself, or an HTTP
// request whose body is the document.
type event struct {
	Name string `json:"name"`
	Body string `json:"body"`
}

type answer struct {
	Message string `json:"message"`
}

func main() { lambda.Start(greet) }

func greet(_ context.Context, e event) (answer, error) {
	if e.Body != "" {
		if err := json.Unmarshal([]byte(e.Body), &e); err != nil {
			return answer{}, fmt.Errorf("the body is not JSON: %w", err)
		}
	}
	return answer{Message: fmt.Sprintf("Hello, %s!", cmp.Or(e.Name, "world"))}, nil
}
