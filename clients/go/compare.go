package hotpathd

import (
	"bytes"
	"encoding/json"
	"math"
	"sort"
	"strconv"
	"strings"
)

// Comparison says how mode shadow compares two results. Both are looked at as the JSON that
// encoding/json makes of them: 1 and 1.0 are one number, the order of an object's members means
// nothing.
type Comparison struct {
	// Ignore has JSON pointers of what may differ, with all below it; * stands for any member or index.
	Ignore []string

	// Tolerance lets numbers a and b differ by at most Tolerance * max(1, |a|, |b|).
	Tolerance float64
}

const noPlace = "\x00" // of a mismatch that has no pointer

// differ returns the pointer of the first difference; members are visited in the order of their
// names, so that one cause gives one place.
func (c Comparison) differ(old, new []byte) (place string, match bool, err error) {
	a, err := canonical(old)
	if err != nil {
		return noPlace, false, err
	}
	b, err := canonical(new)
	if err != nil {
		return noPlace, false, err
	}
	d := differ{tolerance: c.Tolerance}
	for _, pointer := range c.Ignore {
		d.ignore = append(d.ignore, pointerTokens(pointer))
	}
	if d.same(a, b, nil) {
		return "", true, nil
	}
	return pointerOf(d.place), false, nil
}

func canonical(text []byte) (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err = decoder.Decode(&value)
	return value, err
}

type differ struct {
	ignore    [][]string
	tolerance float64
	place     []string
}

func (d *differ) same(a, b any, at []string) bool {
	if d.ignored(at) {
		return true
	}
	if isNone(a) && isNone(b) {
		return true
	}
	switch a := a.(type) {
	case map[string]any:
		if b, ok := b.(map[string]any); ok {
			return d.sameMembers(a, b, at)
		}
	case []any:
		if b, ok := b.([]any); ok {
			return d.sameItems(a, b, at)
		}
	case json.Number:
		if b, ok := b.(json.Number); ok && d.sameNumber(a, b) {
			return true
		}
	default:
		if isScalar(b) && a == b {
			return true
		}
	}
	return d.at(at)
}

// isNone is of null and the empty array: a nil slice and an empty one are the same to Go's users.
func isNone(v any) bool {
	items, ok := v.([]any)
	return v == nil || (ok && len(items) == 0)
}

// isScalar is of values that may be compared: a map would make == panic.
func isScalar(v any) bool {
	switch v.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

func (d *differ) sameMembers(a, b map[string]any, at []string) bool {
	names := make([]string, 0, len(a))
	for name := range a {
		names = append(names, name)
	}
	for name := range b {
		if _, both := a[name]; !both {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		below := append(at[:len(at):len(at)], name)
		one, inA := a[name]
		other, inB := b[name]
		if inA && inB {
			if !d.same(one, other, below) {
				return false
			}
		} else if !d.ignored(below) {
			return d.at(below)
		}
	}
	return true
}

func (d *differ) sameItems(a, b []any, at []string) bool {
	for i := 0; i < len(a) || i < len(b); i++ {
		below := append(at[:len(at):len(at)], strconv.Itoa(i))
		if i < len(a) && i < len(b) {
			if !d.same(a[i], b[i], below) {
				return false
			}
		} else if !d.ignored(below) {
			return d.at(below)
		}
	}
	return true
}

func (d *differ) sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	x, errX := a.Float64()
	y, errY := b.Float64()
	if errX != nil || errY != nil {
		return false
	}
	return x == y || math.Abs(x-y) <= d.tolerance*math.Max(1, math.Max(math.Abs(x), math.Abs(y)))
}

func (d *differ) at(place []string) bool {
	d.place = append([]string(nil), place...)
	return false
}

func (d *differ) ignored(at []string) bool {
	for _, pattern := range d.ignore {
		if len(pattern) <= len(at) && matches(pattern, at) {
			return true
		}
	}
	return false
}

func matches(pattern, at []string) bool {
	for i, token := range pattern {
		if token != "*" && token != at[i] {
			return false
		}
	}
	return true
}

func pointerTokens(pointer string) []string {
	tokens := strings.Split(pointer, "/")[1:]
	for i, t := range tokens {
		tokens[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(t)
	}
	return tokens
}

func pointerOf(tokens []string) string {
	var out strings.Builder
	for _, t := range tokens {
		out.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(t))
	}
	return out.String()
}
