module score

go 1.21

require (
	github.com/hotpathd/hotpathd/clients/go v0.0.0
	github.com/kljensen/snowball v0.10.0
)

replace github.com/hotpathd/hotpathd/clients/go => ../../clients/go
