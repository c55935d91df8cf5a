package gateway

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"
)

// object is a JSON object whose keys encoding/json puts in order.
type object = map[string]any

func (g *Gateway) getOpenAPI(c *call) error { return c.reply(http.StatusOK, openAPI(g.calls)) }

// openAPI describes calls as OpenAPI 3.1.
func openAPI(calls []apiCall) object {
	schemas := schemaSet{}
	paths := object{}
	for _, a := range calls {
		path, params := openPath(a.path)
		item, _ := paths[path].(object)
		if item == nil {
			item = object{}
			paths[path] = item
		}
		item[strings.ToLower(a.method)] = operation(a, params, schemas)
	}
	schemas.of(reflect.TypeFor[errorDocument]())
	return object{
		"openapi": "3.1.0",
		"info":    object{"title": "Slipway", "version": "1"},
		"paths":   paths,
		"components": object{
			"schemas":         schemas,
			"securitySchemes": object{"key": object{"type": "http", "scheme": "bearer"}},
		},
	}
}

// openPath is a router's path in OpenAPI's form, and its parameters.
func openPath(path string) (string, []param) {
	segments := strings.Split(path, "/")
	var params []param
	for i, s := range segments {
		if name, ok := strings.CutPrefix(s, ":"); ok {
			segments[i] = "{" + name + "}"
			params = append(params, param{name: name, in: "path", kind: "string"})
		}
	}
	return strings.Join(segments, "/"), params
}

func operation(a apiCall, inPath []param, schemas schemaSet) object {
	op := object{"summary": a.summary, "responses": object{
		strconv.Itoa(a.status): success(a, schemas),
		"default": object{"description": "An error", "content": object{
			"application/json": object{"schema": schemas.of(reflect.TypeFor[errorDocument]())}}},
	}}
	var params []any
	for _, p := range append(inPath, a.query...) {
		described := object{"name": p.name, "in": p.in, "schema": object{"type": p.kind}}
		if p.in == "path" {
			described["required"] = true
		}
		if p.text != "" {
			described["description"] = p.text
		}
		params = append(params, described)
	}
	if params != nil {
		op["parameters"] = params
	}
	if content := accepted(a, schemas); len(content) > 0 {
		op["requestBody"] = object{"content": content}
	}
	if a.scope != "" {
		op["security"] = []any{object{"key": []any{}}}
		op["x-scope"] = a.scope
	}
	return op
}

func accepted(a apiCall, schemas schemaSet) object {
	content := object{}
	if a.takes != nil {
		content["application/json"] = object{"schema": schemas.of(reflect.TypeOf(a.takes))}
	}
	if a.binary != "" {
		content["application/octet-stream"] = object{"schema": object{"type": "string", "format": "binary", "description": a.binary}}
	}
	return content
}

func success(a apiCall, schemas schemaSet) object {
	answer, content := object{"description": "Success"}, object{}
	if a.gives != nil {
		media := "application/json"
		if a.stream == ndjson {
			media = ndjson
		}
		content[media] = object{"schema": schemas.of(reflect.TypeOf(a.gives))}
	}
	if a.stream != "" && a.stream != ndjson {
		content[a.stream] = object{}
	}
	if len(content) > 0 {
		answer["content"] = content
	}
	return answer
}
