import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../src/index.ts';
import { ELECTION, ELECTION_TIMES } from './protocol.ts';

/**
 * A process that leaves everything to `close()`: prints as JSON what is active before it connects, while
 * it works, and after `close()`. It must then end by itself, and does not say `process.exit()`.
 */
const kubeconfig = process.env.KUBECONFIG ?? '';
const taken = process.env.TAKEN ?? '';

/** Of the output it is not known when it begins to count. */
function active(): string[] {
  return process.getActiveResourcesInfo().filter((name) => !/^(Pipe|TTY|FSReq)/.test(name));
}

const before = active();
const leasehold = await connect({ kubeconfig, identity: 'closing', releaseOnSigterm: true });
// Held, waited for by a watch, waited for among its own, led, stood for, observed, tried.
await leasehold.lock('held').acquire();
const refused = [leasehold.lock('held').acquire(), leasehold.lock(taken).acquire()];
const row = Array.from({ length: 20 }, (_, index) =>
  leasehold.lock(`${taken}-${String(index)}`).acquire({ timeout: '1h' }),
);
const term = await leasehold.election(ELECTION, ELECTION_TIMES).acquire();
const standing = leasehold.election(`${taken}-led`, ELECTION_TIMES).run(() => undefined);
const observing = leasehold.election(ELECTION, ELECTION_TIMES).observe();
await observing.next();
const next = observing.next();
await leasehold.lock(taken).tryAcquire();
// Timers that are set late: of a hold that lasts.
await sleep(1_200);
const during = active();
const all = Promise.allSettled([...refused, ...row, standing, next]);
await leasehold.close();
const settled = await all;
const after = active();
const signals = process.listenerCount('SIGTERM');
const outcomes = settled.map((one) =>
  one.status === 'rejected' ? (one.reason as { code?: string }).code : 'fulfilled',
);
process.stdout.write(
  JSON.stringify({ before, during, after, signals, outcomes, valid: term.valid }),
);
