import type { Leasehold } from './leasehold.ts';

/** How many clients are still releasing. */
let closing = 0;

/**
 * Releases everything on SIGTERM, and then lets the signal end the process, as it would have without us:
 * after the last client of several, and not if the application listens for it, too, and so ends by
 * itself. A second SIGTERM finds nobody of us listening.
 *
 * @returns stops listening
 */
export function releaseOnSigterm(leasehold: Leasehold): () => void {
  const onSigterm = (): void => {
    closing += 1;
    void leasehold.close().then(() => {
      closing -= 1;
      if (closing === 0 && process.listenerCount('SIGTERM') === 0) {
        process.kill(process.pid, 'SIGTERM');
      }
    });
  };
  process.once('SIGTERM', onSigterm);
  return () => {
    process.off('SIGTERM', onSigterm);
  };
}
