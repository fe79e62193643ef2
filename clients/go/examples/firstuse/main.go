// Firstuse splits a document with the daemon where it can, and with the old code where it cannot.
//
//	go run ./examples/firstuse              with a running daemon, or without
//	HOTPATHD_OFF=1 go run ./examples/firstuse
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	hotpathd "github.com/hotpathd/hotpathd/clients/go"
)

const doc = "Lift.\n\nA wing turns moving air downward, and is pushed up.\n\nDrag is the price."

func toStrings(body []byte) ([]string, error) {
	var reply hotpathd.ChunkReply
	err := json.Unmarshal(body, &reply)
	var chunks []string
	for _, c := range reply.Chunks {
		chunks = append(chunks, reply.Text[c.Start:c.End])
	}
	return chunks, err
}

func main() {
	sidecar := hotpathd.New(hotpathd.Config{
		Modes:  map[string]hotpathd.Mode{"chunk": "on"}, // without it the daemon's configuration decides
		OnCall: func(info hotpathd.CallInfo) { fmt.Println(info.Path, info.Reason, info.TotalTime) },
	})
	defer sidecar.Close()

	chunks, err := hotpathd.Do(context.Background(), sidecar, hotpathd.Call[[]string]{
		Route:  "chunk",
		Body:   hotpathd.ChunkRequest{Text: doc, Offsets: "byte"},
		Reply:  toStrings,
		Legacy: func(context.Context) ([]string, error) { return strings.Split(doc, "\n\n"), nil },
	})
	fmt.Printf("%q %v\n", chunks, err)
}
