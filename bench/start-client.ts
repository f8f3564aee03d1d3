/** An idle client, that holds many locks when told to. Runs stripped of its types, see start.ts. */
import { once } from 'node:events';
import type * as library from '../src/index.ts';

const { connect } = (await import(process.env.LEASEHOLD_BUILD ?? '')) as typeof library;
const leasehold = await connect();
await leasehold.election('start').acquire();
const first = await leasehold.lock('first').acquire();
await first.release();
process.stdout.write('idle\n');

const names = Array.from(
  { length: Number(process.env.HELD_LOCKS) },
  (_, index) => `held-${String(index)}`,
);
/** One after the other: the garbage of a burst is the burst's, and not of what is held. */
async function acquireAll(): Promise<library.Held[]> {
  const held: library.Held[] = [];
  for (const name of names) held.push(await leasehold.lock(name).acquire());
  return held;
}

await once(process.stdin, 'data');
const held = await acquireAll();
process.stdout.write('holding\n');

await once(process.stdin, 'data');
for (const one of held.splice(0)) await one.release();
process.stdout.write('released\n');

await once(process.stdin, 'data');
await acquireAll();
process.stdout.write('again\n');

await once(process.stdin, 'data');
await leasehold.close();
process.stdin.destroy();
