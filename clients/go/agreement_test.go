package hotpathd

import (
	"encoding/json"
	"os"
	"testing"
)

// The clients agree: ../agreement.json is read by the tests of each.

type agreement struct {
	Addresses map[string]*[2]string // where to, and the Host; null: refused
	Rollouts  [][2]json.RawMessage  // an answer, and the mode of chunk; null: refused
}

func readAgreement(t *testing.T) (a agreement) {
	text, err := os.ReadFile("../agreement.json")
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil || len(a.Addresses) == 0 || len(a.Rollouts) == 0 {
		t.Fatal(err)
	}
	return a
}

func TestReadsAddressesAsEveryClientDoes(t *testing.T) {
	for url, want := range readAgreement(t).Addresses {
		got, err := parseAddress(url)
		if (err == nil) != (want != nil) {
			t.Errorf("%q: %v", url, err)
		} else if err == nil && *want != [2]string{got.endpoint, got.host} {
			t.Errorf("%q: %+v, want %q", url, got, *want)
		}
	}
}

func TestReadsRolloutsAsEveryClientDoes(t *testing.T) {
	for _, row := range readAgreement(t).Rollouts {
		var want *Mode
		if err := json.Unmarshal(row[1], &want); err != nil {
			t.Fatal(err)
		}
		got, err := readRollout(&reply{body: row[0]})
		if (err == nil) != (want != nil) {
			t.Errorf("%s: %v", row[0], err)
			continue
		}
		if err != nil {
			continue
		}
		if mode := got.routes["chunk"].mode(); mode != *want {
			t.Errorf("%s: %s, want %s", row[0], mode, *want)
		}
	}
}
