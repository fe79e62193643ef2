package hotpathd

import (
	"encoding/json"
	"os"
	"testing"
)

func TestBucketsAreThoseOfEveryLanguage(t *testing.T) {
	file, err := os.ReadFile("../../docs/canary-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Route, Salt, Key string
		Bucket           uint64
	}
	if err := json.Unmarshal(file, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 40 {
		t.Errorf("only %d vectors", len(vectors))
	}
	for _, v := range vectors {
		if got := bucketOf(v.Route, v.Salt, v.Key); got != v.Bucket {
			t.Errorf("bucketOf(%q, %q, %.40q) is %d, want %d", v.Route, v.Salt, v.Key, got, v.Bucket)
		}
	}
}

func TestASliceHoldsItsShareOfTheBuckets(t *testing.T) {
	for percent, want := range map[float64]int{
		0: 0, 0.004: 0, 0.005: 1, 0.01: 1, 0.07: 7, 0.29: 29, 1.15: 115, 5: 500, 33.33: 3333, 99.99: 9999, 100: 10000,
	} {
		in := 0
		for bucket := uint64(0); bucket < buckets; bucket++ {
			if inSlice(bucket, percent) {
				in++
			}
		}
		if in != want || (want > 0) != inSlice(0, percent) {
			t.Errorf("%g %% takes %d buckets, want %d", percent, in, want)
		}
	}
}

func TestAMissingKeyIsDrawnFromAllBuckets(t *testing.T) {
	const draws = 100000
	var tenths [10]int
	for i := 0; i < draws; i++ {
		tenths[drawBucket()*10/buckets]++
	}
	for i, n := range tenths { // 10000 each, give or take 95: a thousand is ten sigma
		if n < 9000 || n > 11000 {
			t.Errorf("tenth %d was drawn %d times of %d", i, n, draws)
		}
	}
}
