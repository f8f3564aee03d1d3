import { openCluster } from '../../client/cluster.ts';
import type { Cluster } from '../../client/cluster.ts';
import type { Lease } from '../../core/lease.ts';
import { writeEvent } from '../../kube/events.ts';
import type { Notice } from '../../kube/events.ts';
import { leaseApi } from '../../kube/lease-api.ts';
import { listAllLeases } from '../../kube/lease-list.ts';
import { userName } from '../../kube/self.ts';
import { errorOf } from '../../kube/status-error.ts';
import type { Workshop } from '../../repair/compare-and-swap.ts';
import type { ListLeases } from '../../repair/revoke.ts';
import { confirm } from '../confirm.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonLines } from '../output/json.ts';
import { print, printLines } from '../output/stdout.ts';
import { printable } from '../output/text.ts';
import { exitCodeOfError } from '../outcome.ts';
import { say } from '../stderr.ts';
import { wrapped } from '../wrapped.ts';
import type { RepairFlags } from './options.ts';

const DEADLINE_MS = 5_000;
/** As wide as any terminal. */
const COLUMNS = 79;

/** What was decided about a repair that was shown. */
export type Approval = 'approved' | 'dry-run' | 'declined';

/** One run of a command that mends: shows, asks, does, and tells what it did. */
export class RepairRun {
  readonly namespace: string;
  readonly workshop: Workshop;
  readonly list: ListLeases;
  readonly #cluster: Cluster;
  readonly #flags: RepairFlags;
  #user: string | undefined;

  constructor(cluster: Cluster, flags: RepairFlags) {
    const { transport, namespace, clock } = cluster;
    this.namespace = namespace;
    this.workshop = { api: leaseApi(transport, namespace, DEADLINE_MS), clock };
    this.list = async () => (await listAllLeases(transport, namespace)).leases;
    this.#cluster = cluster;
    this.#flags = flags;
  }

  /** For people: on stdout, unless that is for a program. */
  line(text = ''): void {
    (this.#isJson ? process.stderr : process.stdout).write(`${printable(text)}\n`);
  }

  /** For people: why nothing was done, or not all. */
  complain(text: string): void {
    say(printable(text));
  }

  /** What it is about, names to the left; and on which cluster, as there are several. */
  facts(facts: readonly (readonly [name: string, text: string])[]): void {
    const rows = [...facts, ['cluster', this.#cluster.access.source] as const];
    const width = Math.max(...rows.map(([name]) => name.length));
    for (const [name, text] of rows) {
      for (const [index, line] of wrapped(printable(text), COLUMNS - width - 4).entries()) {
        this.line(`  ${(index === 0 ? name : '').padEnd(width)}  ${line}`);
      }
    }
    this.line();
  }

  /** What to think of before the answer. */
  paragraph(text: string): void {
    for (const line of wrapped(text, COLUMNS)) this.line(line);
    this.line();
  }

  /** Whether it is to be done: asks a person, unless the flags have the answer. */
  async approve(question: string): Promise<Approval> {
    if (this.#flags.dryRun) {
      this.line('Nothing was changed: this is a dry run.');
      return 'dry-run';
    }
    if (this.#flags.yes) return 'approved';
    const answer = await confirm(question);
    if (answer === 'yes') return 'approved';
    say(
      answer === 'nobody'
        ? 'nothing was changed: stdin is no terminal, so nobody can be asked; add --yes'
        : 'nothing was changed',
    );
    return 'declined';
  }

  /** Writes a Kubernetes Event about the Lease. Best effort: what was done is done. */
  async note(lease: Lease, notice: Notice): Promise<boolean> {
    const { transport, clock } = this.#cluster;
    this.#user ??= await userName(transport);
    const message = `${notice.message}; by ${this.#user ?? 'somebody'}`;
    const told = { ...notice, message };
    const outcome = await writeEvent(transport, lease, this.namespace, told, clock.wall());
    if (outcome.kind === 'done') return true;
    const isForbidden = outcome.kind === 'refused' && outcome.status === 403;
    const why = isForbidden
      ? 'not permitted; the rule to add is { apiGroups: [""], resources: ["events"], verbs: ["create"] }'
      : errorOf(outcome, 'write it').message;
    this.complain(`it was done, but no Event tells of it: ${why}`);
    return false;
  }

  /** The result for a program, under `-o json`. */
  async report(kind: string, result: Readonly<Record<string, unknown>>): Promise<void> {
    if (!this.#isJson) return;
    await printLines(jsonLines({ kind, namespace: this.namespace, ...result }));
  }

  get #isJson(): boolean {
    return this.#flags.output === 'json';
  }
}

/** Opens the cluster that the flags name and runs `work`, which returns the exit code. */
export async function repair(
  flags: RepairFlags,
  work: (run: RepairRun) => Promise<number>,
): Promise<number> {
  // Whether anybody reads does not change what is done.
  process.stdout.on('error', () => undefined);
  try {
    const cluster = await openCluster(flags);
    try {
      return await work(new RepairRun(cluster, flags));
    } finally {
      cluster.transport.close();
    }
  } catch (error) {
    return exitCodeOfError(error, undefined);
  } finally {
    // The program ends at once after this.
    await print('');
  }
}

export function exitCodeOfApproval(approval: Exclude<Approval, 'approved'>): number {
  return approval === 'dry-run' ? 0 : EXIT.declined;
}
