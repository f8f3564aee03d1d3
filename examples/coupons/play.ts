import { startDatabase } from '../stage/database.ts';
import type { Database } from '../stage/database.ts';
import { say } from '../stage/stage.ts';
import type { Stage } from '../stage/stage.ts';
import type { Fault } from '../stage/worker.ts';

const COUPONS = 40;
const OTHERS = ['shop-2', 'shop-3'];
/** Of each shop: two of them could sell all. */
const BUYERS = 25;
/** In the middle of a sale: between the look at what is left and the write. */
const FREEZE: Fault = { after: 'charges shop-1/8', signal: 'SIGSTOP' };

export async function play(stage: Stage): Promise<void> {
  const database = await startDatabase(stage);
  say(`${String(COUPONS)} coupons, 3 shops with ${String(BUYERS)} buyers each`);
  await round(stage, database, 'naive.ts');
  await round(stage, database, 'locked.ts');
  await round(stage, database, 'locked.ts', FREEZE);
  await round(stage, database, 'main.ts', FREEZE);
}

/** One sale, with a database as at its beginning. */
async function round(
  stage: Stage,
  database: Database,
  program: string,
  fault?: Fault,
): Promise<void> {
  await database.run(new URL('schema.sql', import.meta.url));
  const environment = { DATABASE_URL: database.url, BUYERS: String(BUYERS) };
  const options = { program: new URL(program, import.meta.url), environment };
  const first = await stage.worker('shop-1', { ...options, fault });
  await first.printed(/^charges /);
  const others = await Promise.all(OTHERS.map((name) => stage.worker(name, options)));
  // A shop that is frozen holds the lock: the others end only after they have taken it over.
  await Promise.all(others.map(({ finished }) => finished));
  if (fault) first.signal('SIGCONT');
  await first.finished;
  const { rows } = await database.client.query<{ sold: number }>(
    'select count(*)::int as sold from coupons.sold',
  );
  const sold = rows[0]?.sold ?? 0;
  const verdict = sold > COUPONS ? `OVERSOLD by ${String(sold - COUPONS)}` : 'as many as there are';
  const refunds = first.count(/^refunds /);
  const refused = refunds > 0 ? `; ${plural(refunds, 'late write')} refused, and refunded` : '';
  const what = `${program}${fault ? ', shop-1 frozen in mid-sale' : ''}`;
  say(`${what.padEnd(40)}sold ${String(sold)}: ${verdict}${refused}`);
}

function plural(count: number, what: string): string {
  return `${String(count)} ${what}${count === 1 ? '' : 's'}`;
}
