//go:build go1.21

package hotpathd

import "context"

var afterDone = context.AfterFunc
