//go:build !unix

package hotpathd

import "net"

// isSilent cannot tell here: a connection that has died shows by its next request.
func isSilent(net.Conn) bool { return true }
