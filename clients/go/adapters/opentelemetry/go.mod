module github.com/hotpathd/hotpathd/clients/go/adapters/opentelemetry

go 1.22

require (
	github.com/hotpathd/hotpathd/clients/go v0.0.0
	go.opentelemetry.io/otel v1.32.0
	go.opentelemetry.io/otel/metric v1.32.0
	go.opentelemetry.io/otel/sdk/metric v1.32.0
	go.opentelemetry.io/otel/trace v1.32.0
)

require (
	github.com/go-logr/logr v1.4.2 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	go.opentelemetry.io/otel/sdk v1.32.0 // indirect
	golang.org/x/sys v0.27.0 // indirect
)

replace github.com/hotpathd/hotpathd/clients/go => ../..
