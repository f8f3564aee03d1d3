import type { Duration } from '../core/duration.ts';
import type { Observer } from '../core/events.ts';
import type { EventLogger } from '../telemetry/log.ts';

/** How to connect; everything has a default that fits a Pod, and a developer's machine. */
export interface ConnectOptions {
  /**
   * A kubeconfig file. By default the Pod's service account inside a Pod, and elsewhere what
   * kubectl would use: `KUBECONFIG`, or `~/.kube/config`.
   */
  readonly kubeconfig?: string;
  /** A context of the kubeconfig; its current one by default. */
  readonly context?: string;
  /** Where the Leases are; the Pod's or the context's namespace by default. */
  readonly namespace?: string;
  /** The name under which this process appears in Leases; the Pod's or host's name by default. */
  readonly identity?: string;
  /**
   * How long a silent process keeps its locks: whole seconds from 2 s to an hour, 15 s by default.
   * Renewed every third of it; a holder itself stops after four fifths of it.
   */
  readonly ttl?: Duration;
  /** A pino logger, or anything like one. Silent by default. */
  readonly logger?: EventLogger;
  /** Told of every event of locks, elections and the session. */
  readonly onEvent?: Observer;
  /** Review permissions at once, so that a missing one is found here; true by default. */
  readonly checkPermissions?: boolean;
  /**
   * On SIGTERM, `close()` and then end the process, unless the application listens for SIGTERM itself
   * and so ends when it likes; another SIGTERM, a second later at the earliest, ends it at once. False by
   * default.
   */
  readonly releaseOnSigterm?: boolean;
}
