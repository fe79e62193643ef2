package hotpathd

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
	"math"
)

// A request's bucket is the same in every language, so that a document takes the same path
// wherever it is handled, and a larger share only adds requests.
const buckets = 10000

// bucketOf hashes a caller's key: the first 8 bytes, big endian, of
// SHA-256(route 0x00 salt 0x00 key), modulo 10000.
func bucketOf(route, salt, key string) uint64 {
	var room [256]byte // most keys fit, and nothing is allocated
	hashed := append(append(room[:0], route...), 0)
	hashed = append(append(hashed, salt...), 0)
	sum := sha256.Sum256(append(hashed, key...))
	return binary.BigEndian.Uint64(sum[:]) % buckets
}

// inSlice tells whether a bucket belongs to the given share, in percent with two decimals.
// The conversion keeps machines that fuse multiply and add from rounding differently.
func inSlice(bucket uint64, percent float64) bool {
	return float64(bucket) < math.Floor(float64(percent*100)+0.5)
}

// drawBucket stands in for the hash where the caller gave no key.
func drawBucket() uint64 { return random() % buckets }

// random needs neither a lock nor a seed: each new maphash.Hash is seeded by the runtime.
func random() uint64 { return new(maphash.Hash).Sum64() }
