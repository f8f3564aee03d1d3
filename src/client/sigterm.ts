import type { Leasehold } from './leasehold.ts';

/** How many clients listen, and how many are releasing. */
let listening = 0;
let closing = 0;
/** Whether the application listened for the signal, too. */
let isHeardByOthers = false;

/**
 * Releases everything on SIGTERM, and then lets the signal end the process, as it would have without us:
 * after the last client of several, and not if the application listens for it, too, and so ends by
 * itself. A second SIGTERM finds nobody of us listening.
 *
 * @returns stops listening
 */
export function releaseOnSigterm(leasehold: Leasehold): () => void {
  let isListening = true;
  const stop = (): void => {
    if (!isListening) return;
    isListening = false;
    listening -= 1;
    process.off('SIGTERM', onSigterm);
  };
  const onSigterm = (): void => {
    stop();
    isHeardByOthers ||= process.listenerCount('SIGTERM') > listening;
    closing += 1;
    void leasehold.close().then(() => {
      closing -= 1;
      if (closing === 0 && !isHeardByOthers) process.kill(process.pid, 'SIGTERM');
    });
  };
  // First, while those of the application that listen once are still there to be counted.
  process.prependListener('SIGTERM', onSigterm);
  listening += 1;
  return stop;
}
