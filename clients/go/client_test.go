package hotpathd

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestTheKillSwitchWinsOverEverything(t *testing.T) {
	server := serveFaults(t, "tcp", answerAll(okReply("new")))
	for value, off := range map[string]bool{
		"": false, "0": false, "no": false, "score": false, "chunky": false, "score,": false,
		"1": true, "true": true, "ON": true, " all ": true, "chunk": true, "score, chunk": true,
	} {
		t.Setenv("HOTPATHD_OFF", value)
		client, last := on(t, server.url)
		got := call(t, client, stringCall())
		if off {
			wantLegacy(t, got, last, ReasonOff)
		} else {
			wantOK(t, got, "new", last)
		}
	}
}

func TestAClientThatIsOffAltogetherDoesNotPoll(t *testing.T) {
	t.Setenv("HOTPATHD_OFF", "1")
	server := serveFaults(t, "tcp", answerAll(rolloutReply("on", 100)))
	client, last := polled(t, server.url)
	wantLegacy(t, call(t, client, stringCall()), last, ReasonOff)
	client.Close() // waits for a poll under way
	if n := server.connections(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestPinnedModes(t *testing.T) {
	server := serveFaults(t, "tcp", answerAll(okReply("new")))
	var last CallInfo
	for _, test := range []struct {
		modes  map[string]Mode
		reason Reason
	}{
		{map[string]Mode{"chunk": "on"}, ""},
		{map[string]Mode{"chunk": "off"}, ReasonOff},
		{map[string]Mode{"chunk": "shadow"}, ReasonShadow},
		{map[string]Mode{"score": "on"}, ReasonOff},
		{map[string]Mode{}, ReasonOff},
		{map[string]Mode{"chunk": "canary"}, ReasonBadConfig},
		{map[string]Mode{"chunk": "On"}, ReasonBadConfig},
		{map[string]Mode{"../x": "on"}, ReasonBadConfig},
		{map[string]Mode{"_x": "on"}, ReasonBadConfig},
	} {
		client := New(Config{URL: server.url, Modes: test.modes, OnCall: func(i CallInfo) { last = i }})
		got := call(t, client, stringCall())
		client.Close()
		if test.reason == "" {
			wantOK(t, got, "new", &last)
		} else {
			wantLegacy(t, got, &last, test.reason)
		}
		if bad := test.reason == ReasonBadConfig; bad != (client.Err() != nil) {
			t.Errorf("%v: %v", test.modes, client.Err())
		}
	}
}

func TestAfterCloseCallsTakeTheOldPath(t *testing.T) {
	client, last := on(t, serveFaults(t, "tcp", answerAll(okReply("new"))).url)
	client.Close()
	client.Close()
	wantLegacy(t, call(t, client, stringCall()), last, ReasonOff)
}

func TestSettingsThatMakeNoSenseAreNamed(t *testing.T) {
	for _, config := range []Config{
		{URL: "https://127.0.0.1:1"}, {URL: "http://:80"}, {URL: "http://u@h:1"},
		{URL: "http://h:1/v1"}, {URL: "http://h:1?q"}, {URL: "127.0.0.1:8377"}, {URL: "unix://"}, {URL: "unix:a\x00b"}, {URL: "http://127.0.0.1:65536"}, {URL: "unix:"},
		{URL: "http://h:1"}, {URL: "http://127.0.0.1:port"}, {URL: "http://[::1"}, {URL: "\x00"},
		{Caller: strings.Repeat("x", 65)}, {Caller: "two\nlines"}, {Caller: "Döner/1"},
	} {
		client := New(config)
		if client.Err() == nil {
			t.Errorf("%+v is taken", config)
		}
		if got := call(t, client, stringCall()); got != "legacy" {
			t.Errorf("%+v: got %q", config, got)
		}
		client.Close()
	}
}

func TestFindsTheDaemon(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	for _, test := range []struct {
		config, environment string
		want                address
	}{
		{"", "", address{"tcp", "127.0.0.1:8377", "127.0.0.1:8377"}},
		{"http://localhost:1/", "", address{"tcp", "127.0.0.1:1", "127.0.0.1:1"}},
		{"http://[::1]:1", "", address{"tcp", "[::1]:1", "[::1]:1"}},
		{"http://127.0.0.1", "", address{"tcp", "127.0.0.1:80", "127.0.0.1:80"}},
		{"HTTP://LocalHost:1", "", address{"tcp", "127.0.0.1:1", "127.0.0.1:1"}},
		{"unix:a/b", "", address{"unix", "a/b", "localhost"}},
		{"unix:///a", "", address{"unix", "/a", "localhost"}},
		{"unix:@a", "", address{"unix", "./@a", "localhost"}},
		{"", "unix:" + socket, address{"unix", socket, "localhost"}},
		{"unix:/a b", "http://127.0.0.1:1", address{"unix", "/a b", "localhost"}},
	} {
		if test.want.endpoint == "127.0.0.1:8377" && isSocket(defaultSocket) {
			continue // a daemon runs here
		}
		t.Setenv("HOTPATHD_URL", test.environment)
		if got, err := findAddress(test.config); err != nil || got != test.want {
			t.Errorf("%q, %q: %v, %v", test.config, test.environment, got, err)
		}
	}
}

func TestASocketIsToldFromAFile(t *testing.T) {
	server := serveFaults(t, "unix", func(int, *peer) {})
	if path := strings.TrimPrefix(server.url, "unix:"); !isSocket(path) || isSocket(filepath.Dir(path)) || isSocket(path+"x") {
		t.Error("a socket is a socket, and nothing else is")
	}
}

func TestACallWithoutLegacyIsABug(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it was taken")
		}
	}()
	client, _ := on(t, "unix:/nowhere.sock")
	c := stringCall()
	c.Legacy = nil
	call(t, client, c)
}
