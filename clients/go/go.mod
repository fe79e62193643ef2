module github.com/hotpathd/hotpathd/clients/go

go 1.19
