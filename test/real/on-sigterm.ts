/**
 * An application that lets the library release on SIGTERM. It works under a lock until it is told to
 * stop, and then until it may: when its input has ended.
 */
import { once } from 'node:events';
import { connect } from '../../src/index.ts';

const [namespace = '', ...more] = process.argv.slice(2);
if (more.includes('listens')) process.once('SIGTERM', () => process.stdout.write('heard\n'));
if (more.includes('stays')) setInterval(() => undefined, 60_000);
if (more.includes('signal-exit 3')) (await import('signal-exit-3')).default(told);
if (more.includes('signal-exit 4')) (await import('signal-exit')).onExit(told);
// Has nothing to release, and is done first.
await connect({ namespace, identity: 'idle', releaseOnSigterm: true });
const leasehold = await connect({ namespace, identity: 'application', releaseOnSigterm: true });
await leasehold.lock('work').run(async ({ signal }) => {
  process.stdout.write('works\n');
  await once(signal, 'abort');
  process.stdout.write(`stops: ${(signal.reason as { code: string }).code}\n`);
  await once(process.stdin.resume(), 'end');
  process.stdout.write('stopped\n');
});
await leasehold.close();
process.stdout.write('ends by itself\n');

function told(): void {
  process.stdout.write('is told of the end\n');
}
