package hotpathd

import (
	"bytes"
	"time"
)

const (
	smallReply   = 64 << 10 // read in any case: 15 ms at worst
	readByteTime = 8        // ns, of a long string, by encoding/json
	readValue    = 200      // ns, of a number in an array, or a member with its name
)

// checkReading refuses a reply that would take longer to read than is left: reading it cannot be
// broken off.
func checkReading(body []byte, left time.Duration) *failure {
	if len(body) <= smallReply {
		return nil
	}
	need := time.Duration(len(body)) * readByteTime
	if need <= left {
		for _, sign := range []string{",", "[", "{"} {
			need += time.Duration(bytes.Count(body, []byte(sign))) * readValue
		}
	}
	if need > left {
		return fail(ReasonTimeout, "a reply of %d bytes takes too long to read", len(body))
	}
	return nil
}
