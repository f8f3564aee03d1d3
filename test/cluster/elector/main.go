// Command elector campaigns for one Lease with client-go's own leader election, the behaviour that
// leasehold has to be compatible with. It prints one JSON line per event on stdout and takes commands
// on stdin: "release [pause]" gives leadership up and campaigns again after the pause (one retry
// period unless told), "quit" gives it up and exits. SIGTERM does what "quit" does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

type event struct {
	Type string `json:"type"`
	// A string, because nanoseconds since 1970 do not fit a JavaScript number.
	UnixNanoseconds int64  `json:"unixNanoseconds,string"`
	Leader          string `json:"leader,omitempty"`
}

type printer struct{ mutex sync.Mutex }

func (p *printer) print(kind, leader string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	_ = json.NewEncoder(os.Stdout).Encode(event{kind, time.Now().UnixNano(), leader})
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	kubeconfig := flag.String("kubeconfig", os.Getenv("KUBECONFIG"), "path of the kubeconfig; in a Pod, that of its service account by default")
	namespace := flag.String("namespace", "default", "namespace of the Lease")
	name := flag.String("name", "", "name of the Lease")
	identity := flag.String("identity", ownIdentity(), "identity of this candidate")
	leaseDuration := flag.Duration("lease-duration", 15*time.Second, "see client-go")
	renewDeadline := flag.Duration("renew-deadline", 10*time.Second, "see client-go")
	retryPeriod := flag.Duration("retry-period", 2*time.Second, "see client-go")
	releaseOnCancel := flag.Bool("release-on-cancel", false, "see client-go")
	flag.Parse()

	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}

	process, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	releases := make(chan time.Duration)
	go readCommands(releases, *retryPeriod, stop)

	events := &printer{}
	for process.Err() == nil {
		term, endTerm := context.WithCancel(process)
		var led atomic.Bool
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: &resourcelock.LeaseLock{
				LeaseMeta:  metav1.ObjectMeta{Namespace: *namespace, Name: *name},
				Client:     client.CoordinationV1(),
				LockConfig: resourcelock.ResourceLockConfig{Identity: *identity},
			},
			LeaseDuration:   *leaseDuration,
			RenewDeadline:   *renewDeadline,
			RetryPeriod:     *retryPeriod,
			ReleaseOnCancel: *releaseOnCancel,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) {
					led.Store(true)
					events.print("started-leading", *identity)
				},
				OnStoppedLeading: func() {
					// client-go also calls this for a candidate that never led.
					if led.Load() {
						events.print("stopped-leading", *identity)
					}
				},
				OnNewLeader: func(leader string) { events.print("new-leader", leader) },
			},
		})
		if err != nil {
			endTerm()
			return err
		}
		finished := make(chan struct{})
		go func() {
			elector.Run(term)
			close(finished)
		}()
		var pause time.Duration
		select {
		case pause = <-releases:
			endTerm()
			<-finished
		case <-finished:
			endTerm()
		}
		select {
		case <-process.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

// ownIdentity is what the programs of Kubernetes use: of this process alone.
func ownIdentity() string {
	hostname, err := os.Hostname()
	if err != nil {
		return ""
	}
	return hostname + "_" + string(uuid.NewUUID())
}

func readCommands(releases chan<- time.Duration, defaultPause time.Duration, stop func()) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 0:
		case words[0] == "quit":
			stop()
			return
		case words[0] == "release":
			pause := defaultPause
			if len(words) > 1 {
				parsed, err := time.ParseDuration(words[1])
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					continue
				}
				pause = parsed
			}
			releases <- pause
		default:
			fmt.Fprintf(os.Stderr, "unknown command %q\n", words[0])
		}
	}
}
