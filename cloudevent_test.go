package slipway_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/slipway-run/slipway"
)

// The examples are those of the specification's own pages.
func TestCloudEventStructured(t *testing.T) {
	for name, c := range map[string]struct{ doc, dataType, data string }{
		"json":          {`{"specversion":"1.0","id":"A1","source":"/c","type":"t","datacontenttype":"application/json","data":{"a":1}}`, "application/json", `{"a":1}`},
		"json implied":  {`{"specversion":"1.0","id":"A1","source":"/c","type":"t","data":[1,2]}`, "application/json", `[1,2]`},
		"json string":   {`{"specversion":"1.0","id":"A1","source":"/c","type":"t","datacontenttype":"application/vnd.x+json","data":"x"}`, "application/vnd.x+json", `"x"`},
		"xml":           {`{"specversion":"1.0","id":"A1","source":"/c","type":"t","datacontenttype":"application/xml","data":"<much wow=\"xml\"/>"}`, "application/xml", `<much wow="xml"/>`},
		"binary":        {`{"specversion":"1.0","id":"A1","source":"/c","type":"t","datacontenttype":"image/png","data_base64":"AP8="}`, "image/png", "\x00\xff"},
		"no data":       {`{"specversion":"1.0","id":"A1","source":"/c","type":"t","subject":null}`, "", ""},
		"extensions":    {`{"specversion":"1.0","id":"A1","source":"/c","type":"t","ext1":"v","number":5,"flag":true}`, "", ""},
		"non-json data": {`{"specversion":"1.0","id":"A1","source":"/c","type":"t","datacontenttype":"text/plain","data":{"a":1}}`, "text/plain", `{"a":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			var e slipway.CloudEvent
			if err := json.Unmarshal([]byte(c.doc), &e); err != nil {
				t.Fatal(err)
			}
			if e.DataType != c.dataType || string(e.Data) != c.data || e.Attribute("id") != "A1" {
				t.Errorf("got %+v", e)
			}
			written, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			var again slipway.CloudEvent
			if err := json.Unmarshal(written, &again); err != nil || !reflect.DeepEqual(e, again) {
				t.Errorf("%s was written as %s: %v, %+v", c.doc, written, err, again)
			}
			binary, err := slipway.BinaryCloudEvent(e.Header(), e.Data)
			if err != nil || !reflect.DeepEqual(binary.Attributes, e.Attributes) || binary.DataType != e.DataType {
				t.Errorf("as binary: %+v, %v", binary, err)
			}
		})
	}
}

func TestCloudEventKeepsTypesOfExtensions(t *testing.T) {
	var e slipway.CloudEvent
	if err := json.Unmarshal([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","n":5,"b":false}`), &e); err != nil {
		t.Fatal(err)
	}
	doc, err := json.Marshal(e)
	if err != nil || !strings.Contains(string(doc), `"n":5`) || !strings.Contains(string(doc), `"b":false`) {
		t.Errorf("written as %s, %v", doc, err)
	}
}

func TestCloudEventRefuses(t *testing.T) {
	for doc, word := range map[string]string{
		`[]`: "object", `null`: "object", `{"specversion":"1.0"}`: "id",
		`{"specversion":"0.3","id":"1","source":"s","type":"t"}`:                                      "specversion",
		`{"specversion":1.0,"id":"1","source":"s","type":"t"}`:                                        "specversion",
		`{"specversion":"1.0","id":"","source":"s","type":"t"}`:                                       "id",
		`{"specversion":"1.0","id":1,"source":"s","type":"t"}`:                                        "id",
		`{"specversion":"1.0","id":"1","source":"s"}`:                                                 "type",
		`{"specversion":"1.0","id":"1","source":"s","type":"t","time":"now"}`:                         "time",
		`{"specversion":"1.0","id":"1","source":"s","type":"t","dataschema":"rel"}`:                   "dataschema",
		`{"specversion":"1.0","id":"1","source":"s","type":"t","Bad_Name":"x"}`:                       "Bad_Name",
		`{"specversion":"1.0","id":"1","source":"s","type":"t","ext":{}}`:                             "ext",
		`{"specversion":"1.0","id":"1","source":"s","type":"t","ext":1.5}`:                            "ext",
		`{"specversion":"1.0","id":"1","source":"s","type":"t","data":1,"data_base64":"AA=="}`:        "data_base64",
		`{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"?"}`:                    "data_base64",
		`{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"no type","data":1}`: "datacontenttype",
	} {
		var e slipway.CloudEvent
		err := json.Unmarshal([]byte(doc), &e)
		if !errors.Is(err, slipway.ErrInvalid) || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v, want one about %s", doc, err, word)
		}
	}
}

func TestCloudEventBinary(t *testing.T) {
	h := slipway.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {"1"}, "Ce-Source": {"/s"}, "Ce-Type": {"t"},
		"Ce-Subject": {"Euro%20%E2%82%AC%20%F0%9F%98%80"}, "Ce-Quoted": {`"a \"b\""`}, "Content-Type": {"text/plain"}, "Other": {"x"}}
	e, err := slipway.BinaryCloudEvent(h, []byte("hi"))
	if err != nil || e.Attribute("subject") != "Euro € 😀" || e.Attribute("quoted") != `a "b"` || e.DataType != "text/plain" || len(e.Attributes) != 5 {
		t.Errorf("got %+v, %v", e, err)
	}
	if got := e.Header()["Ce-Subject"][0]; got != "Euro%20%E2%82%AC%20%F0%9F%98%80" {
		t.Errorf("the subject is written as %s", got)
	}
	for _, change := range []slipway.Header{{"Ce-Id": {"1", "2"}}, {"Ce-Id": nil}, {"Ce-Specversion": {"2.0"}}, {"Ce-Time": {"x"}}, {"Ce-A_b": {"x"}}, {"Ce-X": {""}}} {
		broken := slipway.Header{}
		for k, v := range h {
			broken[k] = v
		}
		for k, v := range change {
			broken[k] = v
		}
		if _, err := slipway.BinaryCloudEvent(broken, nil); !errors.Is(err, slipway.ErrInvalid) {
			t.Errorf("%v: %v, want a refusal", change, err)
		}
	}
}

func FuzzCloudEvent(f *testing.F) {
	f.Add([]byte(`{"specversion":"1.0","id":"A1","source":"/c","type":"t","n":1,"datacontenttype":"text/xml","data":"<a/>"}`))
	f.Add([]byte(`{"specversion":"1.0","id":"A1","source":"/c","type":"t","data_base64":"AP8="}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		var e, again slipway.CloudEvent
		if json.Unmarshal(doc, &e) != nil {
			return
		}
		written, err := json.Marshal(e)
		if err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		if err := json.Unmarshal(written, &again); err != nil {
			t.Fatalf("%s was written as %s: %v", doc, written, err)
		}
		binary, err := slipway.BinaryCloudEvent(e.Header(), e.Data)
		if err != nil || !reflect.DeepEqual(binary.Attributes, e.Attributes) {
			t.Fatalf("%s as binary: %v %+v", doc, err, binary)
		}
	})
}
