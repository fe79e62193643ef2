package hotpathd

import "context"

type traceKey struct{}

// WithTraceparent returns a context whose calls carry a W3C traceparent. Where a tracing library
// is used, Config.Traceparent reads the current span's instead.
func WithTraceparent(ctx context.Context, traceparent string) context.Context {
	return context.WithValue(ctx, traceKey{}, traceparent)
}

func (c *Client) traceparentOf(ctx context.Context) string {
	text, _ := ctx.Value(traceKey{}).(string)
	if c.traceparent != nil && text == "" {
		text = c.traceparent(ctx)
	}
	if !isTraceparent(text) {
		return ""
	}
	return text
}

// isTraceparent checks the form 00-<32 hex>-<16 hex>-<2 hex>; what a later version adds is left out.
func isTraceparent(text string) bool {
	if len(text) != 55 {
		return false
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		if dash := i == 2 || i == 35 || i == 52; dash != (c == '-') {
			return false
		} else if !dash && !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}
