package hotpathd

import "unicode/utf8"

// JSON strings, written by copying: text rarely has anything to escape, and eight bytes at a time
// are enough to see that. encoding/json looks at each byte, and replaces what is not UTF-8.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// needsEscape has a high bit for each byte that JSON escapes: below 0x20, quote, backslash. Bytes
// that are not ASCII do not count. A borrow may mark a byte too many, never one too few.
func needsEscape(eight uint64) uint64 {
	control := eight - 0x20*ones
	quote := (eight ^ '"'*ones) - ones
	backslash := (eight ^ '\\'*ones) - ones
	return (control | quote | backslash) & ^eight & highs
}

// appendString writes a string with its quotes; false where it is not UTF-8.
func appendString(dst []byte, text string) ([]byte, bool) {
	if !utf8.ValidString(text) {
		return dst, false
	}
	dst = append(dst, '"')
	for text != "" {
		n := plainPrefix(text)
		dst = append(dst, text[:n]...)
		if text = text[n:]; text != "" {
			dst = appendEscape(dst, text[0])
			text = text[1:]
		}
	}
	return append(dst, '"'), true
}

// plainPrefix is the length of what may be copied.
func plainPrefix(text string) int {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		if needsEscape(load8(text[i:])) != 0 {
			break
		}
	}
	for ; i < len(text); i++ {
		if c := text[i]; c < 0x20 || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

func load8(text string) uint64 {
	_ = text[7]
	return uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
		uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}

// appendMore adds the members of an object to one that is not closed yet, and closes it.
func appendMore(dst, object []byte) []byte {
	if len(object) > 2 { // {} has nothing to add
		dst = append(append(dst, ','), object[1:len(object)-1]...)
	}
	return append(dst, '}')
}
