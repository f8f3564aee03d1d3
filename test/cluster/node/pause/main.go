// Command pause is process 1 of each Pod: it keeps the Pod's namespaces, and reaps.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// Who ignores SIGCHLD leaves no zombies: the kernel reaps.
	signal.Ignore(syscall.SIGCHLD)
	ending := make(chan os.Signal, 1)
	signal.Notify(ending, syscall.SIGINT, syscall.SIGTERM)
	<-ending
}
