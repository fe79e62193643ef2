package hotpathd

import "unicode/utf8"

// JSON strings, written by copying: text rarely has anything to escape, and eight bytes at a time
// are enough to see that. encoding/json looks at each byte, and replaces what is not UTF-8.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// needsEscape has the high bit set (and others, which mean nothing) for each byte that JSON escapes: below 0x20, quote, backslash. Bytes
// that are not ASCII do not count. A borrow may mark a byte too many, never one too few.
func needsEscape(eight uint64) uint64 {
	control := eight - 0x20*ones
	quote := (eight ^ '"'*ones) - ones
	backslash := (eight ^ '\\'*ones) - ones
	return (control | quote | backslash) &^ eight
}

// appendString writes a string with its quotes; false where it is not UTF-8.
func appendString(dst []byte, text string) ([]byte, bool) {
	dst = append(dst, '"')
	checked := false
	for text != "" {
		n, isASCII := plainPrefix(text)
		if !isASCII && !checked {
			if checked = true; !utf8.ValidString(text) { // what was before is ASCII
				return dst, false
			}
		}
		dst = append(dst, text[:n]...)
		if text = text[n:]; text != "" {
			dst = appendEscape(dst, text[0])
			text = text[1:]
		}
	}
	return append(dst, '"'), true
}

// plainPrefix is the length of what may be copied, and whether all of that is ASCII.
func plainPrefix(text string) (n int, isASCII bool) {
	i, seen := 0, uint64(0)
	for ; i+32 <= len(text); i += 32 {
		a, b, c, d := load8(text[i:]), load8(text[i+8:]), load8(text[i+16:]), load8(text[i+24:])
		if (needsEscape(a)|needsEscape(b)|needsEscape(c)|needsEscape(d))&highs != 0 {
			break
		}
		seen |= a | b | c | d
	}
	for ; i < len(text); i++ {
		c := text[i]
		if c < 0x20 || c == '"' || c == '\\' {
			break
		}
		seen |= uint64(c)
	}
	return i, seen&highs == 0
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
