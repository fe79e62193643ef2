module score

go 1.21

require github.com/kljensen/snowball v0.10.0
