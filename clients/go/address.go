package hotpathd

import (
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"
)

const (
	defaultSocket = "/run/hotpathd/hotpathd.sock"
	defaultURL    = "http://127.0.0.1:8377"
)

// address is where the daemon listens: what net.Dialer wants, and the Host it will be called by.
type address struct {
	network, endpoint, host string
}

// findAddress takes the URL of the settings, else of the environment, else the usual Unix socket
// where there is one, else the usual port.
func findAddress(fromConfig string) (address, error) {
	switch fromEnv := os.Getenv("HOTPATHD_URL"); {
	case fromConfig != "":
		return parseAddress(fromConfig)
	case fromEnv != "":
		return parseAddress(fromEnv)
	case isSocket(defaultSocket):
		return parseAddress("unix:" + defaultSocket)
	default:
		return parseAddress(defaultURL)
	}
}

func isSocket(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&fs.ModeSocket != 0
}

// parseAddress reads unix:path or http://host:port.
func parseAddress(raw string) (address, error) {
	if strings.HasPrefix(raw, "unix:") {
		return unixAddress(raw, strings.TrimPrefix(raw, "unix:"))
	}
	u, err := url.Parse(raw)
	if err != nil {
		return address{}, fmt.Errorf("hotpathd: URL %q: %w", raw, err)
	}
	bare := url.URL{Scheme: "http", Host: u.Host}
	if u.Hostname() == "" || bare.String() != strings.TrimSuffix(raw, "/") {
		return address{}, fmt.Errorf("hotpathd: URL %q is neither http://host:port nor unix:path", raw)
	}
	name, port := u.Hostname(), u.Port()
	if port == "" {
		port = "80"
	}
	if name == "localhost" {
		name = "127.0.0.1"
	}
	if net.ParseIP(name) == nil {
		return address{}, fmt.Errorf("hotpathd: URL %q: the host is an IP address or localhost", raw)
	}
	endpoint := net.JoinHostPort(name, port)
	return address{network: "tcp", endpoint: endpoint, host: endpoint}, nil
}

func unixAddress(raw, path string) (address, error) {
	path = strings.TrimPrefix(path, "//")
	if path == "" || strings.Contains(path, "\x00") {
		return address{}, fmt.Errorf("hotpathd: URL %q names no socket", raw)
	}
	return address{network: "unix", endpoint: path, host: "localhost"}, nil
}
