package hotpathd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// firstUse is the snippet of docs/clients.md: the indented lines after the one that says Go.
func firstUse(t *testing.T) string {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "clients.md"))
	if err != nil {
		t.Skip("the module stands alone here: ", err)
	}
	_, rest, found := strings.Cut(string(page), "\nGo:\n\n")
	if !found {
		t.Fatal("docs/clients.md has no snippet of Go")
	}
	var lines []string
	for _, line := range strings.Split(rest, "\n") {
		if line != "" && !strings.HasPrefix(line, "    ") {
			break
		}
		lines = append(lines, strings.TrimPrefix(line, "    "))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

const around = `package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	hotpathd "github.com/hotpathd/hotpathd/clients/go"
)

func oldSplit(_ context.Context, doc string) (pieces []hotpathd.Piece, err error) {
	for _, text := range strings.Split(doc, "\n\n") {
		pieces = append(pieces, hotpathd.Piece{Text: text})
	}
	return pieces, nil
}

func main() {
	ctx, doc, docID := context.Background(), "One paragraph.\n\nAnother.", "doc-1"
	SNIPPET
	if err != nil {
		panic(err)
	}
	for _, piece := range pieces {
		fmt.Printf("%q ", piece.Text)
	}
}
`

func TestTheFirstUseOfTheDocsRuns(t *testing.T) {
	snippet := firstUse(t)
	if n := len(strings.Split(snippet, "\n")); n > 10 {
		t.Errorf("it has %d lines", n)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, text := range map[string]string{
		"main.go": strings.Replace(around, "SNIPPET", snippet, 1),
		"go.mod": "module firstuse\n\ngo 1.19\n\nrequire github.com/hotpathd/hotpathd/clients/go v0.0.0\n\n" +
			"replace github.com/hotpathd/hotpathd/clients/go => " + here + "\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command("go", "run", ".")
	command.Dir, command.Env = folder, append(os.Environ(), "HOTPATHD_URL=unix:/nowhere/s", "GOPROXY=off")
	out, err := command.Output() // the log says that there is no daemon
	if want := `"One paragraph." "Another." `; err != nil || string(out) != want {
		t.Errorf("%v: %s", err, out)
	}
}
