package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	hotpathd "github.com/hotpathd/hotpathd/clients/go"
)

// titles asks the endpoint, and tells which path its call took.
func titles(t *testing.T, address, query string) (found []string, last hotpathd.CallInfo) {
	sidecar := hotpathd.New(hotpathd.Config{URL: address, Modes: map[string]hotpathd.Mode{"score": "on"},
		OnCall: func(info hotpathd.CallInfo) { last = info }})
	t.Cleanup(sidecar.Close)
	reply := httptest.NewRecorder()
	search(sidecar)(reply, httptest.NewRequest("GET", "/search?q="+url.QueryEscape(query), nil))
	var rows []struct{ Title string }
	if err := json.Unmarshal(reply.Body.Bytes(), &rows); err != nil || reply.Code != http.StatusOK {
		t.Fatalf("%d %s", reply.Code, reply.Body)
	}
	for _, row := range rows {
		found = append(found, row.Title)
	}
	return found, last
}

func TestWithoutTheDaemonTheOldCodeRanks(t *testing.T) {
	found, last := titles(t, "unix:/nowhere/s", "wing")
	if len(found) != 3 || found[0] != "Flight" || last.Outcome != hotpathd.OutcomeFallback {
		t.Errorf("%q, %s", found, last.Outcome)
	}
}

func TestTheDaemonRanks(t *testing.T) {
	binary := os.Getenv("HOTPATHD_BIN")
	if binary == "" {
		t.Skip("HOTPATHD_BIN does not name the daemon's binary")
	}
	folder := t.TempDir()
	daemon := exec.Command(binary, "serve", "--listen", "unix:"+folder+"/s", "--admin", "unix:"+folder+"/a", "--ready-file", folder+"/ready")
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		daemon.Process.Kill()
		daemon.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(filepath.Join(folder, "ready")); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal("the daemon did not start")
		}
	}
	found, last := titles(t, "unix:"+folder+"/s", "wings turning")
	if len(found) != 3 || found[0] != "Flight" || last.Path != hotpathd.PathSidecar { // the old code finds "wings" once, and no stem
		t.Errorf("%q, by the %s path (%v)", found, last.Path, last.Err)
	}
}
