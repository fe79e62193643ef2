//go:build unix

package hotpathd

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"
)

// These run against a daemon at $HOTPATHD_URL: bench/clients.py starts one.

func benchURL(b *testing.B) string {
	url := os.Getenv("HOTPATHD_URL")
	if !strings.HasPrefix(url, "unix:") {
		b.Skip("HOTPATHD_URL names no Unix socket")
	}
	return url
}

var benchRequest = ChunkRequest{Text: strings.Repeat("A wing turns moving air downward, and is pushed up. ", 38), Encoding: "estimate", Offsets: "byte"}

func benchCall() Call[ChunkReply] {
	return Call[ChunkReply]{Route: "chunk", Body: benchRequest, Timeout: 10 * time.Second,
		Legacy: func(context.Context) (ChunkReply, error) { return ChunkReply{}, nil }}
}

// raw keeps the reply as it is: what is measured is the exchange.
func raw() Call[int] {
	return Call[int]{Route: "chunk", Body: benchRequest, Timeout: 10 * time.Second,
		Reply:  func(body []byte) (int, error) { return len(body), nil },
		Legacy: func(context.Context) (int, error) { return 0, nil }}
}

// BenchmarkClients measures by itself, in rounds that alternate, so that a noisy neighbour hits
// all sides: run it once (-benchtime 1x). Medians of the rounds; CPU is of the whole process.
func BenchmarkClients(b *testing.B) {
	url := benchURL(b)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ours := func(config Config) func() {
		config.URL, config.Modes = url, map[string]Mode{"chunk": ModeOn}
		client := New(config)
		b.Cleanup(client.Close)
		return func() {
			if n, _ := Do(ctx, client, raw()); n == 0 {
				b.Fatal("the old path was taken")
			}
		}
	}
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", strings.TrimPrefix(url, "unix:"))
	}}
	b.Cleanup(transport.CloseIdleConnections)
	plain := http.Client{Transport: transport}
	alternate(b, []side{
		{"ours", ours(Config{})},
		{"net-http", func() { netHTTP(ctx, b, &plain) }},
		{"ours-with-events", ours(Config{Events: filepath.Join(b.TempDir(), "e")})},
	})
}

type side struct {
	name string
	work func()
}

func alternate(b *testing.B, sides []side) {
	const rounds, calls = 21, 200
	wall, cpu := make([][]float64, len(sides)), make([][]float64, len(sides))
	for round := 0; round < rounds; round++ {
		for i, s := range sides {
			started, used := time.Now(), processCPU()
			for range [calls]int{} {
				s.work()
			}
			wall[i] = append(wall[i], float64(time.Since(started).Nanoseconds())/calls/1e3)
			cpu[i] = append(cpu[i], float64((processCPU()-used).Nanoseconds())/calls/1e3)
		}
	}
	for i, s := range sides {
		sort.Float64s(wall[i])
		sort.Float64s(cpu[i])
		b.ReportMetric(wall[i][rounds/2], s.name+"-us")
		b.ReportMetric(cpu[i][rounds/2], s.name+"-cpu-us")
	}
}

func processCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func netHTTP(ctx context.Context, b *testing.B, client *http.Client) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	body, _ := json.Marshal(benchRequest)
	req, err := http.NewRequestWithContext(ctx, "POST", "http://localhost/v1/chunk", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 {
		b.Fatal(err, resp.StatusCode)
	}
}

func BenchmarkOldPath(b *testing.B) {
	off := New(Config{URL: "unix:/nowhere", Modes: map[string]Mode{}})
	broken := New(Config{URL: "unix:/nowhere", Modes: map[string]Mode{"chunk": ModeOn}, Breaker: Breaker{Open: time.Hour},
		OnStateChange: func(string, string) {}})
	canary := New(Config{URL: "unix:/nowhere", Modes: map[string]Mode{}})
	canary.rollout.Store(&rollout{routes: map[string]routeRule{"chunk": {Mode: ModeCanary, Salt: "chunk"}}})
	ctx := context.Background()
	for range [30]int{} {
		Do(ctx, broken, benchCall())
	}
	for name, client := range map[string]*Client{"off": off, "canary": canary, "breaker-open": broken} {
		defer client.Close()
		b.Run(name, func(b *testing.B) {
			c := raw()
			c.Key = "doc-2"
			started := time.Now()
			for i := 0; i < b.N*100; i++ {
				Do(ctx, client, c)
			}
			b.ReportMetric(float64(time.Since(started).Nanoseconds())/float64(b.N)/100, "ns/op")
		})
	}
}

// BenchmarkShadow is the caller's side: the difference to off is what mode shadow adds.
func BenchmarkShadow(b *testing.B) {
	url := benchURL(b)
	for _, mode := range []Mode{ModeOff, ModeShadow} {
		client := New(Config{URL: url, Modes: map[string]Mode{"chunk": mode}, OnEvent: func(Event) {}})
		defer client.Close()
		b.Run(string(mode), func(b *testing.B) {
			for i := 0; i < b.N; i++ {
				Do(context.Background(), client, raw())
				b.StopTimer()
				for client.shadow.bytes.Load() != 0 {
					time.Sleep(10 * time.Microsecond)
				}
				b.StartTimer()
			}
		})
	}
}

// BenchmarkScore is a whole call with 1,000 candidates of 1.1 KB.
func BenchmarkScore(b *testing.B) {
	client := New(Config{URL: benchURL(b), Modes: map[string]Mode{"score": ModeOn}})
	b.Cleanup(client.Close)
	request := benchScore()
	rows := ScoreRequest{Query: request.Query, ScoreOptions: request.ScoreOptions}
	for _, text := range request.Documents {
		row, _ := json.Marshal(text)
		rows.Rows = append(rows.Rows, row)
	}
	for name, request := range map[string]ScoreRequest{"strings": request, "rows": rows} {
		call := ScoreCall(request, noResults)
		call.Timeout = 10 * time.Second
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			used := processCPU()
			for i := 0; i < b.N; i++ {
				if found, _ := Do(background, client, call); len(found) == 0 {
					b.Fatal("the old path was taken")
				}
			}
			b.ReportMetric(float64((processCPU()-used).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}
