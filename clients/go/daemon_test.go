package hotpathd

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// daemon is the real one, $HOTPATHD_BIN, with listeners of its own.
type daemon struct {
	command *exec.Cmd
	exited  chan struct{}
	tcp     string // URLs
	unix    string
}

// startDaemon starts it with more arguments and waits until it accepts.
func startDaemon(t *testing.T, more ...string) *daemon {
	t.Helper()
	binary := os.Getenv("HOTPATHD_BIN")
	if binary == "" {
		t.Skip("HOTPATHD_BIN does not name the daemon's binary")
	}
	dir := t.TempDir()
	ready, log := filepath.Join(dir, "ready"), filepath.Join(dir, "log")
	d := &daemon{unix: "unix:" + filepath.Join(dir, "s"), exited: make(chan struct{})}
	d.command = exec.Command(binary, append([]string{"serve", "--listen", "127.0.0.1:0", "--listen", d.unix,
		"--admin", "127.0.0.1:0", "--ready-file", ready}, more...)...)
	stderr, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	d.command.Stderr = stderr
	if err := d.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(d.exited)
		d.command.Wait()
	}()
	t.Cleanup(func() { d.stop(t, log) })
	d.awaitReady(t, ready)
	return d
}

func (d *daemon) awaitReady(t *testing.T, path string) {
	t.Helper()
	eventually(t, "the ready file", func() bool {
		select {
		case <-d.exited:
			t.Fatal("the daemon ended at once: ", d.command.ProcessState)
		default:
		}
		_, err := os.Stat(path)
		return err == nil
	})
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var ready struct{ Listen []string }
	if err := json.Unmarshal(file, &ready); err != nil {
		t.Fatalf("the ready file is %q: %v", file, err)
	}
	for _, url := range ready.Listen {
		if strings.HasPrefix(url, "http://") {
			d.tcp = url
		}
	}
	if d.tcp == "" {
		t.Fatalf("the ready file names no TCP listener: %q", file)
	}
}

// stop asks it to drain, and insists after a while; its log is shown where the test failed.
func (d *daemon) stop(t *testing.T, log string) {
	d.command.Process.Signal(syscall.SIGTERM) // an error means that it has ended
	select {
	case <-d.exited:
	case <-time.After(20 * time.Second):
		t.Error("the daemon does not stop")
		d.kill()
	}
	if text, err := os.ReadFile(log); t.Failed() && err == nil {
		t.Logf("the daemon's log:\n%s", text)
	}
}

func (d *daemon) kill() {
	d.command.Process.Kill()
	<-d.exited
}

// pause stops the daemon while work runs.
func pause(t *testing.T, d *daemon, work func()) {
	t.Helper()
	if err := d.command.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer d.command.Process.Signal(syscall.SIGCONT)
	work()
}

const document = "# Install\n\nUnpack it. Then run it.\n\n# Use\n\nCall it, naïvely, with 日本語 and 😀 too.\n"

// chunkCall has a ChunkReply as its result, an empty one from Legacy.
func chunkCall(request ChunkRequest) Call[ChunkReply] {
	return Call[ChunkReply]{
		Route:   "chunk",
		Body:    request,
		Legacy:  func(context.Context) (ChunkReply, error) { return ChunkReply{}, nil },
		Timeout: 10 * time.Second,
	}
}

func mustDo[T any](t *testing.T, client *Client, c Call[T]) T {
	t.Helper()
	reply, err := Do(context.Background(), client, c)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func wantReason(t *testing.T, info *CallInfo, outcome Outcome, reason Reason) {
	t.Helper()
	if info.Outcome != outcome || info.Reason != reason {
		t.Errorf("outcome %s, reason %s (%v), want %s, %s", info.Outcome, info.Reason, info.Err, outcome, reason)
	}
}

func TestDaemonAnswersOverTCPAndUnix(t *testing.T) {
	d := startDaemon(t)
	for _, url := range []string{d.tcp, d.unix} {
		client, last := on(t, url)
		got := mustDo(t, client, chunkCall(ChunkRequest{
			Text: document, Format: "plain", Offsets: "byte", Chunk: &ChunkOptions{Max: 8, Overlap: 2},
			Clean: &Clean{Mojibake: SwitchOff, Normalization: "nfc"},
		}))
		wantReason(t, last, OutcomeOK, "")
		if len(got.Chunks) < 3 || got.Metadata.Bytes != len(document) || got.Tokens < 10 {
			t.Fatalf("%+v", got)
		}
		for i, c := range got.Chunks {
			if text := got.Text[c.Start:c.End]; text != strings.TrimSpace(text) || text == "" {
				t.Errorf("chunk %d is %q", i, text)
			}
			if c.Tokens > 8 && !c.Oversize {
				t.Errorf("chunk %d has %d tokens", i, c.Tokens)
			}
			if raw, text := document[c.Source[0]:c.Source[1]], got.Text[c.Start:c.End]; raw != text {
				t.Errorf("chunk %d is %q, but comes from %q", i, text, raw) // nothing in it needs cleaning
			}
		}
	}
}

func TestDaemonTakesWhatTheClientWrites(t *testing.T) {
	client, last := on(t, startDaemon(t).unix)
	all := &Clean{Mojibake: SwitchOff, Controls: SwitchOn, LineEndings: SwitchOn, Spaces: SwitchOn, BlankRuns: SwitchOn,
		Hyphenation: SwitchOff, Ligatures: SwitchOn, JoinLines: SwitchOff, RepeatedLines: SwitchOff, Normalization: "nfkc"}
	for name, request := range map[string]ChunkRequest{
		"no text":       {},
		"every switch":  {Text: document, Clean: all},
		"a preset":      {Text: document, Clean: &Clean{Preset: "none"}},
		"no switch":     {Text: document, Clean: &Clean{}, Chunk: &ChunkOptions{}},
		"every option":  {Text: document, Chunk: &ChunkOptions{Max: 50, Overlap: 5, Min: 5, Unit: "chars"}},
		"other offsets": {Text: document, Offsets: "utf16", ReturnText: "never", Encoding: "estimate"},
		"no chunks":     {Text: document, Chunk: &ChunkOptions{None: true}},
	} {
		got := mustDo(t, client, chunkCall(request))
		if wantReason(t, last, OutcomeOK, ""); t.Failed() {
			t.Fatal(name)
		}
		if want := name != "no text" && name != "no chunks"; want != (len(got.Chunks) > 0) {
			t.Errorf("%s: %d chunks", name, len(got.Chunks))
		}
	}
}

// Whether the text that the pieces are cut of has travelled or not.
func TestDaemonsPiecesAreThoseOfATextThatTravelsBack(t *testing.T) {
	client, last := on(t, startDaemon(t).unix)
	for text, unchanged := range map[string]bool{
		"": true, "a": true, strings.TrimSpace(document): true, strings.Repeat("word ", 2000) + "end": true,
		"a  b": false, " a": false, "\ufeffa": false, "a\r\nb": false, "na\u00c3\u00afve": false, "\x00": false, "e\u0301 \U0001f600": false,
	} {
		request := ChunkRequest{Text: text, Chunk: &ChunkOptions{Max: 4, Overlap: 1}}
		got := mustDo(t, client, ChunkCall(request, noPieces))
		wantReason(t, last, OutcomeOK, "")
		request.Offsets = "byte"
		whole := mustDo(t, client, chunkCall(request))
		if wantReason(t, last, OutcomeOK, ""); whole.Unchanged != unchanged {
			t.Errorf("%.20q: unchanged is %v", text, whole.Unchanged)
		}
		var want []Piece
		for _, c := range whole.Chunks {
			want = append(want, Piece{whole.Text[c.Start:c.End], c})
		}
		if len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%.20q: got %+v, want %+v", text, got, want)
		}
	}
}

func TestDaemonStartsFromAPreset(t *testing.T) {
	config := filepath.Join(t.TempDir(), "c.yaml")
	const presets = "presets: { chunk: { small: { chunk: { max: 20, unit: chars }, offsets: utf16, return_text: never } },\n" +
		"  score: { last: { must_not: [lift], top_n: 1 } } }\n"
	if err := os.WriteFile(config, []byte(presets), 0o600); err != nil {
		t.Fatal(err)
	}
	client, last := on(t, startDaemon(t, "--config", config).unix)
	pieces := func(request ChunkRequest) []Piece {
		request.Text = "é " + document
		got := mustDo(t, client, ChunkCall(request, func(context.Context) ([]Piece, error) { return nil, nil }))
		wantReason(t, last, OutcomeOK, "")
		return got
	}
	want := pieces(ChunkRequest{Chunk: &ChunkOptions{Max: 20, Unit: "chars"}})
	if got := pieces(ChunkRequest{Preset: "small"}); len(got) < 3 || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	want = pieces(ChunkRequest{Chunk: &ChunkOptions{Max: 40, Unit: "chars"}})
	if got := pieces(ChunkRequest{Preset: "small", Chunk: &ChunkOptions{Max: 40}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	mustDo(t, client, ChunkCall(ChunkRequest{Preset: "tiny"}, func(context.Context) ([]Piece, error) { return nil, nil }))
	wantReason(t, last, OutcomeFallback, ReasonContract)
	ranked := mustDo(t, client, ScoreCall(ScoreRequest{Query: "wing lift", Documents: []string{"lift of a wing", "a wing", "wings"},
		ScoreOptions: ScoreOptions{Preset: "last"}}, func(context.Context) ([]ScoreResult, error) { return nil, nil }))
	if wantReason(t, last, OutcomeOK, ""); len(ranked) != 1 || ranked[0].Index == 0 {
		t.Errorf("got %v", ranked)
	}
}

func TestDaemonRefusalsAreFallbacks(t *testing.T) {
	client, last := on(t, startDaemon(t).tcp)
	for want, body := range map[string]any{
		"422 out_of_range /format":   ChunkRequest{Text: "x", Format: "pdf"},
		"422 out_of_range":           ChunkRequest{Text: "x", Chunk: &ChunkOptions{Max: 5, Overlap: 5}},
		"400 unknown_field /textile": map[string]string{"text": "x", "textile": "y"},
		"400 missing_field":          map[string]string{},
		"400 bad_json":               json.RawMessage(`{"text":`),
	} {
		c := chunkCall(ChunkRequest{})
		c.Body = body
		mustDo(t, client, c)
		wantReason(t, last, OutcomeFallback, ReasonContract)
		if !strings.Contains(fmt.Sprint(last.Err), want) {
			t.Errorf("%v, want %s", last.Err, want)
		}
	}
}

func TestDaemonIsHeldToTheBudget(t *testing.T) {
	client, last := on(t, startDaemon(t).unix)
	body, err := ChunkRequest{Text: strings.Repeat(document, 100000)}.appendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := chunkCall(ChunkRequest{})
	c.Body, c.Timeout = json.RawMessage(body), 30*time.Millisecond
	inTime(t, c.Timeout, func() {
		mustDo(t, client, c)
		if last.Outcome != OutcomeFallback || last.Reason != ReasonTimeout && last.Reason != ReasonOverloaded { // it learns how long they take
			t.Errorf("outcome %s, reason %s (%v)", last.Outcome, last.Reason, last.Err)
		}
	})
	mustDo(t, client, chunkCall(ChunkRequest{Text: document}))
	wantReason(t, last, OutcomeOK, "")
}

func TestDaemonServesManyAtOnce(t *testing.T) {
	d := startDaemon(t)
	client := New(Config{URL: d.unix, Modes: map[string]Mode{"chunk": ModeOn}})
	t.Cleanup(client.Close)
	var callers sync.WaitGroup
	for caller := 0; caller < 16; caller++ {
		callers.Add(1)
		go func(caller int) {
			defer callers.Done()
			for i := 0; i < 50; i++ {
				mine := fmt.Sprintf("The document %d of caller %d.", i, caller)
				reply, err := Do(context.Background(), client, chunkCall(ChunkRequest{Text: mine}))
				if err != nil || reply.Text != mine {
					t.Errorf("asked for %q, got %q, %v", mine, reply.Text, err)
				}
			}
		}(caller)
	}
	callers.Wait()
}

func TestDaemonModes(t *testing.T) {
	for _, test := range []struct {
		mode    string
		outcome Outcome
		reason  Reason
	}{
		{"on", OutcomeOK, ""},
		{"off", OutcomeLegacy, ReasonOff},
		{"shadow", OutcomeLegacy, ReasonShadow},
	} {
		client, last := polled(t, startDaemon(t, "--set", "chunk.mode="+test.mode).tcp)
		known(t, client)
		mustDo(t, client, chunkCall(ChunkRequest{Text: document}))
		wantReason(t, last, test.outcome, test.reason)
	}
}

func TestDaemonRefusesARouteThatIsOff(t *testing.T) {
	client, last := on(t, startDaemon(t, "--set", "chunk.mode=off").tcp) // the pin says on
	mustDo(t, client, chunkCall(ChunkRequest{Text: document}))
	wantReason(t, last, OutcomeFallback, ReasonRouteOff)
}

func TestDaemonCanary(t *testing.T) {
	d := startDaemon(t, "--set", "chunk.mode=canary", "--set", "chunk.percent=37.5", "--set", "chunk.salt=pepper")
	client, last := polled(t, d.unix)
	known(t, client)
	for i := 0; i < 50; i++ {
		c := chunkCall(ChunkRequest{Text: document})
		c.Key = fmt.Sprint("key-", i)
		mustDo(t, client, c)
		if bucketOf("chunk", "pepper", c.Key) < 3750 {
			wantReason(t, last, OutcomeOK, "")
		} else {
			wantReason(t, last, OutcomeLegacy, ReasonCanary)
		}
	}
}

func TestDaemonReloadMovesCallers(t *testing.T) {
	config := filepath.Join(t.TempDir(), "hotpathd.yaml")
	write := func(mode string) {
		if err := os.WriteFile(config, []byte("routes:\n  chunk: { mode: "+mode+" }\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("shadow")
	d := startDaemon(t, "--config", config)
	client, last := polled(t, d.tcp)
	known(t, client)
	for mode, reason := range map[string]Reason{"off": ReasonOff, "on": "", "shadow": ReasonShadow} {
		write(mode)
		if err := d.command.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		eventually(t, "mode "+mode, func() bool {
			mustDo(t, client, chunkCall(ChunkRequest{Text: document}))
			return last.Reason == reason
		})
	}
}

func TestDaemonKilledMidway(t *testing.T) {
	d := startDaemon(t)
	for _, url := range []string{d.tcp, d.unix} {
		client, last := on(t, url)
		mustDo(t, client, chunkCall(ChunkRequest{Text: document}))
		wantReason(t, last, OutcomeOK, "")
	}
	tcp, tcpLast := on(t, d.tcp)
	unix, unixLast := polled(t, d.unix)
	known(t, unix)
	mustDo(t, tcp, chunkCall(ChunkRequest{Text: document})) // leaves a connection that will be stale
	d.kill()
	for range [3]int{} {
		mustDo(t, tcp, chunkCall(ChunkRequest{Text: document}))
		wantReason(t, tcpLast, OutcomeFallback, ReasonConnect)
		mustDo(t, unix, chunkCall(ChunkRequest{Text: document})) // still in the last known mode, on
		wantReason(t, unixLast, OutcomeFallback, ReasonConnect)
	}
}
