//go:build unix && !solaris && !aix

package hotpathd

import (
	"os"
	"syscall"
)

func lockFile(file *os.File) (unlock func(), err error) {
	fd := int(file.Fd())
	if err := syscall.Flock(fd, syscall.LOCK_EX); err != nil {
		return nil, err
	}
	return func() { syscall.Flock(fd, syscall.LOCK_UN) }, nil // closing it would do, too
}
