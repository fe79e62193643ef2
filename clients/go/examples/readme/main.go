// Readme is the snippet of the project's README.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	hotpathd "github.com/hotpathd/hotpathd/clients/go"
)

func main() {
	sidecar := hotpathd.New(hotpathd.Config{Modes: map[string]hotpathd.Mode{"chunk": "on"}})
	defer sidecar.Close()
	doc := "One paragraph.\n\nAnother."

	chunks, err := hotpathd.Do(context.Background(), sidecar, hotpathd.Call[[]string]{
		Route: "chunk",
		Body:  hotpathd.ChunkRequest{Text: doc, Offsets: "byte"},
		Reply: func(body []byte) ([]string, error) {
			var reply hotpathd.ChunkReply
			err := json.Unmarshal(body, &reply)
			var out []string
			for _, c := range reply.Chunks {
				out = append(out, reply.Text[c.Start:c.End])
			}
			return out, err
		},
		Legacy:  func(context.Context) ([]string, error) { return strings.Split(doc, "\n\n"), nil },
		Timeout: 250 * time.Millisecond,
	})
	fmt.Printf("%q %v\n", chunks, err)
}
