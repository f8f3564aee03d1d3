/**
 * `npm run bench -- NAME`: measures on a real API server, and prints a table and then one line of
 * JSON. Each figure stands beside the limit that it is held to.
 */
import { print } from './report.ts';
import type { Figure } from './report.ts';

const benches: Record<string, () => Promise<{ measure: () => Promise<Figure[]> }>> = {
  cycle: () => import('./cycle.ts'),
  handoff: () => import('./handoff.ts'),
  contended: () => import('./contended.ts'),
  local: () => import('./local.ts'),
  'client-go': () => import('./client-go.ts'),
  start: () => import('./start.ts'),
  ls: () => import('./ls.ts'),
  embedded: () => import('./embedded.ts'),
  supervisor: () => import('./supervisor.ts'),
  recovery: () => import('./recovery.ts'),
  pods: () => import('./pods.ts'),
  operator: () => import('./operator.ts'),
  sizing: () => import('./sizing.ts'),
};

const name = process.argv[2] ?? '';
const load = benches[name];
if (load) {
  const { measure } = await load();
  print(await measure());
} else {
  console.error(`Usage: npm run bench -- ${Object.keys(benches).join('|')}`);
  process.exitCode = 2;
}
