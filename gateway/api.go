package gateway

import (
	"net/http"
	"runtime/debug"

	"github.com/labstack/echo/v4"

	"github.com/slipway-run/slipway"
)

// call is one call of the API: the router's context and on whose behalf it is made.
type call struct {
	echo.Context
	id     string // of the request
	tenant string // "" for calls that need no key
}

// newAPI registers the table of calls with a router.
func (g *Gateway) newAPI() *echo.Echo {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(discard{})
	e.HTTPErrorHandler = g.apiError
	e.Pre(withRequestID, withAWSKey)
	e.Use(g.recovered)
	for _, a := range g.calls {
		e.Add(a.method, a.path, g.guarded(a))
	}
	return e
}

// guarded is the handler of a behind its access rule and within its limit of body.
func (g *Gateway) guarded(a apiCall) echo.HandlerFunc {
	return func(c echo.Context) error {
		call := &call{Context: c, id: c.Response().Header().Get("X-Request-Id")}
		switch {
		case a.scope == "":
		case g.cfg.AuthOff:
			call.tenant = slipway.DefaultTenant
		default:
			key, err := g.keys.admit(c.Request(), a.scope)
			if err != nil {
				return err
			}
			call.tenant = key.Tenant
		}
		return a.handle(call)
	}
}

func withRequestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := slipway.NewID()
		c.Response().Header().Set("X-Request-Id", id)
		if isAWS(c.Request()) {
			c.Response().Header().Set("X-Amzn-Requestid", id)
		}
		return next(c)
	}
}

// recovered turns a panic of a handler into an internal error. A deliberate abort of
// the connection goes on.
func (g *Gateway) recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				g.log.Error("a call of the api panicked", "panic", p, "stack", string(debug.Stack()))
				err = slipway.Errorf(slipway.ErrInternal, "the gateway has a fault; its log has more under this request id")
			}
		}()
		return next(c)
	}
}

// apiError is where every error of the API becomes an answer.
func (g *Gateway) apiError(err error, c echo.Context) {
	r := c.Request()
	if r.Context().Err() != nil {
		if c.Response().Committed {
			return
		}
		panic(http.ErrAbortHandler) // nobody reads the answer, but for one that sent half a body: 200 it must not be
	}
	err = fromEcho(err, r)
	id := c.Response().Header().Get("X-Request-Id")
	if isInternal(err) {
		g.log.Error("call of the api", "request", id, "method", r.Method, "path", r.URL.Path, "err", err)
	}
	switch {
	case c.Response().Committed:
	case isAWS(r):
		writeAWSError(c.Response(), err, id)
	default:
		writeError(c.Response(), err, id)
	}
}

// function is the function that the path names.
func (c *call) function() (slipway.FunctionRef, error) {
	name := c.Param("name")
	return slipway.FunctionRef{Tenant: c.tenant, Function: name}, slipway.CheckName("function", name)
}

// reply answers with status and a JSON document.
func (c *call) reply(status int, doc any) error {
	writeDocument(c.Response(), status, doc)
	return nil
}

// discard keeps the router's own logger silent: errors are logged here, once.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
