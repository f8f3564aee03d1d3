import { startDatabase } from '../stage/database.ts';
import { say } from '../stage/stage.ts';
import type { Stage } from '../stage/stage.ts';
import type { Fault, Worker } from '../stage/worker.ts';

const OTHERS = ['replica-2', 'replica-3', 'replica-4'];
/** In a transaction: what it has filled in last is not committed. */
const DEATH: Fault = { after: 'filled in', signal: 'SIGKILL' };

export async function play(stage: Stage): Promise<void> {
  const database = await startDatabase(stage);
  const replica = (name: string, fault?: Fault): Promise<Worker> =>
    stage.worker(name, {
      program: new URL('main.ts', import.meta.url),
      environment: { DATABASE_URL: database.url, PORT: '0', ...(fault && { TTL: '4s' }) },
      fault,
      onLine: (line) => say(`${name}  ${line}`),
    });

  const first = await replica('replica-1', DEATH);
  await first.printed(/^version 0/);
  const others = Promise.all(OTHERS.map((name) => replica(name)));
  await first.finished;
  say('replica-1  IS KILLED in the middle');
  const started = await others;
  await Promise.all(started.map((worker) => worker.printed(/^serves$/)));

  const { rows } = await database.client.query<{ customers: number; filled: string }>(
    'select count(*)::int as customers, sum(times_filled) as filled from customer where email_key is not null',
  );
  const [{ customers, filled } = { customers: 0, filled: '' }] = rows;
  say(`${String(customers)} customers have a key, which was filled in ${filled} times`);

  const late = await replica('replica-5');
  await late.printed(/^serves$/);
  if (late.count(/^waits/) === 0) say('replica-5 has asked nobody for a lock');
}
