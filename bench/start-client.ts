/** An idle client, that holds many locks when told to. Runs stripped of its types, see start.ts. */
import { once } from 'node:events';
import type * as library from '../src/index.ts';

const { connect } = (await import(process.env.LEASEHOLD_BUILD ?? '')) as typeof library;
const leasehold = await connect();
await leasehold.election('start').acquire();
const first = await leasehold.lock('first').acquire();
await first.release();
process.stdout.write('idle\n');

await once(process.stdin, 'data');
const names = Array.from(
  { length: Number(process.env.HELD_LOCKS) },
  (_, index) => `held-${String(index)}`,
);
await Promise.all(names.map((name) => leasehold.lock(name).acquire()));
process.stdout.write('holding\n');

await once(process.stdin, 'data');
await leasehold.close();
process.stdin.destroy();
