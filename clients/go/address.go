package hotpathd

import (
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strconv"
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

// parseAddress reads unix:path, or http://host:port, whose port is 80 where none is named.
func parseAddress(raw string) (address, error) {
	if strings.HasPrefix(raw, "unix:") {
		return unixAddress(raw, strings.TrimPrefix(raw, "unix:"))
	}
	u, err := url.Parse(raw)
	if err != nil {
		return address{}, fmt.Errorf("hotpathd: URL %q: %w", raw, err)
	}
	bare := url.URL{Scheme: "http", Host: u.Host}
	if u.Hostname() == "" || !strings.EqualFold(bare.String(), strings.TrimSuffix(raw, "/")) {
		return address{}, fmt.Errorf("hotpathd: URL %q is neither http://host:port nor unix:path", raw)
	}
	name, port := strings.ToLower(u.Hostname()), u.Port()
	if name == "localhost" {
		name = "127.0.0.1"
	}
	if net.ParseIP(name) == nil {
		return address{}, fmt.Errorf("hotpathd: URL %q: the host is an IP address or localhost", raw)
	}
	if port == "" {
		port = "80"
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return address{}, fmt.Errorf("hotpathd: URL %q: a port is at most 65535", raw)
	}
	endpoint := net.JoinHostPort(name, port)
	return address{network: "tcp", endpoint: endpoint, host: endpoint}, nil
}

func unixAddress(raw, path string) (address, error) {
	path = strings.TrimPrefix(path, "//")
	if path == "" || strings.Contains(path, "\x00") {
		return address{}, fmt.Errorf("hotpathd: URL %q: unix: is followed by a path", raw)
	}
	if path[0] == '@' { // which net takes for an abstract name, and the daemon for a file
		path = "./" + path
	}
	return address{network: "unix", endpoint: path, host: "localhost"}, nil
}
